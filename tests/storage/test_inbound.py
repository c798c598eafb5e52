"""What came in, as the database keeps it: ids, contents, parts, and who may ask a provider."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from app.storage import heartbeats, parts, people, reconciling
from app.storage import inbound as letters
from app.storage.inbound import Letter
from app.storage.parts import PartGroup
from app.words import Part

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def contact_of(tx: Connection, name: bytes = b"a") -> int:
    return people.ensure(tx, name * 32, b"cipher")


def letter(contact: int | None, provider_id: str = "one", said: str = "0103 5") -> Letter:
    return Letter(
        channel="kannel",
        provider_id=provider_id,
        contact_id=contact,
        body=said.encode().ljust(32),
        state="new",
        received_at=NOW,
        next_at=NOW,
        text=said,
    )


def part_of(contact: int, number: int, *, ref: str = "7", at: datetime = NOW) -> Letter:
    made = replace(letter(contact, f"{ref}-{number}-{at}", f"part {number}"), state="part")
    return replace(made, part=Part(ref, number, 3), next_at=at + 10 * MINUTE)


def test_an_id_is_stored_once_for_each_channel(engine: Engine) -> None:
    with engine.begin() as tx:
        contact = contact_of(tx)
        assert letters.store(tx, letter(contact)) is not None
        assert letters.store(tx, letter(contact, said="other")) is None
        assert letters.store(tx, replace(letter(contact), channel="http")) is not None
        assert letters.body_of(tx, "kannel", "one") == letter(contact).body
        assert letters.body_of(tx, "kannel", "two") is None


def test_a_message_of_nobody_waits_for_nobody(engine: Engine) -> None:
    with engine.begin() as tx:
        letters.store(tx, replace(letter(None), state="ignored", reason="the sender is no phone"))
        assert letters.next_due(tx, NOW) is None


@pytest.mark.parametrize(
    ("apart", "heard"), [(0, True), (10, True), (-10, True), (11, False), (-11, False)]
)
def test_the_same_content_is_heard_within_its_time(engine: Engine, apart: int, heard: bool) -> None:
    with engine.begin() as tx:
        contact, other = contact_of(tx), contact_of(tx, b"b")
        made = letter(contact)
        letters.store(tx, made)
        at, within = NOW + timedelta(seconds=apart), timedelta(seconds=10)
        assert letters.heard(tx, contact, "kannel", made.body, at, within) is heard
        assert not letters.heard(tx, contact, "http", made.body, at, within)
        assert not letters.heard(tx, other, "kannel", made.body, at, within)
        assert not letters.heard(tx, contact, "kannel", b"other".ljust(32), at, within)


def test_how_often_a_phone_said_something(engine: Engine) -> None:
    with engine.begin() as tx:
        contact = contact_of(tx)
        for number in range(6):
            made = replace(letter(contact, f"{number}"), received_at=NOW - number * MINUTE)
            letters.store(tx, made)
        letters.store(tx, replace(letter(contact, "part"), state="part"))
        letters.store(tx, letter(contact_of(tx, b"b"), "other"))
        assert letters.times_said(tx, contact, "0103 5", NOW, 3 * MINUTE) == 4
        assert letters.times_said(tx, contact, "0103 4", NOW, 3 * MINUTE) == 0


# --- parts ------------------------------------------------------------------------------------


def test_parts_of_one_message_are_found_by_their_time(engine: Engine) -> None:
    with engine.begin() as tx:
        contact = contact_of(tx)
        group = PartGroup("kannel", contact, "7", 3)
        for number in (2, 1):
            letters.store(tx, part_of(contact, number))
        letters.store(tx, part_of(contact, 3, ref="8"))
        letters.store(tx, part_of(contact, 3, at=NOW - 20 * MINUTE))
        found = parts.waiting(tx, group, NOW, NOW + 10 * MINUTE)
        assert [(one.number, one.text) for one in found] == [(2, "part 2"), (1, "part 1")]


def test_joined_parts_are_one_message_in_the_place_of_the_first(engine: Engine) -> None:
    with engine.begin() as tx:
        contact = contact_of(tx)
        ids = [letters.store(tx, part_of(contact, number)) for number in (3, 1, 2)]
        parts.join(tx, [one for one in ids if one][::-1], "joined", "new", "", NOW)
        due = letters.next_due(tx, NOW)
        assert due is not None
        assert (due.id, due.text) == (ids[0], "joined")
        states = tx.execute(text("SELECT state FROM inbound ORDER BY id")).scalars().all()
        assert states == ["new", "joined", "joined"]


def test_a_late_group_is_left_to_who_works_on_its_phone(engine: Engine) -> None:
    with engine.begin() as tx:
        contact = contact_of(tx)
        letters.store(tx, part_of(contact, 1))
    late = NOW + 10 * MINUTE
    with engine.begin() as tx, engine.begin() as other:
        assert parts.next_late(tx, late - MINUTE) is None
        group = PartGroup("kannel", contact, "7", 3)
        assert parts.next_late(tx, late) == (group, late)
        assert parts.next_late(other, late) is None


# --- providers --------------------------------------------------------------------------------


def test_one_asks_a_provider_and_the_next_may_later(engine: Engine) -> None:
    def wins(channel: str, at: datetime) -> bool:
        with engine.begin() as tx:
            return reconciling.win(tx, channel, at, 5 * MINUTE)

    assert wins("twilio", NOW)
    assert not wins("twilio", NOW + 4 * MINUTE)
    assert wins("http", NOW + 4 * MINUTE)
    assert wins("twilio", NOW + 5 * MINUTE)
    assert not wins("twilio", NOW)


def test_a_position_is_kept_beside_what_else_is_known_of_a_channel(engine: Engine) -> None:
    with engine.begin() as tx:
        assert reconciling.position(tx, "twilio") == reconciling.Position("", None)
        tx.execute(text("INSERT INTO channel_states (channel, failures) VALUES ('twilio', 3)"))
        assert reconciling.position(tx, "twilio") == reconciling.Position("", None)
        reconciling.set_position(tx, "twilio", "next", NOW)
        assert reconciling.position(tx, "twilio") == reconciling.Position("next", NOW)
        assert tx.execute(text("SELECT failures FROM channel_states")).scalar_one() == 3


def test_a_heartbeat_of_before_does_not_put_a_device_back(engine: Engine) -> None:
    with engine.begin() as tx:
        for at, detail in ((NOW, "a"), (NOW + MINUTE, "b"), (NOW - MINUTE, "c")):
            heartbeats.beat(tx, "android", "phone-1", detail, at)
        found = tx.execute(text("SELECT detail, at FROM heartbeats")).one()
        assert tuple(found) == ("b", NOW + MINUTE)
