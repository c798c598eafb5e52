"""Asking providers what became of a message: those in doubt, and those that nobody reports."""

from __future__ import annotations

import pytest

from app.delivery import asking
from app.errors import TryLater
from app.words import Fate, FateState, Purpose
from tests.delivery.posts import LONG, Network, Site, busy, cut, never


@pytest.fixture
def sms() -> Network:
    """A network that can be asked."""
    return Network("sms", "fate")


def doubted(site: Site, sms: Network, purpose: Purpose = "reply") -> str:
    sms.plan.extend(cut())
    message = site.write(purpose)
    site.work()
    assert site.state(message) == "unknown"
    return message


@pytest.mark.parametrize("purpose", ["reply", "digest"])
def test_what_the_provider_never_had_is_sent_again_at_once(
    site: Site, sms: Network, purpose: Purpose
) -> None:
    message = doubted(site, sms, purpose)
    assert site.work(seconds=10) == 0
    sms.fates.append(Fate("absent"))
    assert site.work(seconds=21) == 1
    assert site.history(message) == ["queued", "sending", "unknown", "queued", "sending", "sent"]
    assert site.value("cost_kip", message) == "200"
    assert [site.work(hours=1) for _ in range(5)] == [0] * 5


def test_what_the_provider_never_has_is_dead_in_the_end(site: Site, sms: Network) -> None:
    sms.plan.extend(cut(20))
    sms.fates.extend([Fate("absent")] * 20)
    message = site.write()
    for _ in range(20):
        site.work(minutes=1)
    # The breaker has opened meanwhile: the last tries come when it lets them.
    for _ in range(20):
        site.work(minutes=10)
    assert site.state(message) == "dead"
    assert len(sms.got) == len(site.post.waits) + 1


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("sent", "sent"),
        ("buffered", "sent"),
        ("delivered", "delivered"),
        ("undelivered", "undelivered"),
        ("failed", "failed"),
        ("expired", "expired"),
    ],
)
def test_what_the_provider_has_is_not_sent_again(
    site: Site, sms: Network, said: FateState, state: str
) -> None:
    message = doubted(site, sms)
    sms.fates.append(Fate(said, "theirs", "its words"))
    assert site.work(minutes=1) == 0
    assert site.history(message) == ["queued", "sending", "unknown", state]
    assert site.value("provider_ref || ' ' || reason", message) == "theirs its words"
    assert [site.work(minutes=30) for _ in range(10)] == [0] * 10
    assert len(sms.asked) == 1


def test_its_id_that_the_provider_tells_then_is_good_for_receipts(site: Site, sms: Network) -> None:
    message = doubted(site, sms)
    site.receipt("delivered", ref="theirs")
    sms.fates.append(Fate("sent", "theirs"))
    site.work(minutes=1)
    site.upkeep()
    assert site.state(message) == "delivered"


@pytest.mark.parametrize(("purpose", "sent"), [("reply", 2), ("consent", 2), ("digest", 1)])
def test_what_cannot_be_known_is_an_old_doubt(
    site: Site, sms: Network, purpose: Purpose, sent: int
) -> None:
    doubted(site, sms, purpose)
    sms.fates.append(Fate("unknowable"))
    for _ in range(20):
        site.work(minutes=6)
    assert len(sms.got) == sent


def test_a_provider_that_cannot_answer_is_asked_again_more_and_more_rarely(
    site: Site, sms: Network
) -> None:
    message = doubted(site, sms, "digest")
    sms.fates.extend([TryLater("busy")] * 20)
    asked_at = []
    for minute in range(0, 75 * 60, 30):
        before = len(sms.asked)
        site.work(minutes=30)
        if len(sms.asked) > before:
            asked_at.append(minute)
    gaps = [after - before for before, after in zip(asked_at, asked_at[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert 5 <= len(asked_at) <= len(asking.WAITS) + 1
    assert site.state(message) == "expired"
    assert len(sms.got) == 1


def test_one_that_cannot_answer_does_not_keep_the_others_waiting(site: Site, sms: Network) -> None:
    site.networks["slow"] = slow = Network("slow", "fate")
    slow.plan.extend(cut())
    site.write(channel="slow")
    site.work()
    message = doubted(site.wait(seconds=1), sms)
    slow.fates.append(TryLater("busy"))
    sms.fates.append(Fate("delivered"))
    site.wait(minutes=1)
    assert asking.drain(site.post, never) == 1
    assert asking.drain(site.post, never) == 1
    assert site.state(message) == "delivered"


def test_a_message_of_which_a_part_is_out_is_never_begun_again(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", "fate", joins=False))}
    sms.plan.extend([None, *busy()])
    sms.fates.append(Fate("absent"))
    message = site.write(content=LONG)
    for _ in range(20):
        site.work(minutes=6)
    assert len(sms.got) == 1
    assert len(sms.asked) == 1
    assert site.state(message) == "unknown"


def test_a_claim_whose_sender_died_is_asked_about_too(site: Site, sms: Network) -> None:
    message = site.write("digest")
    site.claim()
    sms.fates.append(Fate("delivered"))
    site.work(minutes=3)
    assert sms.asked == []
    site.work(minutes=1)
    assert site.state(message) == "delivered"


def test_a_sender_that_is_slow_is_not_overtaken_by_the_question(site: Site, sms: Network) -> None:
    message = site.write()

    def asked() -> None:
        site.wait(minutes=3).upkeep()
        site.wait(seconds=31).upkeep()
        assert site.state(message) == "queued"

    # It is in its call all the time, and the provider takes it after all.
    sms.meanwhile.append(asked)
    sms.fates.append(Fate("absent"))
    site.work()
    assert site.work(minutes=1) == 0
    assert site.state(message) == "sent"
    assert (len(sms.asked), len(sms.got)) == (1, 1)


def test_a_receipt_that_comes_while_the_provider_is_asked_stands(site: Site, sms: Network) -> None:
    message = doubted(site, sms)
    sms.meanwhile.append(lambda: site.receipt("delivered", message))
    sms.fates.append(Fate("absent"))
    assert site.work(minutes=1) == 0
    assert site.state(message) == "delivered"


def test_an_answer_that_two_got_sends_once(site: Site, sms: Network) -> None:
    message = doubted(site, sms)

    def another() -> None:
        site.wait(minutes=3).upkeep()
        site.claim()

    sms.meanwhile.append(another)
    sms.fates.extend([Fate("absent"), Fate("absent")])
    site.wait(minutes=1).upkeep()
    assert len(sms.asked) == 2
    assert site.state(message) == "sending"


def test_a_channel_that_was_taken_away_cannot_be_asked(site: Site, sms: Network) -> None:
    message = doubted(site, sms, "digest")
    site.networks = {}
    site.work(minutes=1)
    assert site.value("ask_at IS NULL", message) == "true"


def test_where_nobody_reports_the_end_it_is_asked_for(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", "status"))}
    message = site.write()
    site.work()
    sms.fates.extend([Fate("sent", "sms-1"), Fate("buffered", "sms-1"), Fate("delivered")])
    asked_at = []
    for minute in range(1, 15):
        before = len(sms.asked)
        site.work(minutes=1)
        asked_at.extend([minute] * (len(sms.asked) - before))
    assert asked_at == [1, 2, 7]
    assert sms.asked[0].provider_ref == "sms-1"
    assert site.history(message) == ["queued", "sending", "sent", "delivered"]


def test_what_stays_without_an_end_expires(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", "status"))}
    sms.fates.extend([Fate("sent")] * 50)
    message = site.write()
    for _ in range(40):
        site.work(hours=2)
    assert len(sms.asked) <= len(asking.WAITS) + 1
    assert site.state(message) == "expired"
