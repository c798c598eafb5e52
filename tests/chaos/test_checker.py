"""The checker finds what it is there for, and has nothing of the product in it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app import open_office, settings
from app.settings import ROOT
from tests.chaos import checker
from tests.chaos.checker import Verdict, hashed
from tests.chaos.stack import EXCUSES
from tests.phones import Gateway

SAID = "0103 5 very good"


@pytest.fixture
def gateway(engine: Engine, database_url: str, home: Path) -> Iterator[Gateway]:
    """One SMS came, was counted and answered."""
    office = open_office(settings.load({"SIANG_HOME": str(home)}), database_url)
    office.desk.books.open(office.engine)
    opened = Gateway(office)
    opened.takes_sms("+8562055500001", SAID, "m1")
    opened.work()
    yield opened
    office.engine.dispose()


def judged(
    gateway: Gateway, folder: Path, *, known: Sequence[str] = ("m1",), taken: int = 1
) -> Verdict:
    """The verdict where `known` were sent and acknowledged, and the answer taken so often."""
    plan = [{"id": one, "kind": "sms", "inputs": [SAID]} for one in known]
    history = [
        {"id": one, "body": hashed(SAID), "status": 200, "verdict": "ack", "answer": ""}
        for one in known
    ]
    account = [{"id": str(id_)} for (id_,) in gateway.rows("SELECT id FROM outbox")] * taken
    for name, lines in (("plan", plan), ("history", history), ("account", account)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    url = gateway.office.engine.url.set(drivername="postgresql")
    return checker.judge(folder, url.render_as_string(hide_password=False))


def change(gateway: Gateway, statement: str) -> None:
    with gateway.office.engine.begin() as tx:
        tx.execute(text(statement))


def test_what_is_stored_counted_and_answered_once_is_right(
    gateway: Gateway, tmp_path: Path
) -> None:
    change(gateway, "INSERT INTO runs (name, slot) VALUES ('digest', '2026-W01')")
    assert judged(gateway, tmp_path).right


def test_an_acknowledged_message_that_is_not_there_is_lost(
    gateway: Gateway, tmp_path: Path
) -> None:
    assert judged(gateway, tmp_path, known=("m1", "m2")).lost == ["m2"]


def test_a_message_that_nobody_sent_is_unexpected(gateway: Gateway, tmp_path: Path) -> None:
    assert judged(gateway, tmp_path, known=()).unexpected == ["m1"]


def test_a_reply_may_come_twice_and_not_thrice(gateway: Gateway, tmp_path: Path) -> None:
    assert not judged(gateway, tmp_path, taken=2).duplicated
    assert judged(gateway, tmp_path, taken=3).duplicated


def test_a_digest_may_not_come_twice(gateway: Gateway, tmp_path: Path) -> None:
    change(gateway, "UPDATE outbox SET purpose = 'digest'")
    assert judged(gateway, tmp_path, taken=2).duplicated


def test_a_response_for_nothing_that_was_said_is_duplicated(
    gateway: Gateway, tmp_path: Path
) -> None:
    again = "contact_id, channel, medium, flow, language, state, status, started_at, turned_at"
    change(gateway, f"INSERT INTO conversations ({again}) SELECT {again} FROM conversations")
    assert judged(gateway, tmp_path).duplicated == ["m1"]


def test_a_tally_that_is_not_what_was_said_is_wrong(gateway: Gateway, tmp_path: Path) -> None:
    change(gateway, "UPDATE tallies SET n = n + 1 WHERE question = 'score'")
    assert any("tallies are not" in one for one in judged(gateway, tmp_path).wrong)


def test_a_message_that_is_not_at_its_end_is_wrong(gateway: Gateway, tmp_path: Path) -> None:
    change(gateway, "UPDATE outbox SET state = 'unknown'")
    assert any("still unknown" in one for one in judged(gateway, tmp_path).wrong)


def test_a_text_in_a_log_is_found(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("all is well\nsomebody said khamsongkhai\n")
    assert checker.leaks([log], ["khamsongkhai", "20555"]) == ["web.log:2"]


def test_the_checker_shares_nothing_with_the_product() -> None:
    tree = ast.parse(Path(checker.__file__).read_text())
    imported = {
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert not [one for one in imported if one.split(".")[0] in {"app", "tests", "worker"}]


def test_every_excuse_that_a_phone_may_read_is_known_to_the_feed() -> None:
    """One that was taken for a reply would pass for a turn that was lost."""
    door = (ROOT / "app" / "web" / "hooks.py").read_text(encoding="utf-8")
    assert set(re.findall(r'_excuse\(office, "([a-z.]+)"\)', door)) == set(EXCUSES)
