"""A channel's rate: held across all workers, whatever they do at once."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from app.delivery.gates import Gate
from tests.delivery.posts import Network, Site


def most_in_a_second(called: Sequence[float]) -> int:
    """The fullest second, wherever it begins."""
    moments = sorted(called)
    return max(bisect_left(moments, at + 1) - index for index, at in enumerate(moments))


def together(site: Site, drains: int) -> None:
    threads = [threading.Thread(target=site.send) for _ in range(drains)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("rate", "messages"), [(40, 120), (5, 12)])
def test_no_second_sees_more_than_the_rate(site: Site, rate: int, messages: int) -> None:
    site.networks = {"sms": (sms := Network("sms", rate=rate))}
    for _ in range(messages):
        site.write()
    while "queued" in site.states():
        together(site, 3)
    assert len(sms.got) == len({message.id for message in sms.got}) == messages
    assert most_in_a_second(sms.called) <= rate * 1.05


def test_one_that_is_slow_does_not_hold_up_another(pair: Site, other: Network) -> None:
    pair.networks["sms"] = sms = Network("sms", rate=1)
    for _ in range(2):
        pair.write(channel="sms")
    for _ in range(20):
        pair.write(channel="other")
    began = time.monotonic()
    together(pair, 2)
    assert len(other.got) == 20
    assert max(other.called) - began < max(sms.called) - began
    assert most_in_a_second(sms.called) == 1


def test_a_message_whose_slot_was_missed_is_given_back_unharmed(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", rate=5))}
    message = site.write()
    gate = Gate(site.post)
    turn = gate.next()
    assert turn is not None
    assert turn.claimed is not None
    # The machine slept for a while.
    time.sleep(0.1)
    assert not turn.in_time()
    gate.give_back(turn.claimed)
    assert site.value("state || ' ' || attempts", message) == "queued 0"
    assert site.work() == 1
    assert len(sms.got) == 1


def test_a_database_whose_clock_was_put_back_does_not_stop_a_channel(site: Site) -> None:
    site.networks = {"sms": Network("sms", rate=50)}
    site.write()
    with site.engine.begin() as tx:
        tx.execute(
            text(
                "INSERT INTO channel_states (channel, slot_at) "
                "VALUES ('sms', clock_timestamp() + interval '1 hour')"
            )
        )
    assert site.work() == 1
