"""The outbox: sent once, tried again when it helps, accounted for whatever happens."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.delivery import sending
from app.errors import OptedOut, Refused, SendError, TryLater
from app.people.vault import Vault
from app.storage import people
from app.storage.channels import BREAKS_AT
from tests.delivery.posts import LONG, PHONE, Network, Site, busy, cut, never


def test_a_message_is_sent_once(site: Site, sms: Network) -> None:
    site.write()
    assert (site.work(), site.work(), site.work()) == (1, 0, 0)
    assert [message.to for message in sms.got] == [PHONE]
    assert site.states() == ["sent"]


@pytest.mark.parametrize("drains", [2, 4])
def test_drains_at_once_send_each_message_once(site: Site, sms: Network, drains: int) -> None:
    for _ in range(40):
        site.write()
    threads = [threading.Thread(target=site.send) for _ in range(drains)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({message.id for message in sms.got}) == len(sms.got) == 40


def test_what_may_pass_is_tried_again_with_growing_waits_and_then_is_dead(
    site: Site, sms: Network
) -> None:
    sms.plan.extend(busy(20))
    message = site.write()
    tried_at = [minute for minute in range(0, 60 * 11, 5) if site.work(minutes=5)]
    assert len(tried_at) == len(site.post.waits) + 1
    gaps = [after - before for before, after in zip(tried_at, tried_at[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 180
    assert site.state(message) == "dead"
    assert site.value("reason", message) == "busy"


def test_what_failed_together_does_not_come_back_together(site: Site, sms: Network) -> None:
    sms.plan.extend(busy(4))
    written = [site.write() for _ in range(4)]
    site.work()
    again = {site.value("next_at", message) for message in written}
    assert len(again) == 4


def test_a_provider_that_comes_back_gets_the_message(site: Site, sms: Network) -> None:
    sms.plan.extend(busy())
    message = site.write()
    site.work()
    assert site.state(message) == "queued"
    site.work(minutes=1)
    assert site.history(message) == ["queued", "sending", "queued", "sending", "sent"]


def test_what_is_refused_is_never_tried_again(site: Site, sms: Network) -> None:
    sms.plan.append(Refused("no such number"))
    message = site.write()
    site.work()
    assert site.work(hours=23) == 0
    assert (site.state(message), site.value("reason", message)) == ("failed", "no such number")
    assert site.value("cost_kip", message) == "0"


def test_a_phone_that_opted_out_gets_nothing_more(site: Site, sms: Network) -> None:
    sms.plan.append(OptedOut("the phone is on the network's list"))
    first, second = site.write(), site.write()
    site.work()
    assert (site.state(first), site.state(second)) == ("failed", "suppressed")
    assert site.stopped()
    assert sms.got == []


def test_a_provider_that_asks_for_a_pause_gets_it_and_no_attempt_is_lost(
    site: Site, sms: Network
) -> None:
    sms.plan.append(TryLater("too many", after=timedelta(minutes=5)))
    first, second = site.write(), site.write()
    assert site.work() == 1
    assert site.value("attempts", first) == "0"
    assert site.work(minutes=4) == 0
    assert site.work(minutes=2) == 2
    assert (site.state(first), site.state(second)) == ("sent", "sent")
    assert site.alarms() == []


def test_a_pause_of_no_time_is_still_a_pause(site: Site, sms: Network) -> None:
    sms.plan.append(TryLater("too many", after=timedelta()))
    site.write()
    assert (site.work(), site.work(seconds=2)) == (1, 1)


def test_a_success_elsewhere_does_not_cut_a_pause_short(site: Site, sms: Network) -> None:
    for _ in range(3):
        site.write()
    # While the first is under way others fail and are told to wait; then it succeeds.
    sms.plan.extend([*busy(), TryLater("too many", after=timedelta(minutes=5))])
    sms.meanwhile.append(site.send)
    assert site.work() == 1
    assert site.states().count("sent") == 1
    assert site.work(minutes=4) == 0
    assert site.work(minutes=2) == 2


def test_what_was_not_sent_in_time_is_of_no_use(site: Site, sms: Network) -> None:
    sms.plan.append(TryLater("too many", after=timedelta(hours=25)))
    message = site.write()
    site.work()
    assert site.work(hours=25) == 0
    assert site.history(message)[-1] == "expired"
    assert site.value("reason", message) == "not sent in time: too many"


def test_an_answer_in_doubt_is_sent_once_more_and_no_oftener(site: Site, sms: Network) -> None:
    sms.plan.extend(cut(2))
    message = site.write()
    site.work()
    assert site.state(message) == "unknown"
    assert site.work(minutes=5) == 0
    assert site.work(minutes=6) == 1
    assert [site.work(minutes=11) for _ in range(10)] == [0] * 10
    assert len(sms.got) == 2
    site.work(hours=73)
    assert site.state(message) == "expired"


def test_an_answer_that_was_put_off_meanwhile_is_still_repeated_once(
    site: Site, sms: Network
) -> None:
    sms.plan.extend([*cut(), *busy(), *cut()])
    site.write()
    for _ in range(20):
        site.work(minutes=6)
    assert len(sms.got) == 2


def test_nothing_but_an_answer_is_repeated(site: Site, sms: Network) -> None:
    for purpose in ("alarm", "confirmation", "notice", "digest", "bulk"):
        sms.plan.extend(cut())
        site.write(purpose)
        site.work()
    assert [site.work(minutes=6) for _ in range(10)] == [0] * 10
    assert site.states() == ["unknown"] * 5


def test_a_sender_that_died_in_the_call_leaves_the_message_unknown(site: Site) -> None:
    message = site.write("digest")
    site.claim()
    assert site.work(seconds=30) == 0
    assert site.state(message) == "sending"
    site.work(minutes=3)
    assert site.state(message) == "unknown"
    assert site.value("cost_kip", message) == "200"


def test_a_sender_that_was_only_slow_puts_its_message_right(site: Site, sms: Network) -> None:
    message = site.write("digest")
    sms.meanwhile.append(lambda: site.wait(minutes=3).upkeep())
    site.work()
    assert site.history(message) == ["queued", "sending", "unknown", "sent"]
    assert site.value("cost_kip", message) == "200"


@pytest.mark.parametrize("late", [TryLater("busy"), Refused("no such number"), *cut()])
def test_a_sender_that_slept_too_long_settles_nothing_of_the_next_claim(
    site: Site, sms: Network, late: SendError
) -> None:
    message = site.write()

    def again() -> None:
        site.wait(minutes=3).upkeep()
        site.wait(minutes=11).upkeep()
        site.claim()

    sms.meanwhile.append(again)
    sms.plan.append(late)
    site.work()
    assert site.history(message) == ["queued", "sending", "unknown", "queued", "sending"]


def test_a_slow_sender_whose_message_was_not_taken_clears_the_doubt(
    site: Site, sms: Network
) -> None:
    message = site.write()
    sms.meanwhile.append(lambda: site.wait(minutes=3).upkeep())
    sms.plan.extend(busy())
    site.work()
    assert site.history(message) == ["queued", "sending", "unknown", "queued"]
    assert site.value("cost_kip || ' ' || doubts", message) == "0 0"


def test_the_clock_may_be_put_back_and_nothing_is_sent_twice(site: Site, sms: Network) -> None:
    sms.plan.extend(busy())
    first = site.write()
    site.work()
    site.wait(hours=-1)
    second = site.write()
    site.work()
    assert site.state(second) == "sent"
    for _ in range(8):
        site.work(minutes=10)
    assert site.state(first) == "sent"
    assert len(sms.got) == 2


def test_one_once_key_is_one_message(site: Site) -> None:
    assert site.write("digest", once_key="digest:2026-W47:0103:1") != ""
    assert site.write("digest", once_key="digest:2026-W47:0103:1") == ""
    assert site.work() == 1


def test_a_stopped_phone_gets_only_the_answer_to_its_stop(site: Site) -> None:
    with site.engine.begin() as tx:
        people.set_stopped(tx, site.contact(), site.now)
    for purpose in ("digest", "reply", "consent"):
        site.write(purpose)
    site.work()
    assert site.states() == ["suppressed", "suppressed", "sent"]


def test_each_message_knows_its_encoding_segments_and_cost(site: Site) -> None:
    prices = {"85620": 150, "856205": 100}
    site.networks = {"sms": Network("sms", prefix_kip=prices)}
    lao = site.write(content=LONG)
    thai = site.write(to="+66812345678", content="ok")
    unitel = site.write(to="+8562099912345", content="x" * 161)
    site.work()
    columns = "encoding || ' ' || segments || ' ' || cost_kip"
    assert site.value(columns, lao) == "UCS-2 3 300"
    assert site.value(columns, thai) == "GSM-7 1 200"
    assert site.value(columns, unitel) == "GSM-7 2 300"


def test_an_answer_that_was_sent_twice_cost_twice(site: Site, sms: Network) -> None:
    sms.plan.extend(cut())
    message = site.write()
    site.work()
    site.work(minutes=11)
    assert (site.state(message), site.value("cost_kip", message)) == ("sent", "400")


def test_every_change_is_in_the_history_with_its_time_and_reason(site: Site, sms: Network) -> None:
    sms.plan.extend([*busy(), *cut()])
    message = site.write()
    site.work()
    site.work(minutes=1)
    site.receipt("delivered", message, detail="DELIVRD")
    with site.engine.connect() as tx:
        rows = tx.execute(text("SELECT state, reason, at FROM outbox_history ORDER BY id")).all()
    assert [(row.state, row.reason) for row in rows] == [
        ("queued", ""),
        ("sending", ""),
        ("queued", "busy"),
        ("sending", ""),
        ("unknown", "cut off"),
        ("delivered", "DELIVRD"),
    ]
    assert [row.at for row in rows] == sorted(row.at for row in rows)


def test_a_number_sealed_with_other_keys_waits_for_the_operator(site: Site, sms: Network) -> None:
    written = [site.write() for _ in range(BREAKS_AT)]
    ours = site.post
    post = replace(ours, mail=replace(ours.mail, vault=Vault(b"q" * 32, b"h" * 32)))
    sending.drain(post, never)
    assert {site.state(message) for message in written} == {"queued"}
    assert sms.got == []
    # The channel is well.
    assert site.alarms() == []
    assert site.work(minutes=1) == BREAKS_AT


def test_a_fault_of_ours_in_the_call_leaves_a_doubt(site: Site, sms: Network) -> None:
    sms.plan.append(KeyError("a fault"))
    message = site.write("digest")
    site.work()
    assert (site.state(message), site.value("reason", message)) == ("unknown", "KeyError")
