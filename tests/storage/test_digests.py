"""The weekly digest goes out once a week and person, whoever and however many write it."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, event, insert, select, text

from app.cli.insight import digest_command
from app.clock import Week, local_moment
from app.delivery.mail import Mail
from app.delivery.routing import Router
from app.errors import OperatorError
from app.feedback.cells import Cell
from app.insight import digests
from app.insight.sentences import load_all
from app.people.vault import Vault
from app.sections import DeliverySection
from app.settings import ROOT, ChannelConfig
from app.storage import tallies
from app.storage.schema import contacts, outbox, staff

WEEK = Week(2026, 47)
MONDAY = local_moment(WEEK.shifted(1).monday, 8)
CARRIER = ChannelConfig("simulator", "simulator", "http://x", ("t" * 16,))
MAIL = Mail(
    Vault(b"p" * 32, b"h" * 32),
    Router(DeliverySection(sms_channel="simulator"), {"simulator": CARRIER}),
)
WORDS = load_all(ROOT / "config" / "languages")


def person(tx: Connection, *, stopped: bool = False) -> int:
    number = tx.execute(text("SELECT count(*) FROM contacts")).scalar_one()
    values = {"phone_hash": b"%d" % number, "phone_cipher": b"-"}
    row = insert(contacts).values(**values, stopped_at=MONDAY if stopped else None)
    return int(tx.execute(row.returning(contacts.c.id)).scalar_one())


def register(
    tx: Connection,
    contact: int,
    *,
    odsc: str | None = None,
    district: str | None = None,
    language: str = "en",
    removed: bool = False,
) -> None:
    level = "odsc" if odsc else "district"
    place = {"level": level, "odsc": odsc, "district": district}
    tx.execute(
        insert(staff).values(
            contact_id=contact, language=language, removed_at=MONDAY if removed else None, **place
        )
    )


def answered(tx: Connection, odsc: str, week: Week, score: int, times: int) -> None:
    start = (week.monday, odsc, "")
    status, scored = Cell(*start, "status", "complete", ""), Cell(*start, "score", str(score), "")
    tallies.move(tx, Counter({status: times, scored: times}))


def write(engine: Engine, now: datetime = MONDAY) -> int:
    return digests.write_due(engine, now, hour=8, mail=MAIL, sentences=WORDS)


def queued(engine: Engine) -> list[tuple[str, int, str]]:
    with engine.connect() as tx:
        rows = tx.execute(select(outbox).order_by(outbox.c.number)).all()
    assert all(
        (row.purpose, row.state, row.channel) == ("digest", "queued", "simulator") for row in rows
    )
    return [(row.once_key, row.contact_id, row.text) for row in rows]


def slots(engine: Engine) -> list[str]:
    with engine.connect() as tx:
        return list(tx.scalars(text("SELECT slot FROM runs WHERE name = 'digest' ORDER BY slot")))


def test_everybody_registered_gets_the_week_of_their_place(engine: Engine) -> None:
    with engine.begin() as tx:
        answered(tx, "0103", WEEK, 5, 8)
        answered(tx, "0103", WEEK, 1, 2)
        answered(tx, "0103", WEEK.shifted(-1), 1, 3)
        first, lao, gone, stopped, other = (person(tx, stopped=n == 3) for n in range(5))
        register(tx, first, odsc="0103")
        register(tx, lao, odsc="0103", language="lo")
        register(tx, gone, odsc="0103", removed=True)
        register(tx, stopped, odsc="0103")
        register(tx, other, odsc="0901", language="khmu")
    assert write(engine) == 3
    found = queued(engine)
    assert [row[:2] for row in found] == [
        (f"digest:2026-W47:0103:{first}", first),
        (f"digest:2026-W47:0103:{lao}", lao),
        (f"digest:2026-W47:0901:{other}", other),
    ]
    assert "week 47/2026: answers 10" in found[0][2]
    assert "Satisfied: 80% (+80 on last week)." in found[0][2]
    assert "ຄວາມພໍໃຈ 80%" in found[1][2]
    assert WORDS["lo"]["none"].partition(": ")[2] in found[2][2]


def test_a_district_gets_the_sum_of_its_odscs(engine: Engine) -> None:
    with engine.begin() as tx:
        named = text("SELECT name_en FROM districts WHERE code = '0901'")
        name = tx.execute(named).scalar_one()
        tx.execute(
            text(
                "INSERT INTO odscs (code, district, name_lo, name_en, source)"
                " VALUES ('0999', '0901', '-', '-', 'a test')"
            )
        )
        answered(tx, "0901", WEEK, 5, 1)
        answered(tx, "0999", WEEK, 1, 3)
        answered(tx, "0103", WEEK, 5, 50)
        register(tx, person(tx), district="0901")
    try:
        assert write(engine) == 1
        assert queued(engine)[0][2].startswith(f"{name}, week 47/2026: answers 4")
        assert "25%" in queued(engine)[0][2]
    finally:
        with engine.begin() as tx:
            tx.execute(text("DELETE FROM tallies WHERE odsc = '0999'"))
            tx.execute(text("DELETE FROM odscs WHERE code = '0999'"))


def test_exactly_once_whoever_writes(engine: Engine) -> None:
    with engine.begin() as tx:
        for _ in range(20):
            register(tx, person(tx), odsc="0103")
    gate, written = threading.Barrier(2), list[int]()

    def work() -> None:
        gate.wait()
        written.append(write(engine))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == [0, 20]
    assert write(engine, MONDAY + timedelta(days=3)) == 0
    assert len(queued(engine)) == 20


def test_a_missed_monday_is_made_up_once_and_only_the_newest(engine: Engine) -> None:
    with engine.begin() as tx:
        register(tx, person(tx), odsc="0103")
    assert write(engine, MONDAY) == 1
    # Three weeks of silence, then a Thursday.
    late = local_moment(WEEK.shifted(4).monday + timedelta(days=3), 15)
    assert write(engine, late) == 1
    assert write(engine, late + timedelta(hours=1)) == 0
    assert slots(engine) == ["2026-W47", "2026-W50"]
    assert write(engine, local_moment(WEEK.shifted(5).monday, 8)) == 1


def test_on_a_holiday_it_waits_for_the_next_working_day(engine: Engine) -> None:
    with engine.begin() as tx:
        register(tx, person(tx), odsc="0103")
        tallies.win_run(tx, "digest", "2027-W08", MONDAY)
    holiday = datetime(2027, 3, 8, 5, tzinfo=UTC)
    assert write(engine, holiday) == 0
    assert write(engine, holiday + timedelta(days=1)) == 1
    assert slots(engine) == ["2027-W08", "2027-W09"]


def test_a_failure_in_the_middle_leaves_neither_run_nor_message(engine: Engine) -> None:
    with engine.begin() as tx:
        for _ in range(3):
            register(tx, person(tx), odsc="0103")
    inserted: list[str] = []

    def fail(*args: object) -> None:
        inserted.extend([str(args[2])] if "INTO outbox" in str(args[2]) else [])
        if len(inserted) == 2:
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(KeyboardInterrupt):
            write(engine)
    finally:
        event.remove(engine, "before_cursor_execute", fail)
    assert (queued(engine), slots(engine)) == ([], [])
    assert write(engine) == 3


def test_one_sent_by_hand_is_not_sent_again(engine: Engine) -> None:
    with engine.begin() as tx:
        early, later, elsewhere = (person(tx) for _ in range(3))
        register(tx, early, odsc="0103")
        register(tx, elsewhere, odsc="0901")

    def by_hand() -> int:
        return digests.write_one(engine, "0103", WEEK, MONDAY, mail=MAIL, sentences=WORDS)

    assert (by_hand(), by_hand()) == (1, 0)
    with engine.begin() as tx:
        register(tx, later, odsc="0103")
    assert write(engine) == 2
    assert Counter(contact for _, contact, _ in queued(engine)) == {
        early: 1,
        later: 1,
        elsewhere: 1,
    }


def test_an_unknown_odsc_is_an_error_of_the_operator(engine: Engine) -> None:
    with pytest.raises(OperatorError, match="There is no ODSC '9999'"):
        digests.write_one(engine, "9999", WEEK, MONDAY, mail=MAIL, sentences=WORDS)
    with pytest.raises(OperatorError, match="There is no ODSC '9999'"):
        digests.preview(engine, "9999", WEEK, "en", WORDS["en"])


def test_the_preview_is_what_is_sent(engine: Engine) -> None:
    with engine.begin() as tx:
        register(tx, person(tx), odsc="0103")
    shown = digests.preview(engine, "0103", WEEK, "en", WORDS["en"])
    write(engine)
    assert [row[2] for row in queued(engine)] == [shown]


def test_the_command_shows_and_sends_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SIANG_HOME", str(tmp_path))
    with engine.begin() as tx:
        register(tx, person(tx), odsc="0103")
    asked = ["--odsc", "0103", "--week", "2026-W47"]
    shown = CliRunner().invoke(digest_command, [*asked, "--language", "en"])
    assert (shown.exit_code, shown.output.count("week 47/2026: no answers.")) == (0, 1)
    assert queued(engine) == []
    sent = CliRunner().invoke(digest_command, [*asked, "--send"])
    assert "Queued for 1 of the staff of 0103." in sent.output
    again = CliRunner().invoke(digest_command, [*asked, "--send"])
    assert "nothing was queued" in again.output
    assert len(queued(engine)) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--odsc", "9999"], "There is no ODSC '9999'"),
        (["--odsc", "0103", "--week", "2026-W60"], "has no week 60"),
        (["--odsc", "0103", "--language", "xx"], "There is no digest in 'xx'. Use one of en, lo"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SIANG_HOME", str(tmp_path))
    error = CliRunner().invoke(digest_command, arguments).exception
    assert isinstance(error, OperatorError)
    assert told in str(error)
