"""A tiny flow that nothing is wrong with, to be broken in one place at a time."""

from __future__ import annotations

from app.flows import load
from app.flows.check import Bench, Finding, check
from app.flows.nodes import Book
from app.settings import ROOT

CONFIG = ROOT / "config"

FLOW = """\
flow: main
start: home
nodes:
  home:
    question: home
    options:
      - {text: rate, to: center}
      - {text: help, to: help}
  center:
    question: center
    ask: {kind: code, lookup: odsc, save: odsc, to: score, unknown: unknown}
  score:
    question: score
    ask: {kind: rating, save: score, to: thanks}
  thanks: {end: thanks}
  help: {say: help}
"""

ENGLISH = """\
pack.name: "English"
pack.script: "latin"
pack.names: "en"
nav.next: "9 next"
nav.back: "0 back"
nav.home: "00 menu"
error.choice: "No."
error.system: "Later."
error.session: "Again."
message.stopped: "Stopped."
message.started: "Started."
message.help: "Help."
message.follows: "Soon."
message.joined: "Added."
home: "Siang"
rate: "Rate"
help: "Help"
center: "Which center?"
unknown: "No such center."
score: "{odsc}: how was it, 1 to 5?"
thanks: "Thank you"
error.busy: "Busy."
"""


def sources(*changes: tuple[str, str], english: str = ENGLISH, lao: str = "") -> dict[str, str]:
    """The tiny flow and its texts with pieces replaced; every piece must be there."""
    flow = FLOW
    for old, new in changes:
        assert old in flow + english, old
        flow, english = flow.replace(old, new), english.replace(old, new)
    files = {"flows/main.yaml": flow, "languages/en/screens.yaml": english}
    return files | ({"languages/lo/screens.yaml": lao} if lao else {})


def book(*changes: tuple[str, str]) -> Book:
    return load.book(sources(*changes))


def found(*changes: tuple[str, str], bench: Bench | None = None) -> list[Finding]:
    return check(sources(*changes), bench or Bench())[1]


def only(*changes: tuple[str, str], bench: Bench | None = None) -> Finding:
    """The one thing that is found."""
    every = found(*changes, bench=bench)
    assert len(every) == 1, "\n".join(map(str, every))
    return every[0]


def shipped_sources() -> dict[str, str]:
    paths = [*CONFIG.glob("flows/*.yaml"), *CONFIG.glob("languages/*/screens.yaml")]
    return {path.relative_to(CONFIG).as_posix(): path.read_text("utf-8") for path in paths}


def shipped_tests() -> dict[str, str]:
    paths = CONFIG.glob("flows/tests/*.yaml")
    return {path.relative_to(CONFIG).as_posix(): path.read_text("utf-8") for path in paths}


def shipped() -> Book:
    return load.book(shipped_sources())
