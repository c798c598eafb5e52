"""Flow versions for tests: a config/ as small as can be, in an old and a new age."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml
from sqlalchemy import Engine

from app import settings
from app.clock import now
from app.conversation import publishing
from app.flows.load import MESSAGE_KEYS, SYSTEM_KEYS
from app.settings import ROOT, Settings
from app.storage import flows
from tests.phones import Gateway

Opens = Callable[[], Gateway]
"""Opens one more process of the same gateway."""

OLD_FLOW = """\
flow: main
start: home
nodes:
  home:
    question: home
    options:
      - {text: go, to: score}
  score:
    question: score
    ask: {kind: rating, save: score, to: reason}
  reason:
    question: reason
    save: reason
    options:
      - {text: waiting, value: waiting, to: thanks}
      - {text: staff, value: staff, to: thanks}
  thanks: {end: thanks}
"""
NEW_FLOW = """\
flow: main
start: home
nodes:
  home:
    question: home
    options:
      - {text: go, to: score}
  score:
    question: score
    ask: {kind: rating, save: score, to: thanks}
  thanks: {end: thanks}
"""
UNREADABLE = "f" * 32
LANGUAGES = sorted(screens.parent.name for screens in ROOT.glob("config/languages/*/screens.yaml"))
KEYS = ["1", "4", "2"]
OLD_SCREENS = ["Old menu", "Old score", "Old reason", "Old thanks"]


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Folder:
    """A config/ of its own, with a flow as small as can be."""

    path: Path
    settings: Settings

    def write(self, age: str, flow: str = OLD_FLOW) -> None:
        self.path.joinpath("flows/main.yaml").write_text(flow, encoding="utf-8")
        for language in LANGUAGES:
            shipped = yaml.safe_load(_screens(ROOT / "config", language).read_text("utf-8"))
            pack = {key: value for key, value in shipped.items() if key.startswith("pack.")}
            pack |= {key: key for key in (*SYSTEM_KEYS, *MESSAGE_KEYS)}
            pack |= {"go": "Go", "waiting": "Waiting", "staff": "Staff"}
            pack |= {key: f"{age} {key}" for key in ("score", "reason", "thanks")}
            pack["home"] = f"{age} menu"
            _screens(self.path, language).write_text(yaml.safe_dump(pack), encoding="utf-8")

    def publish(self, engine: Engine, note: str = "") -> str:
        return publishing.publish(engine, self.settings, note=note)[0].hash


def _screens(config: Path, language: str) -> Path:
    return config / "languages" / language / "screens.yaml"


def folder_of(path: Path, home: Path) -> Folder:
    shutil.copytree(ROOT / "config", path, ignore=shutil.ignore_patterns("flows", "screens.yaml"))
    path.joinpath("flows").mkdir()
    loaded = settings.load({"SIANG_HOME": str(home), "SIANG_CONFIG": str(path)})
    folder = Folder(path, loaded)
    folder.write("Old")
    return folder


def published(engine: Engine) -> list[tuple[str, str, bool]]:
    with engine.connect() as tx:
        return [(one.hash, one.note, one.forced) for one in reversed(flows.history(tx))]


def publish_unreadable(engine: Engine) -> None:
    with engine.begin() as tx:
        flows.store(tx, UNREADABLE, {"flows/main.yaml": "flow: main\nfrom_the_future: 1\n"})
        flows.publish(tx, UNREADABLE, "", forced=False, at=now())


def at_once(number: int, act: Callable[[], object]) -> None:
    """Do it in as many threads, and fail where one does."""
    failures: list[Exception] = []
    ready = threading.Barrier(number)

    def run() -> None:
        ready.wait()
        try:
            act()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
