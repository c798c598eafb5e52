"""A channel that joins no parts: a long message goes out as several, through Kannel's adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from app import settings
from app.channels import open_channels
from app.delivery import sending
from app.delivery.sending import Post
from app.people.vault import Vault
from app.settings import ROOT
from app.storage import outbox, people
from app.text.encoding import segment_count
from app.text.parts import separate
from app.words import Purpose, Receipt
from tests.channels import door, loopback
from tests.channels.loopback import DROP

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
VAULT = Vault(b"p" * 32, b"h" * 32)
ACCEPTED = (202, "0: Accepted for delivery")
BUSY = (503, "Temporal failure, try again later.")
SENTENCE = "ກະລຸນາເລືອກບໍລິການທີ່ທ່ານຕ້ອງການ ແລະ ຕອບກັບດ້ວຍຕົວເລກ "
LONG = (SENTENCE * 3).strip()


@dataclass
class Site:
    """One queued message, its channel, and a Kannel that answers as told."""

    engine: Engine
    post: Post
    kannel: loopback.Server
    id: str
    now: datetime = START

    def drain(self, after: timedelta = timedelta()) -> int:
        self.now += after
        with self.engine.begin() as tx:
            outbox.resolve_lost(tx, self.now)
        return sending.drain(replace(self.post, now=lambda: self.now), lambda: False)

    def row(self) -> tuple[str, int]:
        """State and segments."""
        with self.engine.connect() as connection:
            found = connection.execute(text("SELECT state, segments FROM outbox")).one()
        return found.state, found.segments

    def texts(self) -> list[str]:
        return [self.kannel.fields(at)["text"] for at in range(len(self.kannel.seen))]


@contextmanager
def site(
    engine: Engine,
    *answers: tuple[int, str],
    joins: bool = False,
    purpose: Purpose = "reply",
    content: str = LONG,
) -> Iterator[Site]:
    sealed = VAULT.seal("+8562055512345")
    with engine.begin() as tx:
        contact = people.ensure(tx, sealed.hash, sealed.cipher)
        message = outbox.add(
            tx, contact_id=contact, channel="kannel", purpose=purpose, text=content, now=START
        )
    assert message is not None
    with loopback.serving(*answers) as kannel:
        config = door.config("kannel", sendsms_url=f"{kannel.url}/cgi-bin/sendsms")
        channels = open_channels({"kannel": replace(config, joins=joins)})
        yield Site(engine, Post(engine, VAULT, channels), kannel, message)


def test_parts_go_out_in_order_each_readable_by_itself(engine: Engine) -> None:
    with site(engine, ACCEPTED) as one:
        assert one.drain() == 1
        assert one.texts() == separate(LONG)
        ids = [one.kannel.fields(at)["dlr-url"] for at in range(3)]
    assert len(one.kannel.seen) == 3
    assert all(f"&id={one.id}&" in url for url in ids)
    assert one.row() == ("sent", 3)


def test_a_channel_that_joins_gets_the_whole_text(engine: Engine) -> None:
    with site(engine, ACCEPTED, joins=True) as one:
        one.drain()
        assert one.texts() == [LONG]


def test_what_fits_is_sent_as_it_is(engine: Engine) -> None:
    with site(engine, ACCEPTED, content="ກ \n ຂ ") as one:
        one.drain()
        assert one.texts() == ["ກ \n ຂ "]


@pytest.mark.parametrize("answer", [BUSY, (DROP, ""), (400, "Missing receiver number, rejected")])
@pytest.mark.parametrize("purpose", ["reply", "digest"])
def test_once_a_part_is_out_nothing_is_sent_again(
    engine: Engine, answer: tuple[int, str], purpose: Purpose
) -> None:
    with site(engine, ACCEPTED, answer, ACCEPTED, purpose=purpose) as one:
        one.drain()
        assert one.row() == ("unknown", 3)
        for _ in range(20):
            assert one.drain(timedelta(minutes=6)) == 0
        assert one.texts() == separate(LONG)[:2]


def test_a_first_part_that_was_not_taken_is_tried_again_with_the_rest(engine: Engine) -> None:
    with site(engine, BUSY, ACCEPTED) as one:
        one.drain()
        assert one.row()[0] == "queued"
        one.drain(timedelta(minutes=1))
        first, *others = separate(LONG)
        assert one.texts() == [first, first, *others]
    assert one.row() == ("sent", 3)


def test_a_sender_that_died_between_parts_does_not_begin_again(engine: Engine) -> None:
    with site(engine, ACCEPTED) as one:
        with engine.begin() as tx:
            assert outbox.claim(tx, START) is not None
            outbox.begun(tx, one.id, 3, START)
        for _ in range(20):
            one.drain(timedelta(minutes=3))
        assert one.kannel.seen == []
    assert one.row() == ("unknown", 3)


def test_a_receipt_of_any_part_is_the_messages(engine: Engine) -> None:
    with site(engine, ACCEPTED) as one:
        one.drain()
        assert sending.receive(one.post, Receipt(one.id, "delivered", START))
    assert one.row() == ("delivered", 3)


@pytest.mark.parametrize(
    "content", [LONG, "a" * 400, "a " * 200, "ຂໍ້ມູນ www.example.la/" + "x" * 300]
)
def test_every_part_is_one_message(content: str) -> None:
    parts = separate(content)
    assert all(segment_count(part) == 1 for part in parts)
    assert "".join("".join(parts).split()) == "".join(content.split())


@pytest.mark.parametrize(("written", "joins"), [("", True), ("joins = false\n", False)])
def test_the_section_says_whether_its_channel_joins(
    tmp_path_factory: pytest.TempPathFactory, written: str, joins: bool
) -> None:
    folder = tmp_path_factory.mktemp("config")
    shipped = (ROOT / "config" / "siang.toml").read_text("utf-8")
    marked = shipped.replace('kind = "kannel"\n', f'kind = "kannel"\n{written}')
    (folder / "siang.toml").write_text(marked, encoding="utf-8")
    env = {"SIANG_CONFIG": str(folder), "SIANG_HOME": str(folder)}
    assert settings.load(env).channels["kannel"].joins is joins
    other = settings.load({**env, "SIANG_CHANNEL_KANNEL_JOINS": "false"})
    assert other.channels["kannel"].joins is False
    open_channels(other.channels)
