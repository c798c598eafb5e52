"""Receipts: forward only, in any order, for messages known by our id or the provider's."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID, uuid5

import pytest
from sqlalchemy import text

from app.storage import people
from app.words import ReceiptState
from tests.delivery.posts import LONG, PHONE, Network, Site, busy, cut

OTHER_PHONE = "+8562099912345"


def sent(site: Site) -> str:
    message = site.write()
    site.work()
    return message


@pytest.mark.parametrize("state", ["delivered", "undelivered", "failed", "expired"])
@pytest.mark.parametrize("known_by", ["our id", "the provider's id"])
def test_a_receipt_ends_a_message_with_the_networks_reason(
    site: Site, state: ReceiptState, known_by: str
) -> None:
    message = sent(site)
    ours = known_by == "our id"
    told = site.receipt(state, message if ours else "", "" if ours else "sms-1", detail="err 12")
    assert told
    assert site.history(message) == ["queued", "sending", "sent", state]
    assert site.value("reason", message) == "err 12"


@pytest.mark.parametrize("order", list(permutations(["buffered", "sent", "delivered"])))
def test_receipts_may_come_in_any_order(site: Site, order: tuple[ReceiptState, ...]) -> None:
    message = sent(site)
    for state in order:
        assert site.receipt(state, message)
    assert site.history(message) == ["queued", "sending", "sent", "delivered"]


@pytest.mark.parametrize("first", ["delivered", "undelivered", "failed"])
@pytest.mark.parametrize("second", ["sent", "buffered", "delivered", "undelivered", "expired"])
def test_what_the_network_said_of_the_end_stands(
    site: Site, first: ReceiptState, second: ReceiptState
) -> None:
    message = sent(site)
    site.receipt(first, message)
    assert site.receipt(second, message)
    assert site.state(message) == first


def test_a_receipt_that_comes_twice_is_noted_twice_and_changes_nothing(site: Site) -> None:
    message = sent(site)
    assert site.receipt("delivered", ref="sms-1")
    assert site.receipt("delivered", ref="sms-1")
    assert site.history(message)[-2:] == ["sent", "delivered"]


def test_a_receipt_that_comes_before_the_answer_stands(site: Site, sms: Network) -> None:
    message = site.write()
    sms.meanwhile.append(lambda: site.receipt("delivered", message))
    site.work()
    assert site.history(message) == ["queued", "sending", "delivered"]
    assert site.value("provider_ref || ' ' || cost_kip", message) == "sms-1 200"


def test_a_receipt_by_the_providers_id_may_come_before_that_id(site: Site) -> None:
    message = site.write()
    assert site.receipt("delivered", ref="sms-1", phone="020 55 512 345")
    site.work()
    assert site.state(message) == "sent"
    site.work(seconds=2)
    assert site.history(message) == ["queued", "sending", "sent", "delivered"]


def test_a_receipt_that_is_noted_while_the_id_is_filed_is_not_lost(site: Site) -> None:
    message = site.write()
    with site.engine.begin() as slow:
        # It looked for its message before the answer was filed, and is committed after it.
        slow.execute(
            text(
                "INSERT INTO receipts (channel, provider_ref, state, at) "
                "VALUES ('sms', 'sms-1', 'delivered', now())"
            )
        )
        site.work()
    assert site.state(message) == "sent"
    site.work()
    assert site.state(message) == "delivered"


def test_receipts_that_wait_are_taken_in_the_order_in_which_they_came(site: Site) -> None:
    site.receipt("sent", ref="sms-1")
    site.receipt("undelivered", ref="sms-1", detail="absent")
    message = sent(site)
    site.work()
    assert (site.state(message), site.value("reason", message)) == ("undelivered", "absent")


def test_a_receipt_that_names_another_phone_is_none_of_the_message(site: Site) -> None:
    site.receipt("failed", ref="sms-1", phone=OTHER_PHONE)
    message = sent(site)
    assert not site.receipt("failed", message, phone=OTHER_PHONE)
    assert not site.receipt("failed", ref="sms-1", phone=OTHER_PHONE)
    assert not site.receipt("failed", message, phone="Operator")
    site.work()
    assert site.state(message) == "sent"
    assert site.receipt("delivered", ref="sms-1", phone="8562055512345")
    assert site.state(message) == "delivered"


def test_one_channels_ids_are_not_anothers(pair: Site) -> None:
    message = sent(pair)
    pair.receipt("failed", ref="sms-1", channel="other")
    pair.work()
    assert pair.state(message) == "sent"


def test_a_receipt_for_nothing_of_ours_is_told(site: Site) -> None:
    assert not site.receipt("delivered", "00000000-0000-4000-8000-000000000000")


def test_what_never_belonged_to_a_message_is_forgotten(site: Site) -> None:
    site.receipt("delivered", ref="of somebody else")
    site.work(days=4)
    with site.engine.connect() as tx:
        assert tx.execute(text("SELECT count(*) FROM receipts")).scalar() == 0


def test_a_receipt_clears_up_what_was_unknown(site: Site, sms: Network) -> None:
    sms.plan.extend(cut())
    message = sent(site)
    site.receipt("sent", message)
    assert site.work(minutes=20) == 0
    assert site.history(message) == ["queued", "sending", "unknown", "sent"]


def test_a_receipt_for_a_message_that_is_to_be_sent_again_calls_it_back(
    site: Site, sms: Network
) -> None:
    sms.plan.extend(cut())
    message = sent(site)
    site.wait(minutes=11).upkeep()
    assert site.state(message) == "queued"
    site.receipt("delivered", message)
    assert site.work() == 0
    assert site.state(message) == "delivered"


def test_a_receipt_that_comes_too_late_still_counts(site: Site) -> None:
    message = sent(site)
    site.work(hours=73)
    assert (site.state(message), site.value("reason", message)) == ("expired", "no receipt came")
    site.receipt("delivered", message)
    assert site.state(message) == "delivered"


def test_where_nobody_reports_sent_is_all_that_is_known(site: Site) -> None:
    site.networks["sms"].abilities = frozenset({"send"})
    message = sent(site)
    site.work(days=30)
    assert site.state(message) == "sent"


# --- opting out -------------------------------------------------------------------------------


@pytest.mark.parametrize("early", [False, True])
def test_a_receipt_may_say_that_the_phone_opted_out(site: Site, early: bool) -> None:
    if early:
        site.receipt("failed", ref="sms-1", opted_out=True)
    sent(site)
    if not early:
        site.receipt("failed", ref="sms-1", opted_out=True)
    site.upkeep()
    assert site.stopped(PHONE)
    again = site.write()
    site.work()
    assert site.state(again) == "suppressed"


def test_such_a_receipt_that_comes_again_does_not_undo_a_start(site: Site) -> None:
    sent(site)
    site.receipt("failed", ref="sms-1", opted_out=True)
    with site.engine.begin() as tx:
        people.set_stopped(tx, site.contact(), None)
    site.receipt("failed", ref="sms-1", opted_out=True)
    assert not site.stopped()


# --- parts ------------------------------------------------------------------------------------


def in_parts(site: Site) -> str:
    site.networks = {"sms": Network("sms", joins=False)}
    message = site.write(content=LONG)
    site.work()
    assert site.value("parts", message) == "3"
    return message


def test_a_message_in_parts_has_arrived_when_all_of_them_have(site: Site) -> None:
    message = in_parts(site)
    states = []
    for ref in ("sms-1", "sms-1", "sms-3", "sms-2"):
        site.receipt("delivered", ref=ref)
        states.append(site.state(message))
    assert states == ["sent", "sent", "sent", "delivered"]


def test_parts_whose_receipts_name_no_other_id_than_ours_are_told_apart(site: Site) -> None:
    """Kannel and the phones repeat nothing but the id that we gave."""
    message = in_parts(site)
    first, second, third = [part.id for part in site.networks["sms"].got]
    states = []
    for ours in (first, first, third, third, second):
        assert site.receipt("delivered", ours)
        states.append(site.state(message))
    assert states == ["sent", "sent", "sent", "sent", "delivered"]


def test_a_receipt_of_a_part_may_come_while_it_is_being_sent(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", joins=False))}
    message = site.write(content=LONG)
    told: list[bool] = []

    def overtake() -> None:
        second = str(uuid5(UUID(message), "2"))
        told.append(site.receipt("undelivered", second, detail="absent"))

    sms.meanwhile.extend([lambda: None, overtake])
    site.work()
    assert told == [True]
    assert (site.state(message), site.value("reason", message)) == ("undelivered", "absent")


def test_a_part_that_was_lost_is_the_message(site: Site) -> None:
    message = in_parts(site)
    site.receipt("delivered", ref="sms-1")
    site.receipt("undelivered", ref="sms-2", detail="absent")
    site.receipt("delivered", ref="sms-3")
    assert (site.state(message), site.value("reason", message)) == ("undelivered", "absent")


def test_receipts_of_parts_may_come_before_their_answers(site: Site) -> None:
    for ref in ("sms-3", "sms-1", "sms-2"):
        site.receipt("delivered", ref=ref)
    message = in_parts(site)
    site.work()
    assert site.state(message) == "delivered"


def test_nothing_of_a_channel_that_heals_is_lost_on_the_way(site: Site, sms: Network) -> None:
    sms.plan.extend(busy(3))
    message = site.write()
    for _ in range(20):
        site.work(minutes=1)
    site.receipt("delivered", message)
    assert site.history(message) == ["queued", "sending"] * 4 + ["sent", "delivered"]
