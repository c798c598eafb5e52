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
from app.insight import digests, releases
from app.insight.digests import Place
from app.insight.sentences import load_all
from app.people.vault import Vault
from app.sections import DeliverySection
from app.settings import ROOT, ChannelConfig
from app.storage import people, readers, tallies
from app.storage.levels import StaffLevel
from app.storage.schema import contacts, outbox

WEEK = Week(2026, 47)
MONDAY = local_moment(WEEK.shifted(1).monday, 8)
CARRIER = ChannelConfig("simulator", "simulator", "http://x", ("t" * 16,))
MAIL = Mail(
    Vault(b"p" * 32, b"h" * 32),
    Router(DeliverySection(sms_channel="simulator"), {"simulator": CARRIER}),
)
WORDS = load_all(ROOT / "config" / "languages")
CENTER: Place = ("odsc", "0103")


def person(tx: Connection, *, stopped: bool = False) -> int:
    number = tx.execute(text("SELECT count(*) FROM contacts")).scalar_one()
    values = {"phone_hash": b"%d" % number, "phone_cipher": b"-"}
    row = insert(contacts).values(**values, stopped_at=MONDAY if stopped else None)
    return int(tx.execute(row.returning(contacts.c.id)).scalar_one())


def register(
    tx: Connection,
    contact: int,
    level: StaffLevel = "odsc",
    place: str = "0103",
    *,
    language: str = "en",
    removed: bool = False,
) -> None:
    people.add_staff(tx, contact, level, place, language)
    if removed:
        tx.execute(
            text("UPDATE staff SET removed_at = now() WHERE contact_id = :id"), {"id": contact}
        )


def answered(tx: Connection, odsc: str, week: Week, score: int, times: int) -> None:
    start = (week.monday, odsc, "")
    status, scored = Cell(*start, "status", "complete", ""), Cell(*start, "score", str(score), "")
    tallies.move(tx, Counter({status: times, scored: times}))


def write(engine: Engine, now: datetime = MONDAY) -> int:
    return digests.write_due(engine, now, hour=8, mail=MAIL, sentences=WORDS, extra={})


def send(engine: Engine, place: Place, week: Week = WEEK) -> int:
    return digests.write_one(engine, place, week, MONDAY, mail=MAIL, sentences=WORDS, extra={})


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
        answered(tx, "0103", WEEK, 5, 32)
        answered(tx, "0103", WEEK, 1, 8)
        answered(tx, "0103", WEEK.shifted(-1), 1, 30)
        first, lao, gone, stopped, other = (person(tx, stopped=n == 3) for n in range(5))
        register(tx, first)
        register(tx, lao, language="lo")
        register(tx, gone, removed=True)
        register(tx, stopped)
        register(tx, other, place="0901", language="khmu")
    assert write(engine) == 3
    found = queued(engine)
    assert [row[:2] for row in found] == [
        (f"digest:2026-W47:0103:{first}", first),
        (f"digest:2026-W47:0103:{lao}", lao),
        (f"digest:2026-W47:0901:{other}", other),
    ]
    assert found[0][2].startswith("Xaysetha 47/2026\n1 Answers 40 (women 0)\n2 Satisfied 80% up 80")
    assert found[1][2].startswith("ໄຊເສດຖາ 47/2026\n1 ຄຳຕອບ 40 (ຍິງ 0)\n2 ພໍໃຈ 80% ↑80")
    assert WORDS["lo"]["none"] in found[2][2]


def test_every_level_gets_the_sum_of_what_is_below(engine: Engine) -> None:
    with engine.begin() as tx:
        answered(tx, "0103", WEEK, 5, 30)
        answered(tx, "0901", WEEK, 1, 20)
        places: list[tuple[StaffLevel, str]] = [
            ("country", "LA"),
            ("province", "09"),
            ("district", "0103"),
            ("odsc", "0901"),
            ("operator", ""),
        ]
        for level, code in places:
            register(tx, person(tx), level, code)
    assert write(engine) == 4
    heads = [row[2].split("\n")[:3] for row in queued(engine)]
    assert heads == [
        ["Pek 47/2026", "1 Answers 20 (women 0)", "2 Satisfied 0%"],
        ["Xaysetha 47/2026", "1 Answers 30 (women 0)", "2 Satisfied 100%"],
        ["Xieng Khouang 47/2026", "1 Answers 20 (women 0)", "2 Satisfied 0%"],
        ["Lao PDR 47/2026", "1 Answers 50 (women 0)", "2 Satisfied 60%"],
    ]
    # The province that lowers the country is named to the country.
    assert queued(engine)[3][2].endswith("6 First: Xieng Khouang 0%")


def test_who_is_in_a_center_and_in_its_district_gets_the_one_of_the_center(engine: Engine) -> None:
    with engine.begin() as tx:
        both = person(tx)
        register(tx, both, "district", "0103")
        register(tx, both, "odsc", "0103")
    assert write(engine) == 1
    with engine.connect() as tx:
        assert [one.level for one in readers.of_contact(tx, both)] == ["odsc"]


def test_the_week_is_released_before_its_digests(engine: Engine) -> None:
    with engine.begin() as tx:
        answered(tx, "0103", WEEK, 5, 8)
        register(tx, person(tx))
    write(engine)
    with engine.begin() as tx:
        assert releases.newest(tx) == WEEK
        answered(tx, "0103", WEEK, 1, 8)
        register(tx, person(tx))
    # What came late is not in the digest of who was registered late.
    assert send(engine, CENTER) == 1
    assert len({row[2] for row in queued(engine)}) == 1


def test_figures_of_all_readers_are_read_at_once(engine: Engine) -> None:
    with engine.begin() as tx:
        register(tx, person(tx))
        register(tx, person(tx), "district", "0103")
        register(tx, person(tx), "province", "01")
    read: list[str] = []

    def count(*args: object) -> None:
        read.extend([str(args[2])] if "FROM released_figures" in str(args[2]) else [])

    event.listen(engine, "before_cursor_execute", count)
    try:
        assert write(engine) == 3
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert len(read) == 1


def test_exactly_once_whoever_writes(engine: Engine) -> None:
    with engine.begin() as tx:
        for _ in range(20):
            register(tx, person(tx))
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
        register(tx, person(tx))
    assert write(engine, MONDAY) == 1
    # Three weeks of silence, then a Thursday.
    late = local_moment(WEEK.shifted(4).monday + timedelta(days=3), 15)
    assert write(engine, late) == 1
    assert write(engine, late + timedelta(hours=1)) == 0
    assert slots(engine) == ["2026-W47", "2026-W50"]
    assert write(engine, local_moment(WEEK.shifted(5).monday, 8)) == 1


def test_on_a_holiday_it_waits_for_the_next_working_day(engine: Engine) -> None:
    with engine.begin() as tx:
        register(tx, person(tx))
        tallies.win_run(tx, "digest", "2027-W08", MONDAY)
    holiday = datetime(2027, 3, 8, 5, tzinfo=UTC)
    assert write(engine, holiday) == 0
    assert write(engine, holiday + timedelta(days=1)) == 1
    assert slots(engine) == ["2027-W08", "2027-W09"]


def test_a_failure_in_the_middle_leaves_neither_run_nor_message(engine: Engine) -> None:
    with engine.begin() as tx:
        for _ in range(3):
            register(tx, person(tx))

    def fail(*args: object) -> None:
        if "INTO outbox" in str(args[2]):
            raise KeyboardInterrupt

    # They are written by then, and nothing is committed.
    event.listen(engine, "after_cursor_execute", fail)
    try:
        with pytest.raises(KeyboardInterrupt):
            write(engine)
    finally:
        event.remove(engine, "after_cursor_execute", fail)
    assert (queued(engine), slots(engine)) == ([], [])
    assert write(engine) == 3


def test_one_sent_by_hand_is_not_sent_again(engine: Engine) -> None:
    with engine.begin() as tx:
        early, later, elsewhere = (person(tx) for _ in range(3))
        register(tx, early)
        register(tx, elsewhere, place="0901")

    assert (send(engine, CENTER), send(engine, CENTER)) == (1, 0)
    with engine.begin() as tx:
        register(tx, later)
    assert write(engine) == 2
    assert Counter(contact for _, contact, _ in queued(engine)) == {
        early: 1,
        later: 1,
        elsewhere: 1,
    }


def preview(engine: Engine, place: Place = CENTER, week: Week = WEEK) -> str:
    return digests.preview(
        engine, place, week, MONDAY, language="en", sentences=WORDS["en"], extra={}
    )


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (("odsc", "9999"), "There is no ODSC '9999'. See config/registry/odscs.csv"),
        (("district", "9999"), "There is no district '9999'"),
        (("province", "99"), "There is no province '99'"),
    ],
)
def test_an_unknown_place_is_an_error_of_the_operator(
    engine: Engine, place: Place, told: str
) -> None:
    with pytest.raises(OperatorError, match=told):
        send(engine, place)
    with pytest.raises(OperatorError, match=told):
        preview(engine, place)


def test_the_preview_is_what_is_sent(engine: Engine) -> None:
    with engine.begin() as tx:
        answered(tx, "0103", WEEK, 5, 32)
        answered(tx, "0103", WEEK.shifted(-1), 1, 30)
        register(tx, person(tx))
    shown = preview(engine)
    with engine.connect() as tx:
        assert releases.newest(tx) is None
    write(engine)
    assert [row[2] for row in queued(engine)] == [shown]
    assert "up 100" in shown


def test_a_week_that_is_not_over_is_told_as_it_stands_and_not_released(engine: Engine) -> None:
    running = WEEK.shifted(1)
    with engine.begin() as tx:
        answered(tx, "0103", running, 5, 7)
        register(tx, person(tx))
    assert "48/2026\n1 Answers 7" in preview(engine, week=running)
    assert send(engine, CENTER, running) == 1
    assert "48/2026\n1 Answers 7" in queued(engine)[0][2]
    with engine.connect() as tx:
        assert releases.newest(tx) == WEEK


def test_a_week_to_come_is_not_sent(engine: Engine) -> None:
    with pytest.raises(OperatorError, match="2026-W49 has not begun"):
        send(engine, CENTER, WEEK.shifted(2))


def test_a_center_that_was_opened_later_has_nothing_to_read(engine: Engine) -> None:
    with engine.begin() as tx:
        register(tx, person(tx))
        register(tx, person(tx), place="0901")
    releases.make(engine, WEEK, MONDAY, {})
    with engine.begin() as tx:
        tx.execute(text("DELETE FROM released_figures WHERE (level, code) = ('odsc', '0103')"))
    assert write(engine) == 1
    with pytest.raises(OperatorError, match="0103 is not in the figures of 2026-W47"):
        preview(engine)


def test_the_command_shows_and_sends_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SIANG_HOME", str(tmp_path))
    with engine.begin() as tx:
        register(tx, person(tx))
    asked = ["--odsc", "0103", "--week", "2026-W47"]
    shown = CliRunner().invoke(digest_command, [*asked, "--language", "en"])
    assert (shown.exit_code, shown.output.count("47/2026\n1 No answers")) == (0, 1)
    details = CliRunner().invoke(digest_command, [*asked, "--language", "en", "--details", "5"])
    assert "5 Requests 0, late 0" in details.output
    assert queued(engine) == []
    sent = CliRunner().invoke(digest_command, [*asked, "--send"])
    assert "Queued for 1 of the staff of 0103." in sent.output
    again = CliRunner().invoke(digest_command, [*asked, "--send"])
    assert "nothing was queued" in again.output
    assert len(queued(engine)) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "A digest belongs to one place. Give --odsc, --district, --province or --country"),
        (["--odsc", "0103", "--country"], "A digest belongs to one place"),
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
