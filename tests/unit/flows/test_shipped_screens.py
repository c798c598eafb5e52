"""Every screen of the shipped flow with the longest names and the largest amounts there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from app.flows import engine, render
from app.flows.model import Context, Input, Named, Phrase, Screen, State, Value
from app.flows.nodes import Choose, Question, Say
from app.flows.walk import WRONG
from app.text.encoding import units
from app.words import Limits
from tests.unit.flows.walks import (
    USSD,
    Names,
    Paper,
    Walk,
    fits,
    main_flow,
    names,
    rows,
    shipped,
)

LARGEST = 1_000_000_000
LANGUAGES = tuple(sorted(shipped().packs))
NAMED = ("lo", "en")
"""Languages in which places and services have names; every pack says which it shows."""
WAITING = [
    name for name, node in main_flow().nodes.items() if isinstance(node, Question | Choose | Say)
]
ENDS = [name for name in WAITING if isinstance(node := main_flow().nodes[name], Say) and node.ends]


def longest(found: list[dict[str, str]], measure: Callable[[str], int] = units) -> Names:
    """Of names in each language the longest, whatever thing it belongs to."""
    return {
        language: max((row[f"name_{language}"] for row in found), key=measure) for language in NAMED
    }


def worst_paper() -> Paper:
    """Centers in 18 provinces and 20 districts, every service, the largest fees and papers."""
    services = rows("services")
    papers = {
        language: max((row[f"papers_{language}"] for row in services), key=units)
        for language in NAMED
    }
    fee: Mapping[str, Value] = {
        "fee": Phrase("fee.both", {"fee": LARGEST, "charge": LARGEST}),
        "days": Phrase("fee.days", {"days": 365}),
        "papers": Phrase("fee.papers", {"papers": Named(papers)}),
    }
    names_of = {row["key"]: names(row) for row in services} | {"long": longest(services)}
    codes = [f"{code:02}01" for code in range(1, 19)] + [f"01{code:02}" for code in range(2, 21)]
    centers = dict.fromkeys(codes, longest(rows("districts")))
    return Paper("0101", centers, names_of, fee, {"V": longest(services)})


def screen_of(node: str) -> Screen:
    place = longest(rows("districts"))
    state = State(
        node,
        history=(("main/home", ()), ("main/home", ())),
        kept={"asked": "long", "number": "V", "province": "01", "district": "0101"},
        labels={"odsc": place, "last": place},
    )
    context = Context("lo", shipped().packs["lo"], "ussd", "phone", new=True)
    steps = engine.step(shipped(), main_flow(), context, state, Input("", opening=True))
    step = engine.answered(steps, worst_paper())
    assert step.state.node == node
    return step.screen


def variants(node: str) -> Iterator[Screen]:
    """The screen as it comes, and after every wrong answer there may be."""
    screen, found = screen_of(node), main_flow().nodes[node]
    yield screen
    if screen.ends:
        return
    asks = found.asks if isinstance(found, Question) else ()
    told = {notice for ask in asks for notice in (ask.wrong, ask.unknown)}
    told |= {rule.text for ask in asks for rule in ask.rules}
    for notice in {WRONG, *told} - {""}:
        yield replace(screen, notice=notice)
    if isinstance(found, Question) and found.simple:
        yield replace(screen, text=found.simple)


def pages_of(screen: Screen, language: str, limits: Limits = USSD) -> list[str]:
    return render.pages(screen, shipped().packs[language], language, limits)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node", WAITING)
def test_every_page_of_every_screen_fits_at_its_worst(node: str, language: str) -> None:
    for screen in variants(node):
        pages = pages_of(screen, language)
        assert pages
        assert all(fits(page) and page.strip() for page in pages), pages


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node", WAITING)
def test_no_option_is_ever_shortened(node: str, language: str) -> None:
    text = "\n".join(pages_of(screen_of(node), language))
    assert "…" not in text
    assert "..." not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node", ENDS)
def test_what_ends_a_conversation_is_one_page(node: str, language: str) -> None:
    screen = screen_of(node)
    assert screen.ends
    assert len(pages_of(screen, language)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["error.system", "error.session", "error.busy"])
def test_what_ends_a_session_that_broke_is_one_page(key: str, language: str) -> None:
    assert fits(shipped().packs[language][key])


@pytest.mark.parametrize("new", [False, True])
def test_the_lao_main_menu_is_one_page_in_the_agreed_order(new: bool) -> None:
    walk = Walk(new=new)
    assert len(walk.pages) == 1
    assert units(walk.page, "UCS-2") <= 70
    title, *options = walk.page.splitlines()
    assert title == "ສຽງ"
    assert [option[:2] for option in options[:5]] == ["1 ", "2 ", "3 ", "4 ", "5 "]
    assert len(options) == 5 or (new and len(options) == 6)
    order = ["rate", "request", "fees", "problem", "language"]
    home = main_flow().nodes["main/home"]
    assert isinstance(home, Question)
    assert [option.to for option in home.options[:5]] == [f"main/{name}" for name in order]


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_main_menu_is_one_page_in_every_language(language: str, new: bool) -> None:
    assert len(Walk(language=language, new=new).pages) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_score_can_be_given_from_the_first_page(language: str) -> None:
    """Two pages at most, for the longest name: nobody should have to turn a page to answer."""
    pages = pages_of(screen_of("main/score"), language)
    assert len(pages) <= 2
    names_in = shipped().packs[language]["pack.names"]
    assert longest(rows("districts"))[names_in] in pages[0].replace("\n", " ")


@pytest.mark.parametrize("language", NAMED)
def test_english_never_costs_more_than_gsm7(language: str) -> None:
    pack = shipped().packs[language]
    plain = {key for key, text in pack.items() if units(text, "GSM-7") == units(text)}
    lao_names = {key for key in pack if key.split(".")[0] == "language"}
    assert (plain >= pack.keys() - lao_names) == (language == "en")
