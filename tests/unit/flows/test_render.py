"""Keys and values → pages: numbers, names and phrases in the reader's language."""

from __future__ import annotations

import string

import pytest

from app.flows import render
from app.flows.model import Named, Pack, Phrase, Screen, Value
from app.text.encoding import units
from app.words import Limits
from tests.unit.flows.walks import shipped

PACK: Pack = {
    "pack.names": "en",
    "nav.next": "9 next",
    "nav.back": "0 back",
    "nav.home": "00 menu",
    "plain": "{value}",
    "lines": "{first}\n{second}\n{third}",
    "wrong": "Not so.",
    "short": "Short",
    "money": "{kip} kip",
}


def shown(screen: Screen, language: str = "en") -> list[str]:
    return render.pages(screen, PACK, language, Limits())


def written(value: Value, language: str = "lo") -> str:
    return render.filled("{value}", {"value": value}, PACK, language)


def in_names(value: Value, names: str) -> str:
    """As a pack writes it that names places and services in that language."""
    return render.filled("{value}", {"value": value}, {**PACK, "pack.names": names}, "lo")


@pytest.mark.parametrize(
    ("number", "lao", "english"),
    [
        (0, "0", "0"),
        (7, "7", "7"),
        (50_000, "50.000", "50,000"),
        (1_000_000_000, "1.000.000.000", "1,000,000,000"),
        (-5_000, "-5.000", "-5,000"),
    ],
)
def test_numbers_are_written_as_lao_offices_write_them(number: int, lao: str, english: str) -> None:
    assert (written(number, "lo"), written(number, "en")) == (lao, english)


def test_a_language_without_rules_of_its_own_writes_numbers_as_lao_does() -> None:
    assert written(50_000, "hmn") == "50.000"


def test_a_text_that_is_a_figure_stays_as_it_is() -> None:
    assert written("0103") == "0103"


def test_a_thing_has_its_name_in_the_readers_language() -> None:
    pek = Named({"lo": "ແປກ", "en": "Pek"})
    assert (in_names(pek, "lo"), in_names(pek, "en"), in_names(pek, "vi")) == ("ແປກ", "Pek", "ແປກ")
    assert written(Named({})) == ""


def test_a_phrase_is_filled_with_its_own_values() -> None:
    assert written(Phrase("money", {"kip": 25_000}), "en") == "25,000 kip"


@pytest.mark.parametrize(
    ("second", "lines"),
    [("", "a\nc"), ("  ", "a\nc"), ("b", "a\nb\nc"), (Phrase("plain", {"value": ""}), "a\nc")],
)
def test_lines_that_come_out_empty_are_left_out(second: Value, lines: str) -> None:
    values: dict[str, Value] = {"first": "a", "second": second, "third": "c"}
    assert render.filled(PACK["lines"], values, PACK, "lo") == lines


@pytest.mark.parametrize("sent", ["{value}", "{nav.back}", "{", "}}{{", "{0}", "{value.__class__}"])
def test_braces_in_what_a_citizen_wrote_are_just_braces(sent: str) -> None:
    assert written(sent) == sent
    assert written(Phrase("plain", {"value": sent})) == sent
    assert sent in shown(Screen("plain", values={"value": sent}))[0]


def test_a_notice_stands_before_the_question() -> None:
    screen = Screen("plain", values={"value": "Who?"}, notice="wrong")
    assert shown(screen) == ["Not so.\nWho?"]


def test_options_have_their_numbers_and_hints_stand_last() -> None:
    screen = Screen(
        "plain",
        values={"value": "Which?"},
        options=(("1", Named({"en": "Pek"})), ("10", Phrase("money", {"kip": 5}))),
        can_back=True,
        can_home=True,
    )
    assert shown(screen) == ["Which?\n1 Pek\n10 5 kip\n0 back 00 menu"]


def test_later_pages_open_with_the_short_question() -> None:
    options = tuple((str(number), Named({"en": "A service " * 3})) for number in range(1, 9))
    pages = shown(Screen("plain", short="short", values={"value": "Which one?"}, options=options))
    assert len(pages) > 1
    assert pages[0].startswith("Which one?")
    assert all(page.startswith("Short\n") for page in pages[1:])
    assert all(units(page) <= 160 for page in pages)


def test_an_end_has_no_hints() -> None:
    assert shown(Screen("plain", values={"value": "Bye"}, ends=True)) == ["Bye"]


@pytest.mark.parametrize("language", ["lo", "en"])
def test_every_text_of_the_shipped_packs_can_be_filled(language: str) -> None:
    pack = shipped().packs[language]
    for text in pack.values():
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name]
        assert render.filled(text, dict.fromkeys(names, 1), pack, language)
