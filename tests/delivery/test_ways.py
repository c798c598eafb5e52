"""Which way a message goes: routes, fail-over, the breaker, and channels that were taken away."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from app.errors import Refused, TryLater
from app.sections import DeliverySection, RouteSection
from app.storage import channels
from app.storage.channels import BREAKS_AT
from tests.delivery.posts import OPERATOR, PHONE, Network, Site, busy, cut

UNITEL = "+8562099912345"
ROUTED = DeliverySection(
    sms_channel="sms",
    routes=[
        RouteSection(prefixes=["+856209"], channels=["other", "third"]),
        RouteSection(prefixes=["+8562"], channels=["third"]),
    ],
)


def breaks(site: Site, network: Network) -> list[str]:
    """The network stops answering, and what was written for it notices."""
    network.broken = True
    written = [site.write(came_by=network.config.name) for _ in range(BREAKS_AT)]
    site.send()
    return written


@pytest.mark.parametrize(
    ("to", "came_by", "goes"),
    [
        (PHONE, "", "third"),
        (UNITEL, "", "other"),
        ("+66812345678", "", "sms"),
        (UNITEL, "sms", "sms"),
    ],
)
def test_a_message_takes_the_route_of_its_number_and_an_answer_its_questions(
    site: Site, to: str, came_by: str, goes: str
) -> None:
    site.networks = {name: Network(name) for name in ("sms", "other", "third")}
    site.delivery = ROUTED
    message = site.write(to=to, came_by=came_by)
    site.work()
    assert (site.value("channel", message), site.state(message)) == (goes, "sent")


def test_when_a_channel_is_down_its_messages_go_by_the_next(
    pair: Site, sms: Network, other: Network
) -> None:
    written = breaks(pair, sms)
    assert pair.alarmed() == ["channel_down sms"]
    later = pair.write()
    assert pair.work(seconds=1) == 1
    assert pair.history(later) == ["queued", "queued", "sending", "sent"]
    assert pair.value("channel", later) == "other"
    # Those that had failed go too, when their time comes.
    sms.broken = False
    pair.write(came_by="sms")
    pair.work(minutes=1)
    assert {pair.state(message) for message in written} == {"sent"}
    assert len(other.got) + len(sms.got) == BREAKS_AT + 2


def test_a_message_that_a_channel_did_not_take_twice_is_tried_by_the_next(
    pair: Site, sms: Network, other: Network
) -> None:
    sms.broken = True
    message = pair.write()
    for _ in range(5):
        pair.work(minutes=1)
    assert (pair.state(message), pair.value("channel", message)) == ("sent", "other")
    assert (len(sms.called), len(other.called)) == (2, 1)
    # One message is no proof: the channel is not down.
    assert pair.alarms() == []


def test_a_message_that_no_channel_takes_is_tried_by_all_and_dies(
    pair: Site, sms: Network, other: Network
) -> None:
    sms.broken = other.broken = True
    message = pair.write()
    for _ in range(60):
        pair.work(minutes=10)
    assert pair.state(message) == "dead"
    assert len(sms.called) + len(other.called) == len(pair.post.waits) + 1
    assert min(len(sms.called), len(other.called)) >= 3


def test_messages_that_can_go_nowhere_are_not_in_the_way_of_others(site: Site) -> None:
    sms, other, third = Network("sms"), Network("other"), Network("third")
    site.networks = {"sms": sms, "other": other, "third": third}
    site.delivery = ROUTED
    breaks(site, third)
    breaks(site, sms)
    # From there only numbers of the network that is left have another way.
    stay = [site.write(to="+66812345678", channel="third") for _ in range(3)]
    moves = site.write(to=UNITEL, channel="third")
    site.work(seconds=1)
    assert site.value("channel", moves) == "other"
    assert {site.value("channel", message) for message in stay} == {"third"}


def test_without_another_channel_messages_wait_for_theirs(site: Site, sms: Network) -> None:
    written = breaks(site, sms)
    assert site.work(seconds=1) == 0
    sms.broken = False
    for _ in range(4):
        site.work(minutes=1)
    assert {site.state(message) for message in written} == {"sent"}
    assert site.alarms() == []


def test_after_its_rest_a_channel_is_tried_with_one_message_and_rests_longer(
    site: Site, sms: Network
) -> None:
    breaks(site, sms)
    sms.called.clear()
    tried = []
    for second in range(0, 700, 10):
        if site.work(seconds=10):
            tried.append(second + 10)
    assert len(sms.called) == len(tried)
    gaps = [after - before for before, after in zip(tried, tried[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert gaps[0] >= 60
    assert len(tried) in (3, 4)


def test_two_processes_do_not_both_try_it(site: Site, sms: Network) -> None:
    breaks(site, sms)
    for _ in range(5):
        site.write()
    sms.called.clear()
    site.wait(seconds=31)
    threads = [threading.Thread(target=site.send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sms.called) == 1


def test_of_two_that_saw_its_rest_end_one_may_try_it(site: Site, sms: Network) -> None:
    breaks(site, sms)
    site.wait(seconds=31)
    won = []
    for _ in range(2):
        with site.engine.begin() as tx:
            won.append(channels.probe(tx, "sms", site.now))
    assert won == [True, False]


def test_one_that_was_killed_while_trying_does_not_end_the_trying(site: Site) -> None:
    breaks(site, site.networks["sms"])
    site.write()
    site.wait(seconds=31)
    site.claim()
    site.networks["sms"].broken = False
    assert site.work(seconds=30) == 0
    assert site.work(seconds=31) >= 1


def test_a_channel_that_heals_closes_its_alarm(pair: Site, sms: Network) -> None:
    breaks(pair, sms)
    sms.broken = False
    pair.wait(seconds=31)
    pair.write()
    pair.send()
    assert pair.alarmed() == []
    assert len(sms.got) >= 1


def test_a_refusal_is_an_answer_of_a_channel_that_works(site: Site, sms: Network) -> None:
    for _ in range(BREAKS_AT):
        sms.plan.extend([*busy(), Refused("no such number")])
        site.write()
        site.write()
    site.send()
    assert site.alarms() == []


def test_doubts_open_the_breaker_too(site: Site, sms: Network) -> None:
    sms.plan.extend(cut(BREAKS_AT))
    for _ in range(BREAKS_AT):
        site.write("digest")
    site.send()
    assert site.alarmed() == ["channel_down sms"]


def test_calls_that_fail_while_it_rests_do_not_prolong_the_rest(site: Site, sms: Network) -> None:
    site.write()
    # It was under way when the channel went down, and fails later.
    sms.meanwhile.append(lambda: breaks(site, sms))
    site.send()
    assert len(sms.called) == 1 + BREAKS_AT
    sms.broken = False
    assert site.work(seconds=31) >= 1


def test_a_pause_is_no_breakdown_and_moves_nothing(pair: Site, sms: Network) -> None:
    sms.plan.append(TryLater("too many", after=timedelta(minutes=2)))
    message = pair.write()
    pair.work()
    assert pair.work(minutes=1) == 0
    assert pair.work(minutes=2) == 1
    assert pair.value("channel", message) == "sms"


def test_messages_of_a_channel_that_was_taken_away_go_another_way(
    pair: Site, other: Network
) -> None:
    message = pair.write(channel="sms")
    pair.networks = {"other": other}
    assert pair.work() == 1
    assert (pair.value("channel", message), pair.state(message)) == ("other", "sent")


def test_a_message_for_which_there_is_no_channel_at_all_waits(site: Site) -> None:
    message = site.write()
    site.networks = {}
    assert site.work() == 0
    assert site.state(message) == "queued"


def test_the_alarm_of_a_channel_that_was_taken_away_is_over(pair: Site, other: Network) -> None:
    breaks(pair, pair.networks["sms"])
    pair.networks = {"other": other}
    pair.work()
    assert pair.alarms() == []


def test_a_canary_does_not_fly_over_another_channel(pair: Site, sms: Network) -> None:
    breaks(pair, sms)
    canary = pair.write("canary", to=OPERATOR, channel="sms")
    pair.work(seconds=1)
    assert (pair.value("channel", canary), pair.state(canary)) == ("sms", "queued")
