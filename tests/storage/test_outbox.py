"""The outbox: sent once, tried again when it helps, accounted for whatever comes when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from app.channels.base import Channel
from app.channels.simulator import Simulator
from app.delivery import ends, sending
from app.delivery.mail import Mail
from app.delivery.policy import URGENCY
from app.delivery.post import Post
from app.delivery.routing import Router
from app.errors import FateUnknown, Refused, SendError, TryLater
from app.people.vault import Vault
from app.sections import BudgetSection, DeliverySection
from app.settings import ChannelConfig
from app.storage import outbox, people
from app.words import Outgoing, Purpose, Receipt, ReceiptState, Sent

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
VAULT = Vault(b"p" * 32, b"h" * 32)
EVERYTHING = [(purpose, "sms") for purpose in URGENCY]


class Provider(Simulator):
    """A provider that fails as told, and remembers what it got."""

    def __init__(self, *failures: SendError | None) -> None:
        super().__init__(ChannelConfig("sms", "simulator", "http://x", ("t" * 16,)))
        self.failures = list(failures)
        self.got: list[Outgoing] = []

    def send(self, outgoing: Outgoing) -> Sent:
        failure = self.failures.pop(0) if self.failures else None
        if not isinstance(failure, TryLater | Refused):
            self.got.append(outgoing)
        if failure is not None:
            raise failure
        return Sent("ref")


@dataclass
class Office:
    """An outbox, a provider and a clock that is put forward by hand."""

    engine: Engine
    provider: Provider
    now: datetime = START
    channels: dict[str, Channel] = field(init=False)

    def __post_init__(self) -> None:
        self.channels = {"sms": self.provider}

    def post(self) -> Post:
        carriers = {name: one.config for name, one in self.channels.items()}
        delivery = DeliverySection(sms_channel="sms")
        mail = Mail(VAULT, Router(delivery, carriers))
        return Post(
            self.engine, mail, self.channels, delivery, BudgetSection(), now=lambda: self.now
        )

    def write(self, purpose: Purpose = "reply", once_key: str | None = None) -> str | None:
        sealed = VAULT.seal("+8562055512345")
        with self.engine.begin() as tx:
            return self.post().mail.queue(
                tx,
                contact_id=people.ensure(tx, sealed.hash, sealed.cipher),
                purpose=purpose,
                text="ຂອບໃຈ",
                now=self.now,
                once_key=once_key,
            )

    def drain(self, after: timedelta = timedelta()) -> int:
        self.now += after
        ends.settle(self.post())
        return sending.drain(self.post(), lambda: False)

    def states(self) -> list[str]:
        with self.engine.connect() as connection:
            found = connection.execute(text("SELECT state FROM outbox ORDER BY number"))
            return list(found.scalars())

    def receipt(self, message: str | None, state: ReceiptState) -> bool:
        return sending.receive(self.post(), Receipt("sms", state, self.now, message or ""))


@pytest.fixture
def make(engine: Engine) -> Callable[..., Office]:
    def made(*failures: SendError | None) -> Office:
        return Office(engine, Provider(*failures))

    return made


Make = Callable[..., Office]


def test_a_message_is_sent_once(make: Make) -> None:
    office = make()
    office.write()
    assert (office.drain(), office.drain(), office.drain()) == (1, 0, 0)
    assert [message.to for message in office.provider.got] == ["+8562055512345"]
    assert office.states() == ["sent"]


def test_two_drains_at_once_send_each_message_once(make: Make) -> None:
    office = make()
    for _ in range(40):
        office.write()
    threads = [threading.Thread(target=office.drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({message.id for message in office.provider.got}) == 40
    assert len(office.provider.got) == 40


def test_what_may_pass_is_tried_again_with_growing_waits_and_then_is_dead(make: Make) -> None:
    office = make(*[TryLater("busy")] * 20)
    office.write()
    tries = sum(office.drain(timedelta(minutes=1)) for _ in range(60 * 12))
    assert tries == len(office.post().waits) + 1
    assert office.states() == ["dead"]


def test_a_provider_that_comes_back_gets_the_message(make: Make) -> None:
    office = make(TryLater("busy"))
    office.write()
    office.drain()
    assert office.states() == ["queued"]
    office.drain(timedelta(minutes=1))
    assert office.states() == ["sent"]


def test_what_is_refused_is_never_tried_again(make: Make) -> None:
    office = make(Refused("no such number"))
    office.write()
    office.drain()
    assert office.drain(timedelta(days=1)) == 0
    assert office.states() == ["failed"]


def test_an_answer_in_doubt_is_sent_once_more_and_no_oftener(make: Make) -> None:
    office = make(FateUnknown("cut off"), FateUnknown("cut off"))
    office.write()
    office.drain()
    assert office.states() == ["unknown"]
    assert office.drain(timedelta(minutes=5)) == 0
    assert office.drain(timedelta(minutes=6)) == 1
    assert office.drain(timedelta(hours=5)) == 0
    assert len(office.provider.got) == 2


def test_a_digest_in_doubt_is_never_repeated(make: Make) -> None:
    office = make(FateUnknown("cut off"))
    office.write("digest")
    office.drain()
    assert office.drain(timedelta(hours=1)) == 0
    assert office.states() == ["unknown"]


def test_a_sender_that_died_in_the_call_leaves_the_message_unknown(make: Make) -> None:
    office = make()
    office.write("digest")
    with office.engine.begin() as tx:
        assert outbox.claim(tx, office.now, EVERYTHING) is not None
    assert office.drain(timedelta(seconds=30)) == 0
    assert office.states() == ["sending"]
    office.drain(timedelta(minutes=3))
    assert office.states() == ["unknown"]


def test_receipts_only_move_a_message_forward(make: Make) -> None:
    office = make()
    message = office.write()
    office.drain()
    assert office.receipt(message, "delivered")
    assert office.receipt(message, "sent")
    assert office.receipt(message, "undelivered")
    assert office.states() == ["delivered"]


def test_a_receipt_that_comes_before_the_answer_is_kept(make: Make) -> None:
    office = make()
    message = office.write()
    with office.engine.begin() as tx:
        claimed = outbox.claim(tx, office.now, EVERYTHING)
    assert claimed is not None
    office.receipt(message, "delivered")
    with office.engine.begin() as tx:
        outbox.sent(tx, claimed, state="sent", cost_kip=0, now=office.now, ask_at=None)
    assert office.states() == ["delivered"]


def test_a_receipt_clears_up_what_was_unknown(make: Make) -> None:
    office = make(FateUnknown("cut off"))
    message = office.write()
    office.drain()
    office.receipt(message, "sent")
    assert office.drain(timedelta(minutes=20)) == 0
    assert office.states() == ["sent"]


def test_a_receipt_for_nothing_of_ours_is_told(make: Make) -> None:
    assert not make().receipt("00000000-0000-4000-8000-000000000000", "delivered")


def test_one_once_key_is_one_message(make: Make) -> None:
    office = make()
    assert office.write("digest", "digest:2026-W47:0103:1") is not None
    assert office.write("digest", "digest:2026-W47:0103:1") is None
    assert office.drain() == 1


def test_a_stopped_phone_gets_only_the_answer_to_its_stop(make: Make) -> None:
    office = make()
    for purpose in ("digest", "reply", "consent"):
        office.write(purpose)
    with office.engine.begin() as tx:
        tx.execute(text("UPDATE contacts SET stopped_at = now()"))
    office.drain()
    assert office.states() == ["suppressed", "suppressed", "sent"]


def test_answers_go_before_digests(make: Make) -> None:
    office = make()
    office.write("digest")
    reply = office.write("reply")
    office.drain()
    assert office.provider.got[0].id == reply


def test_a_message_for_a_channel_that_was_taken_away_waits(make: Make) -> None:
    office = make()
    office.write()
    office.channels = {}
    office.drain()
    assert office.states() == ["queued"]


def test_a_number_sealed_with_other_keys_waits_for_the_operator(make: Make) -> None:
    office = make()
    office.write()
    ours = office.post()
    post = replace(ours, mail=replace(ours.mail, vault=Vault(b"q" * 32, b"h" * 32)))
    sending.drain(post, lambda: False)
    assert office.states() == ["queued"]
    assert office.provider.got == []
