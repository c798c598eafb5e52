"""The pure core alone: the engine's step and a screen's pages, beside a dictionary's lookup."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from app import clock
from app.conversation import lookups
from app.conversation.books import read_sources
from app.conversation.lookups import Asker
from app.flows import engine as flow_engine
from app.flows import load, render
from app.flows.model import Context, Input, Lookup, Outcome, Screen, State, Step
from app.people.vault import Vault
from app.requests.looking import Pace
from app.settings import Settings
from app.storage.people import Contact
from app.words import Limits
from bench.figures import percentile
from bench.scripts import KEYS

WALKS = 300
REPEATS = 500
LOOKUPS_A_TIME = 1000
VAULT = Vault(b"p" * 32, b"h" * 32)
NOBODY = Contact(id=0, language=None, last_odsc=None, stopped=False)
Figures = dict[str, float]


def measured(settings: Settings, database: Engine) -> dict[str, Figures]:
    """Microseconds of each, median and p99."""
    core = _Core(settings, database)
    steps: list[float] = []
    renders: list[float] = []
    for _ in range(WALKS):
        core.walk(steps, renders)
    # A Lao screen is dearest by its options: the longest list that the walk meets.
    longest = max(core.screens, key=lambda screen: len(screen.options))
    listed = [_timed(partial(core.pages, longest)) for _ in range(REPEATS)]
    whole = [step + rendered for step, rendered in zip(steps, renders, strict=True)]
    return {
        "step": _figures(steps),
        "pages": _figures(renders),
        "step_and_pages": _figures(whole),
        "service_list": _figures(listed)
        | {"options": len(longest.options), "pages": len(core.pages(longest))},
        "dict_lookup": _figures(_bare_lookups()),
    }


@dataclass
class _Core:
    """The flow and its Lao texts; what steps look up is remembered, so no database is in it."""

    settings: Settings
    database: Engine

    def __post_init__(self) -> None:
        chosen = self.settings.conversation.flow
        self.language = self.settings.service.language
        book = load.book(read_sources(self.settings.config))
        self.book, self.flow, self.pack = book, book.flows[chosen], book.packs[self.language]
        self.context = Context(self.language, self.pack, "ussd")
        self.known: dict[str, Outcome] = {}
        self.screens: list[Screen] = []
        self.walk([], [])

    def walk(self, steps: list[float], renders: list[float]) -> None:
        """One whole conversation: how long each step took, and each laying out of its screen."""
        state: State | None = None
        self.screens = []
        for key in ("", *KEYS):
            begun = time.perf_counter_ns()
            step = self._step(state, key)
            steps.append((time.perf_counter_ns() - begun) / 1000)
            renders.append(_timed(partial(self.pages, step.screen)))
            self.screens.append(step.screen)
            state = step.state

    def pages(self, screen: Screen) -> list[str]:
        return render.pages(screen, self.pack, self.language, Limits())

    def _step(self, state: State | None, key: str) -> Step:
        if state is None:
            steps = flow_engine.begin(self.book, self.flow, self.context)
        else:
            steps = flow_engine.step(self.book, self.flow, self.context, state, Input(key))
        return flow_engine.answered(steps, self._find)

    def _find(self, lookup: Lookup) -> Outcome:
        key = f"{lookup.name} {sorted(lookup.args.items())}"
        if key not in self.known:
            with self.database.connect() as tx:
                asker = Asker(
                    tx=tx,
                    contact=NOBODY,
                    medium="ussd",
                    registry=None,
                    now=clock.now(),
                    vault=VAULT,
                    pace=Pace(),
                    stale_after=timedelta(days=7),
                )
                self.known[key] = lookups.answer(asker, lookup)
        return self.known[key]


def _bare_lookups() -> list[float]:
    """A menu as a dictionary: the screen that follows a screen and a key; no state, no pages."""
    menu: Mapping[tuple[str, str], str] = {
        (f"screen {number}", key): f"screen {number + 1}"
        for number in range(10)
        for key in "0123456789"
    }
    asked = [("screen 4", "7")] * LOOKUPS_A_TIME

    def look_up() -> None:
        for key in asked:
            menu[key]

    # One is over before the clock notices: many are timed together, their loop with them.
    return [_timed(look_up) / LOOKUPS_A_TIME for _ in range(REPEATS)]


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - begun) / 1000


def _figures(microseconds: list[float]) -> Figures:
    ordered = sorted(microseconds)
    return {
        "median_us": round(percentile(ordered, 0.5), 3),
        "p99_us": round(percentile(ordered, 0.99), 3),
    }
