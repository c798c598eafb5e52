"""What may go out when: the order, the hours, the holidays, the budget."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.clock import VIENTIANE
from app.delivery import gates
from app.delivery.policy import URGENCY, Spent
from app.errors import Refused
from app.sections import BudgetSection, DeliverySection
from app.words import Purpose
from tests.delivery.posts import Network, Site, cut

ANSWERS = "consent reply alarm canary"


def local(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=VIENTIANE).astimezone(UTC)


def sent(site: Site) -> str:
    """Purposes of what is out, the most urgent first."""
    found = dict(zip(URGENCY, site.states(), strict=True))
    return " ".join(purpose for purpose, state in found.items() if state == "sent")


def write_everything(site: Site) -> None:
    for purpose in URGENCY:
        site.write(purpose)


def test_the_most_urgent_goes_first_whenever_it_was_written(site: Site, sms: Network) -> None:
    written = {site.write(purpose): purpose for purpose in reversed(URGENCY)}
    site.work()
    assert [written[message.id] for message in sms.got] == list(URGENCY)


def test_an_answer_on_any_channel_goes_before_a_digest_on_any(
    pair: Site, sms: Network, other: Network
) -> None:
    pair.write("digest", channel="sms")
    pair.write("reply", channel="other")
    pair.work()
    assert other.called[0] < sms.called[0]


def test_of_equals_the_one_that_waits_longest_goes_first(site: Site, sms: Network) -> None:
    written = []
    for _ in range(3):
        written.append(site.write())
        site.wait(seconds=1)
    site.work()
    assert [message.id for message in sms.got] == written


EVERYTHING = " ".join(URGENCY)


@pytest.mark.parametrize(
    ("moment", "goes"),
    [
        ("2026-11-23 08:00", EVERYTHING),
        ("2026-11-23 19:59:59", EVERYTHING),
        ("2026-11-23 20:00", ANSWERS),
        ("2026-11-23 23:59:59", ANSWERS),
        ("2026-11-24 00:00", ANSWERS),
        ("2026-11-24 07:59:59", ANSWERS),
        # A Sunday is no holiday; the national day and the new year are.
        ("2026-11-29 12:00", EVERYTHING),
        ("2026-12-02 12:00", ANSWERS),
        ("2027-04-15 12:00", ANSWERS),
    ],
)
def test_the_quiet_hours(site: Site, moment: str, goes: str) -> None:
    site.now = local(moment)
    write_everything(site)
    site.send()
    assert sent(site) == goes


def test_what_waited_for_the_day_goes_when_it_comes(site: Site) -> None:
    site.now = local("2026-11-23 21:00")
    digest = site.write("digest")
    assert [site.work(hours=1) for _ in range(10)] == [0] * 10
    assert site.work(hours=1) == 1
    assert site.history(digest) == ["queued", "sending", "sent"]


def test_what_was_written_before_the_new_year_goes_after_it(site: Site) -> None:
    site.now = local("2028-04-13 20:00")
    notice = site.write("notice")
    while not site.work(hours=6):
        assert site.state(notice) == "queued"
    assert site.now.astimezone(VIENTIANE).hour == 8
    assert site.state(notice) == "sent"


def test_the_quiet_hours_are_the_operators(site: Site) -> None:
    site.delivery = DeliverySection(sms_channel="sms", quiet_from=12, quiet_until=14)
    site.now = local("2026-11-23 12:30")
    site.write("digest")
    assert site.work() == 0
    assert site.work(hours=2) == 1
    site.delivery = DeliverySection(sms_channel="sms", quiet_from=8, quiet_until=8)
    site.now = local("2026-12-02 23:00")
    site.write("digest")
    assert site.work() == 1


def test_the_phone_page_knows_no_night_and_no_budget(site: Site) -> None:
    site.networks = {"sms": Network("sms", kind="simulator")}
    site.budget = BudgetSection(daily_kip=1)
    site.now = local("2026-11-23 23:00")
    write_everything(site)
    site.send()
    assert sent(site) == EVERYTHING


# --- money ------------------------------------------------------------------------------------

HELD: list[tuple[int, set[Purpose]]] = [
    (7, set()),
    (8, {"bulk"}),
    (9, {"bulk", "digest"}),
    (10, {"bulk", "digest", "alert", "confirmation", "notice"}),
]


@pytest.mark.parametrize(("messages", "held"), HELD)
def test_each_rung_of_the_ladder(site: Site, messages: int, held: set[Purpose]) -> None:
    for _ in range(messages):
        site.write()
    site.work()
    site.budget = BudgetSection(daily_kip=10 * 200)
    with site.engine.connect() as tx:
        assert set(URGENCY) - set(gates.allowed_now(site.post, tx)) == held


def test_what_the_budget_holds_waits_and_answers_do_not(site: Site) -> None:
    site.budget = BudgetSection(daily_kip=200)
    site.write()
    site.work()
    write_everything(site)
    site.work()
    assert site.states()[1:] == ["sent"] * 4 + ["queued"] * 5


@pytest.mark.parametrize(
    ("budget", "freed"),
    [
        (BudgetSection(daily_kip=200), "2026-11-24 08:00"),
        (BudgetSection(monthly_kip=200), "2026-12-01 08:00"),
    ],
)
def test_the_next_day_or_month_frees(site: Site, budget: BudgetSection, freed: str) -> None:
    site.budget = budget
    site.write("reply")
    site.work()
    site.now = local(freed)
    site.wait(days=-1)
    notice = site.write("notice")
    assert site.work() == 0
    assert site.alarmed() != []
    site.wait(days=1)
    assert site.work() == 1
    assert site.state(notice) == "sent"
    assert site.alarmed() == []


def test_a_message_in_doubt_counts_as_paid(site: Site, sms: Network) -> None:
    site.budget = BudgetSection(daily_kip=200)
    sms.plan.extend(cut())
    site.write("digest")
    site.work()
    site.write("bulk")
    assert site.work() == 0


def test_a_message_that_was_refused_costs_nothing(site: Site, sms: Network) -> None:
    site.budget = BudgetSection(daily_kip=200)
    sms.plan.append(Refused("no such number"))
    site.write("digest")
    site.work()
    bulk = site.write("bulk")
    site.work()
    assert site.state(bulk) == "sent"


def test_midnight_begins_a_new_day_at_once(site: Site) -> None:
    site.budget = BudgetSection(daily_kip=10**6)
    purse = site.post.purse
    site.now = local("2026-11-23 23:59:30")
    site.write()
    site.work()
    with site.engine.connect() as tx:
        assert purse.spent(tx, site.now) == Spent(200, 200)
        assert purse.spent(tx, local("2026-11-24 00:00")) == Spent(0, 200)
        assert purse.spent(tx, local("2026-12-01 00:00")) == Spent(0, 0)
