"""The provider that stands in for Kannel, and the channel that finds it."""

from __future__ import annotations

import json
from pathlib import Path

from app import settings
from bench import texts
from bench.processes import environment
from bench.provider import SENDSMS, Provider


def test_a_receivers_first_message_is_the_one_that_counts() -> None:
    taker = Provider()
    status, body = taker.answer(f"{SENDSMS}?to=%2B8562050000001&text=ok")
    assert (status, body) == ("202 Accepted", "0: Accepted for delivery")
    first = taker.received["+8562050000001"]
    taker.answer(f"{SENDSMS}?to=%2B8562050000001&text=again")
    assert json.loads(taker.answer("/received")[1]) == {"+8562050000001": first}
    assert json.loads(taker.answer("/count")[1]) == 1
    taker.answer("/forget")
    assert json.loads(taker.answer("/count")[1]) == 0


def test_siang_is_told_of_its_provider_by_the_environment(tmp_path: Path) -> None:
    taker = texts.Provider(8099)
    loaded = settings.load(environment(tmp_path, **taker.variables()))
    channel = loaded.channels[texts.CHANNEL]
    assert channel.options["sendsms_url"] == f"http://127.0.0.1:8099{SENDSMS}"
    assert channel.rate == 0, "no limit of messages a second is measured"


def test_there_are_as_many_direct_callers_as_siang_has() -> None:
    assert texts.callers() == 1
