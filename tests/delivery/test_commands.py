"""siang messages and siang alarms, as an operator types them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app import clock
from app.cli import main
from app.delivery import dead_letters
from app.errors import Refused
from app.settings import ROOT
from app.storage import alarms
from app.storage.alarms import Kind
from tests.delivery.posts import PHONE, Network, Site, busy, cut

Siang = Callable[..., Result]
TEXT = "ຂອບໃຈ ສຳລັບ ຄຳເຫັນ"


@pytest.fixture
def siang(site: Site, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Siang:
    """A command; whatever it prints, it holds no number and no text."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    with (config / "siang.toml").open("a", encoding="utf-8") as written:
        written.write("\n[budget]\ndaily_kip = 1000\nmonthly_kip = 10000\n")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(tmp_path))
    monkeypatch.setenv("SIANG_CONFIG", str(config))
    # Commands go by the machine's clock, and here it is never night.
    site.now = clock.now()
    quiet = {"quiet_from": 0, "quiet_until": 0}
    site.delivery = site.delivery.model_copy(update=quiet)

    def run(*words: str) -> Result:
        ran = CliRunner().invoke(main, list(words))
        assert PHONE[4:] not in ran.output
        assert "ຂອບໃຈ" not in ran.output
        return ran

    return run


def dead_letter(site: Site, sms: Network) -> str:
    """A message that was tried as often as it may be."""
    waits = site.post.waits
    sms.plan.extend(busy(len(waits) + 1))
    message = site.write(content=TEXT)
    for _ in range(len(waits) + 1):
        site.send()
        with site.engine.begin() as tx:
            tx.exec_driver_sql("UPDATE outbox SET next_at = created_at WHERE state = 'queued'")
            tx.exec_driver_sql("UPDATE channel_states SET paused_until = NULL")
    assert site.state(message) == "dead"
    return message


def doubtful(site: Site, sms: Network) -> str:
    sms.plan.extend(cut())
    message = site.write("digest", content=TEXT)
    site.send()
    return message


def listed(siang: Siang) -> dict[str, dict[str, object]]:
    return {one["id"]: one for one in json.loads(siang("messages", "dead", "--json").output)}


def test_dead_letters_are_listed_with_what_an_operator_needs(
    site: Site, sms: Network, siang: Siang
) -> None:
    message = dead_letter(site, sms)
    (one,) = listed(siang).values()
    assert one["id"] == message
    assert (one["state"], one["reason"], one["attempts"]) == ("dead", "busy", 8)
    assert (one["channel"], one["purpose"], one["doubtful"]) == ("sms", "reply", False)
    assert isinstance(one["age_seconds"], int)
    line = siang("messages", "dead").output
    assert message in line
    assert "8 attempts: busy" in line


def test_what_was_sent_or_refused_or_waits_is_no_dead_letter(
    site: Site, sms: Network, siang: Siang
) -> None:
    sms.plan.extend([None, Refused("no such number"), *busy()])
    for _ in range(3):
        site.write(content=TEXT)
    site.send()
    assert sorted(site.states()) == ["failed", "queued", "sent"]
    assert listed(siang) == {}
    assert siang("messages", "dead").output == "No dead letters\n"


def test_a_dead_letter_is_sent_again_with_all_its_attempts(
    site: Site, sms: Network, siang: Siang
) -> None:
    message = dead_letter(site, sms)
    assert siang("messages", "retry", message).output == "Queued again: 1\n"
    assert listed(siang) == {}
    sms.plan.extend(busy())
    site.now = clock.now()
    assert site.send() == 1
    site.now = clock.now() + timedelta(minutes=1)
    with site.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE channel_states SET paused_until = NULL")
    assert site.send() == 1
    assert site.state(message) == "sent"
    assert len(sms.got) == 1


def test_what_expired_unsent_is_one_too_and_gets_new_time(
    site: Site, sms: Network, siang: Siang
) -> None:
    site.now -= timedelta(days=3)
    message = site.write(content=TEXT)
    site.wait(days=2).upkeep()
    assert listed(siang)[message]["state"] == "expired"
    done = json.loads(siang("messages", "retry", "--all", "--json").output)
    assert done == {"queued": [message], "not_queued": []}
    site.now = clock.now()
    assert site.work() == 1


def test_what_may_have_been_sent_is_sent_again_only_when_said_so(
    site: Site, sms: Network, siang: Siang
) -> None:
    sure, doubt = dead_letter(site, sms), doubtful(site, sms)
    assert listed(siang)[doubt]["doubtful"] is True
    assert "may have been sent" in siang("messages", "dead").output
    done = json.loads(siang("messages", "retry", "--all", "--json").output)
    assert done == {"queued": [sure], "not_queued": [doubt]}
    assert "add --doubtful" in siang("messages", "retry", doubt).output
    assert site.state(doubt) == "unknown"
    done = json.loads(siang("messages", "retry", "--all", "--doubtful", "--json").output)
    assert done["queued"] == [doubt]


def test_what_was_reported_or_never_reported_is_not_sent_again(
    site: Site, sms: Network, siang: Siang
) -> None:
    arrived, silent, refused = (site.write(content=TEXT) for _ in range(3))
    sms.plan.extend([None, None, Refused("no such number")])
    site.send()
    site.receipt("expired", arrived)
    site.wait(hours=80).upkeep()
    assert (site.state(arrived), site.state(silent)) == ("expired", "expired")
    for message in (arrived, silent, refused):
        ran = siang("messages", "retry", message, "--doubtful")
        assert ran.output == f"Queued again: 0\nNot queued: {message} is no dead letter\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Say which messages"),
        (("--all", "0b1d1c7e-3f0e-4a53-8f5c-0c8f4a4cbb11"), "Say which messages"),
        (("12",), "is no message's id"),
    ],
)
def test_a_retry_of_nothing_is_explained(siang: Siang, words: tuple[str, ...], said: str) -> None:
    ran = siang("messages", "retry", *words)
    assert ran.exit_code == 2
    assert said in ran.output


def test_a_retry_that_runs_twice_queues_once(site: Site, sms: Network) -> None:
    message = dead_letter(site, sms)
    assert dead_letters.retry(site.engine, site.now) == [message]
    assert dead_letters.retry(site.engine, site.now, [message]) == []


def test_the_sums_of_a_day_channel_and_purpose(pair: Site, siang: Siang) -> None:
    pair.now = clock.now()
    pair.delivery = pair.delivery.model_copy(update={"quiet_from": 0, "quiet_until": 0})
    network = pair.networks["sms"]
    network.plan.extend([None, None, Refused("no such number")])
    first = pair.write(content=TEXT)
    pair.write(content="x" * 161)
    pair.write(content="x")
    pair.write("notice", content="x", channel="other")
    pair.send()
    pair.receipt("delivered", first)
    told = json.loads(siang("messages", "stats", "--json").output)
    day = str(clock.local_day(pair.now))
    counted = [tuple(one.values()) for one in told["sums"]]
    assert counted == [
        (day, "other", "notice", 1, 0, 1, 200, 0, 0),
        (day, "sms", "reply", 3, 1, 3, 600, 1, 1),
    ]
    assert told["total"] == {
        "messages": 4,
        "ucs2": 1,
        "segments": 4,
        "kip": 800,
        "delivered": 1,
        "failed": 1,
    }
    assert told["budget"]["today"] == {"kip": 800, "limit_kip": 1000, "percent": 80.0}
    assert told["held"] == ["bulk"]
    shown = siang("messages", "stats").output
    assert "today: 800 kip, 80.0 % of 1000 kip" in shown
    assert "The budget holds back: bulk" in shown


def test_days_are_vientianes_and_older_ones_are_left_out(site: Site, siang: Siang) -> None:
    today = clock.local_day(clock.now())
    site.delivery = site.delivery.model_copy(update={"quiet_from": 0, "quiet_until": 0})
    for back in (0, 1, 2):
        # The first minute of the day there is still the day before in UTC.
        site.now = clock.local_moment(today - timedelta(days=back), 0, 1)
        site.write(content=TEXT)
        site.send()
    told = json.loads(siang("messages", "stats", "--days", "2", "--json").output)
    assert [one["day"] for one in told["sums"]] == [str(today), str(today - timedelta(days=1))]


def test_one_messages_history(site: Site, sms: Network, siang: Siang) -> None:
    sms.plan.extend(cut())
    message = site.write(content=TEXT)
    site.send()
    site.receipt("undelivered", message, detail="absent subscriber")
    told = json.loads(siang("messages", "show", message, "--json").output)
    assert [one["state"] for one in told["history"]] == [
        "queued",
        "sending",
        "unknown",
        "undelivered",
    ]
    assert told["history"][2]["reason"] == "cut off"
    assert told["receipts"][0]["detail"] == "absent subscriber"
    assert (told["encoding"], told["segments"], told["cost_kip"]) == ("UCS-2", 1, 200)
    shown = siang("messages", "show", message).output
    assert "undelivered sms             absent subscriber" in shown


def test_a_message_that_is_not_there(siang: Siang) -> None:
    ran = siang("messages", "show", "00000000-0000-4000-8000-000000000000")
    assert ran.exit_code == 2
    assert "There is no message" in ran.output


def test_the_states_and_how_long_the_oldest_waits(site: Site, sms: Network, siang: Siang) -> None:
    assert siang("messages", "states").output == "Nothing is due\n"
    site.write(content=TEXT)
    site.send()
    site.wait(minutes=-7)
    site.write(content=TEXT)
    told = json.loads(siang("messages", "states", "--json").output)
    assert told["states"] == {"queued": 1, "sent": 1}
    assert 420 <= told["oldest_due_seconds"] < 600
    assert "The oldest is due since 7 min" in siang("messages", "states").output


RAISED: list[tuple[int, Kind]] = [
    (9, "spool"),
    (2, "canary"),
    (1, "channel_down"),
    (8, "device_silent"),
]


def test_alarms_open_ones_first(site: Site, siang: Siang) -> None:
    assert siang("alarms").output == "No alarms\n"
    with site.engine.begin() as tx:
        for days, kind in RAISED:
            at = site.now - timedelta(days=days)
            alarms.notice(tx, kind=kind, subject="sms", detail="It is so.", now=at)
        alarms.close(tx, "channel_down", "sms", site.now)
        alarms.close(tx, "spool", "sms", site.now - timedelta(days=8))
    told = json.loads(siang("alarms", "--json").output)
    assert [one["kind"] for one in told] == ["canary", "device_silent", "channel_down"]
    shown = siang("alarms", "--days", "30").output.splitlines()
    assert len(shown) == 4
    assert "canary sms: It is so. (1 times; OPEN)" in shown[0]
    assert "over since" in shown[-1]
