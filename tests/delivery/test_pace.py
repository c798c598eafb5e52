"""A channel's rate: held across all workers, whatever they do at once."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

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


def test_no_second_sees_more_than_the_rate(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", rate=40))}
    for _ in range(120):
        site.write()
    # Each drain stops after ten seconds, whatever is left.
    for _ in range(3):
        together(site, 3)
    assert len(sms.got) == len({message.id for message in sms.got}) == 120
    assert most_in_a_second(sms.called) <= 42


def test_one_that_is_slow_does_not_hold_up_another(pair: Site, other: Network) -> None:
    pair.networks["sms"] = sms = Network("sms", rate=0.7)
    for _ in range(2):
        pair.write(channel="sms")
    for _ in range(20):
        pair.write(channel="other")
    began = time.monotonic()
    together(pair, 2)
    assert len(other.got) == 20
    assert max(other.called) - began < max(sms.called) - began
    assert most_in_a_second(sms.called) == 1


def test_a_message_for_which_there_is_no_slot_is_given_back_unharmed(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", rate=0.1))}
    first, second = site.write(), site.write()
    gate = Gate(site.post)
    turns = [gate.next(), gate.next()]
    # Both saw the same slot free; one of them gets it.
    lets = [turn is not None and gate.lets(turn) for turn in turns]
    assert lets == [True, False]
    assert site.value("state || ' ' || attempts", first) == "sending 1"
    assert site.value("state || ' ' || attempts", second) == "queued 0"
    assert sms.called == []


def test_who_was_stopped_for_long_after_its_claim_does_not_call(site: Site) -> None:
    message = site.write()
    gate = Gate(replace(site.post, lease=timedelta(seconds=0.1)))
    turn = gate.next()
    assert turn is not None
    time.sleep(0.1)
    assert not gate.lets(turn)
    assert site.history(message) == ["queued", "sending", "queued"]


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
