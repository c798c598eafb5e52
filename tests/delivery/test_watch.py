"""What operators are told: channels, canaries, devices, money; each of it once, and in time."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from sqlalchemy import text

from app.delivery import watch
from app.delivery.post import Post
from app.errors import ConfigError
from app.sections import BudgetSection, DeliverySection
from app.storage import alarms, canaries, people
from app.storage.channels import BREAKS_AT
from app.text.encoding import segment_count
from tests.delivery.posts import OPERATOR, PHONE, SENTENCES, Network, Site
from tests.delivery.test_hours_and_money import local

OURS = "020 77 700 009"


def down(site: Site, name: str = "sms") -> None:
    site.networks[name].broken = True
    for _ in range(BREAKS_AT):
        site.write(channel=name)
    site.send()


# --- telling ----------------------------------------------------------------------------------


def test_each_operator_is_told_once_in_their_language_by_a_channel_that_works(
    pair: Site, other: Network
) -> None:
    pair.operator()
    pair.operator("+8562077700002", "en")
    down(pair)
    for _ in range(5):
        pair.work(seconds=2)
    told = {message.to: message.text for message in other.got if "Siang" in message.text}
    assert told == {
        OPERATOR: "Siang: ຊ່ອງທາງ sms ສົ່ງ SMS ບໍ່ໄດ້",
        "+8562077700002": "Siang: channel sms takes no SMS. They go another way or wait.",
    }
    assert len(pair.told()) == 2


def test_two_that_watch_at_once_tell_once(pair: Site) -> None:
    pair.operator()
    down(pair)
    pair.budget = BudgetSection(daily_kip=1)
    threads = [threading.Thread(target=watch.look, args=(pair.post,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pair.told()) == len(set(pair.told())) == len(pair.alarms())


def test_an_operator_is_told_at_night(pair: Site, other: Network) -> None:
    pair.now = local("2026-11-23 23:00")
    pair.operator()
    down(pair)
    pair.work()
    assert OPERATOR in {message.to for message in other.got}


def test_who_stopped_or_has_left_is_not_told(pair: Site) -> None:
    stopped, left = pair.operator(), pair.operator("+8562077700002")
    with pair.engine.begin() as tx:
        people.set_stopped(tx, stopped, pair.now)
        member = next(one for one in people.staff(tx) if one.contact_id == left)
        people.remove_staff(tx, member.id, pair.now)
    down(pair)
    pair.work()
    assert pair.told() == []


def test_a_language_without_sentences_is_told_in_lao(pair: Site) -> None:
    pair.operator(language="hmn")
    down(pair)
    pair.work()
    assert pair.told() == ["Siang: ຊ່ອງທາງ sms ສົ່ງ SMS ບໍ່ໄດ້"]


def test_with_one_channel_alone_the_alarm_waits_for_it(site: Site, sms: Network) -> None:
    site.operator()
    down(site)
    site.work()
    sms.broken = False
    for _ in range(3):
        site.work(minutes=1)
    assert OPERATOR in {message.to for message in sms.got}


def test_an_alarm_never_goes_to_the_phone_page_while_there_is_a_network(site: Site) -> None:
    site.networks = {
        "sms": Network("sms"),
        "page": Network("page", kind="simulator"),
        "zone": Network("zone"),
    }
    site.delivery = DeliverySection(sms_channel="sms")
    site.operator()
    down(site)
    site.upkeep()
    with site.engine.connect() as tx:
        query = "SELECT channel FROM outbox WHERE purpose = 'alarm'"
        assert tx.execute(text(query)).scalar() == "zone"


def test_what_comes_and_goes_is_told_once_an_hour(pair: Site) -> None:
    pair.operator()
    for _ in range(6):
        with pair.engine.begin() as tx:
            alarms.notice(tx, kind="spool", subject="x", detail="It is spoilt", now=pair.now)
        pair.upkeep()
        with pair.engine.begin() as tx:
            alarms.close(tx, "spool", "x", pair.now)
        pair.wait(minutes=5)
    assert len(pair.told()) == 1
    pair.wait(hours=1)
    with pair.engine.begin() as tx:
        alarms.notice(tx, kind="spool", subject="x", detail="It is spoilt", now=pair.now)
    pair.upkeep()
    assert len(pair.told()) == 2


def test_old_alarms_are_no_news_for_a_new_operator(pair: Site) -> None:
    down(pair)
    pair.wait(hours=25).operator()
    pair.upkeep()
    assert pair.told() == []


def test_what_has_no_end_is_over_a_day_later(site: Site) -> None:
    with site.engine.begin() as tx:
        alarms.notice(tx, kind="contradiction", subject="sms", detail="Two of one", now=site.now)
    site.wait(hours=23).upkeep()
    assert site.alarmed() == ["contradiction sms"]
    site.wait(hours=2).upkeep()
    assert site.alarms() == []


@pytest.mark.parametrize("language", sorted(SENTENCES))
@pytest.mark.parametrize("kind", watch.KINDS)
def test_an_alarm_is_one_sms(language: str, kind: str) -> None:
    subject = "80 % 2026-11-23" if "budget" in kind else "kannel"
    subject = "android/phone-vientiane" if kind == "device_silent" else subject
    assert segment_count(SENTENCES[language][kind].format(subject=subject)) == 1


# --- money ------------------------------------------------------------------------------------


def test_the_operator_is_told_at_80_and_at_100_percent_once_each(site: Site) -> None:
    site.operator(language="en")
    site.budget = BudgetSection(daily_kip=2000)
    seen = []
    for _ in range(7):
        site.write()
        site.work()
        site.upkeep()
        seen.append(len(site.told()))
    # The alarm itself costs 200 kip too.
    assert seen == [0] * 7
    site.write()
    site.work()
    site.upkeep()
    assert site.told() == ["Siang: today's SMS budget: 80 % 2026-11-23"]
    for _ in range(4):
        site.work()
    assert site.told()[1:] == []
    site.write()
    site.work()
    for _ in range(4):
        site.work()
    assert site.told()[1:] == ["Siang: today's SMS budget: 100 % 2026-11-23"]
    assert site.alarmed() == ["budget_day 100 % 2026-11-23", "budget_day 80 % 2026-11-23"]


def test_the_month_has_alarms_of_its_own(site: Site) -> None:
    site.budget = BudgetSection(daily_kip=10**6, monthly_kip=250)
    site.write()
    site.work()
    site.upkeep()
    assert site.alarmed() == ["budget_month 80 % 2026-11"]
    site.now = local("2026-12-01 00:00")
    site.upkeep()
    assert site.alarms() == []


# --- canaries ---------------------------------------------------------------------------------


@pytest.fixture
def birds(site: Site) -> Site:
    """Two networks, one of them tried every day."""
    site.networks = {"sms": Network("sms", canary_to=OURS), "other": Network("other")}
    return site


def flown(site: Site) -> list[str]:
    with site.engine.connect() as tx:
        query = "SELECT text FROM outbox WHERE purpose = 'canary' ORDER BY number"
        return list(tx.execute(text(query)).scalars())


def comes_back(site: Site, content: str, now: datetime | None = None) -> bool:
    with site.engine.begin() as tx:
        return canaries.come_back(tx, content, now or site.now)


def test_each_channel_is_tried_once_a_day_at_its_hour(birds: Site) -> None:
    for hour in range(48):
        birds.now = local("2026-11-23 00:30")
        birds.wait(hours=hour).upkeep()
        assert len(flown(birds)) == (hour + 15) // 24
    assert flown(birds) == ["Siang canary sms 2026-11-23", "Siang canary sms 2026-11-24"]


def test_on_a_holiday_too_and_whatever_was_spent(birds: Site) -> None:
    birds.budget = BudgetSection(daily_kip=1)
    birds.write()
    birds.work()
    birds.now = local("2026-12-02 09:00")
    birds.work()
    assert [message.text for message in birds.networks["sms"].got[1:]] == [
        "Siang canary sms 2026-12-02"
    ]


def test_two_processes_let_one_fly(birds: Site) -> None:
    birds.wait(hours=1)
    threads = [threading.Thread(target=watch.look, args=(birds.post,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(flown(birds)) == 1


def test_a_canary_that_returns_raises_nothing(birds: Site) -> None:
    birds.work(hours=1)
    birds.work()
    assert comes_back(birds, " Siang canary sms 2026-11-23\n")
    birds.wait(hours=1).upkeep()
    assert birds.alarms() == []
    # The network repeats it; it is still no citizen's text.
    assert comes_back(birds, "Siang canary sms 2026-11-23")


def test_one_whose_receipt_comes_has_returned_too(birds: Site) -> None:
    birds.work(hours=1)
    birds.work()
    birds.receipt("delivered", ref="sms-1")
    birds.wait(hours=1).upkeep()
    assert birds.alarms() == []


def test_a_text_that_only_looks_like_one_is_none(birds: Site) -> None:
    birds.work(hours=1)
    assert not comes_back(birds, "Siang canary sms 2026-11-22")
    assert not comes_back(birds, "Siang canary other 2026-11-23")
    assert not comes_back(birds, "siang")


def test_one_that_does_not_return_is_told_by_another_channel(birds: Site) -> None:
    birds.operator(language="en")
    birds.work(hours=1)
    birds.work(minutes=29)
    assert birds.alarms() == []
    birds.work(minutes=2)
    birds.work()
    assert birds.alarmed() == ["canary sms"]
    told = birds.networks["other"].got
    assert [(message.to, "has not come back" in message.text) for message in told] == [
        (OPERATOR, True)
    ]


def test_one_that_returns_late_ends_the_alarm(birds: Site) -> None:
    birds.work(hours=1)
    birds.wait(hours=1).upkeep()
    assert birds.alarmed() == ["canary sms"]
    # Other messages of the channel say nothing of the way back.
    message = birds.write()
    birds.work()
    birds.receipt("delivered", message)
    birds.upkeep()
    assert birds.alarmed() == ["canary sms"]
    comes_back(birds, "Siang canary sms 2026-11-23")
    birds.upkeep()
    assert birds.alarms() == []


def test_the_next_days_canary_ends_it_too_and_yesterdays_is_forgotten(birds: Site) -> None:
    birds.operator()
    birds.work(hours=3)
    birds.wait(hours=1).upkeep()
    birds.now = local("2026-11-24 09:00")
    birds.work()
    comes_back(birds, "Siang canary sms 2026-11-24")
    for _ in range(5):
        birds.work(minutes=10)
    assert birds.alarms() == []
    assert len(birds.told()) == 1


def test_a_canary_that_could_not_leave_has_not_returned(birds: Site) -> None:
    birds.networks["sms"].broken = True
    birds.work(hours=1)
    birds.wait(hours=1).upkeep()
    assert birds.alarmed() == ["canary sms"]


def test_a_channel_that_is_tried_no_more_has_no_alarm(birds: Site) -> None:
    birds.work(hours=1)
    birds.wait(hours=1).upkeep()
    birds.networks["sms"] = Network("sms")
    birds.upkeep()
    birds.wait(hours=1).upkeep()
    assert birds.alarms() == []


def test_a_canary_to_no_number_stops_the_start(birds: Site) -> None:
    birds.networks["sms"] = Network("sms", canary_to="Siang")
    with pytest.raises(ConfigError, match=r"channels\.sms\.canary_to is no phone number"):
        assert isinstance(birds.post, Post)


# --- devices ----------------------------------------------------------------------------------


@pytest.fixture
def phones(site: Site) -> Site:
    site.networks = {"sms": Network("sms", heartbeat_minutes=10), "other": Network("other")}
    return site


def beat(site: Site, device: str = "phone1") -> None:
    with site.engine.begin() as tx:
        tx.execute(
            text(
                "INSERT INTO heartbeats (channel, device, at) VALUES ('sms', :device, :now) "
                "ON CONFLICT (channel, device) DO UPDATE SET at = excluded.at"
            ),
            {"device": device, "now": site.now},
        )


def test_a_phone_that_falls_silent_is_told_until_it_is_heard_again(phones: Site) -> None:
    phones.operator(language="en")
    beat(phones)
    beat(phones, "phone2")
    phones.wait(minutes=9).upkeep()
    assert phones.alarms() == []
    beat(phones, "phone2")
    phones.wait(minutes=2).upkeep()
    assert phones.alarmed() == ["device_silent sms/phone1"]
    assert phones.told() == ["Siang: the phone sms/phone1 has not reported."]
    assert phones.alarms()[0].detail == "Last heard 2026-11-23 08:00"
    beat(phones)
    phones.upkeep()
    assert phones.alarms() == []


def test_a_phone_that_was_given_up_is_forgotten_after_a_week(phones: Site) -> None:
    beat(phones)
    phones.wait(hours=1).upkeep()
    phones.wait(days=7).upkeep()
    assert phones.alarms() == []


def test_where_none_is_expected_to_report_none_is_missed(phones: Site) -> None:
    beat(phones)
    phones.networks["sms"] = Network("sms")
    phones.wait(hours=1).upkeep()
    assert phones.alarms() == []


def test_the_operators_own_phone_may_be_a_citizens(phones: Site) -> None:
    phones.operator(PHONE)
    beat(phones)
    phones.work(hours=1)
    assert phones.networks["other"].got[0].to == PHONE
