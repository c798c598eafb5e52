"""config/requests.yaml: what may follow what, and clerks' words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml

from app.errors import FlowError
from app.requests import rules
from app.requests.statuses import RUNNING, Rules, overdue
from app.settings import ROOT
from app.words import REQUEST_STATUSES

Content = dict[str, dict[str, list[str]]]


@pytest.fixture
def shipped() -> Rules:
    return rules.load(ROOT / "config")


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[Callable[[Content], object]], Path]:
    """The shipped file with a change, in a folder of its own."""

    def edit(change: Callable[[Content], object]) -> Path:
        content = yaml.safe_load((ROOT / "config" / rules.FILE).read_text("utf-8"))
        change(content)
        (tmp_path / rules.FILE).write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        return tmp_path

    return edit


def test_nothing_follows_the_end_and_every_other_status_can_reach_it(shipped: Rules) -> None:
    ends = {"collected", "rejected", "withdrawn"}
    for status in REQUEST_STATUSES:
        following = shipped.transitions[status]
        assert following == frozenset() if status in ends else ends <= following
        assert not shipped.allows(status, status)


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("ready", "ready"),
        ("READY!", "ready"),
        ("ພ້ອມ", "ready"),
        ("ພອມ", "ready"),
        ("ມາຮັບໄດ້ແລ້ວ", "ready"),
        ("need_documents", "need_documents"),
        ("Need documents", "need_documents"),
        ("ຂາດເອກະສານ", "need_documents"),
        ("in process", "in_process"),
        ("ຮັບໄປແລ້ວ", "collected"),
        ("ຍົກເລີກ", "withdrawn"),
        ("hap pai leo", "collected"),
        ("", None),
        ("???", None),
        ("soon", None),
    ],
)
def test_clerks_call_statuses_in_their_words(
    shipped: Rules, written: str, status: str | None
) -> None:
    assert shipped.status(written) == status


def test_every_status_has_a_word_in_lao(shipped: Rules) -> None:
    lao = {status for word, status in shipped.words.items() if "\u0e80" <= word[0] <= "\u0eff"}
    assert lao == set(REQUEST_STATUSES)


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        (lambda content: content["transitions"].pop("ready"), "transitions: ready is missing"),
        (lambda content: content["transitions"]["ready"].append("gone"), "no status 'gone'"),
        (lambda content: content["texted"].append("sent"), "texted: there is no status 'sent'"),
        (lambda content: content["needs_note"].append("x"), "needs_note: there is no status 'x'"),
        (lambda content: content["words"]["ready"].append("done"), "'done' stands at collected"),
        (lambda content: content["words"]["ready"].append("Received"), "stands at received"),
        (lambda content: content["words"]["ready"].append("!"), "'!' is no word"),
        (lambda content: content["words"].update(sent=["x"]), "words: there is no status 'sent'"),
        (lambda content: content.update(extra={}), "extra: Extra inputs are not permitted"),
        (lambda content: content.pop("texted"), "texted: Field required"),
    ],
)
def test_a_mistake_in_the_file_stops_the_start_and_says_where(
    edited: Callable[[Callable[[Content], object]], Path],
    change: Callable[[Content], object],
    fragment: str,
) -> None:
    with pytest.raises(FlowError, match="requests.yaml") as refused:
        rules.load(edited(change))
    assert fragment in str(refused.value)


def test_an_office_is_late_while_it_has_work_to_do() -> None:
    due, today = date(2026, 11, 20), date(2026, 11, 23)
    late = [status for status in REQUEST_STATUSES if overdue(status, due, today)]
    assert late == list(RUNNING) == ["received", "in_process", "need_documents"]
    assert not overdue("received", today, today), "the day itself is in time"
    assert not overdue("received", None, today), "nobody says how long it takes"
