"""From citizens' texts to a clerk's, and back: an alert through real webhooks and workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app import open_office, settings, upkeep
from app.clock import Week
from tests.counter import Counter
from tests.insight.alert_desk import AlertDesk
from tests.phones import Phone, never

CLERK, DISTRICT, CITIZEN = "02055500001", "02055500002", "02022233344"
WEEK = Week(2026, 47)
"""The week of the counter's morning."""


class Center(Counter):
    """0103, where everything is done twice: gateways repeat, and two clock processes run."""

    def rated(self, *scores: int) -> None:
        """So many phones text a score."""
        first = len(self.rows("SELECT 1 FROM inbound"))
        for number, score in enumerate(scores, first):
            for _ in range(2):
                self.gateway.takes_sms(f"+85620771{number:05}", f"0103 {score}", f"mo-{number}")
        self.gateway.work()

    def round(self, **time: float) -> None:
        """Time goes by; then a round of the clock process."""
        self.waits(**time)
        for _ in range(2):
            upkeep.DUTIES["alerts"](self.gateway.office, never)
            self.gateway.work()

    def number(self) -> int:
        return int(str(self.rows("SELECT max(id) FROM alerts")[0][0]))


@pytest.fixture
def center(engine: Engine, database_url: str, home: Path) -> Iterator[Center]:
    office = open_office(settings.load({"SIANG_HOME": str(home)}), database_url, pool=8)
    office.desk.books.open(office.engine)
    yield Center(office)
    office.engine.dispose()


def says(phone: Phone, written: str) -> Phone:
    """A text that its gateway brings twice."""
    known = f"mo-{written}-{len(phone.inbox)}"
    return phone.sends(written, known).sends(written, known)


def test_raised_told_once_escalated_acknowledged_and_noted(center: Center) -> None:
    clerk, district = center.staff(CLERK), center.staff(DISTRICT, level="district")
    citizen = center.phone(CITIZEN)
    center.rated(*[1] * 8, *[5] * 12)
    center.round()
    alert = center.number()
    clerk.gets(f"{alert} ໄຊເສດຖາ: ຫຼາຍຄົນບໍ່ພໍໃຈ. ຕອບ OK {alert}")
    center.round(hours=47)
    clerk.gets_nothing()
    district.gets_nothing()
    center.round(hours=1)
    district.gets(f"{alert} ໄຊເສດຖາ")
    clerk.gets_nothing()
    # A citizen's OK is a citizen's.
    says(citizen, f"OK {alert}").gets("1 ໃຫ້ຄະແນນ")
    says(clerk, f"ok {alert}").gets(f"{alert}: ຮັບຮູ້ແລ້ວ")
    says(clerk, f"OK {alert} ຕິດລາຄາແລ້ວ").gets(f"{alert}: ບັນທຶກແລ້ວ")
    assert center.rows("SELECT text FROM alert_notes") == [("ຕິດລາຄາແລ້ວ",)]
    center.round(days=10)
    assert center.rows("SELECT level FROM alerts WHERE rule = 'bad_scores'") == [("district",)]


def test_cleared_raised_again_and_followed_up(center: Center) -> None:
    clerk = center.staff(CLERK)
    center.rated(*[1] * 8, *[5] * 12)
    center.round()
    first = center.number()
    says(clerk.gets(), f"OK {first}").gets()
    # 8 of 33 stays open, 8 of 40 is over, 20 of 52 is another alert.
    for more, states in (([4] * 13, [True]), ([4] * 7, [False]), ([2] * 12, [False, True])):
        clerk.gets_nothing()
        center.rated(*more)
        center.round(hours=1)
        found = center.rows("SELECT cleared_at IS NULL FROM alerts ORDER BY id")
        assert found == [(state,) for state in states]
    second = center.number()
    clerk.gets(f"{second} ໄຊເສດຖາ")
    says(clerk, "OK").gets(f"{second}: ຮັບຮູ້ແລ້ວ")
    desk = AlertDesk(center.office.engine, now=center.clock.at)
    for week in range(1, 5):
        desk.releases(WEEK.shifted(-week), 40, 20)
        desk.releases(WEEK.shifted(week), 40, 30)
    center.round(days=33)
    assert [message for message in clerk.inbox if "ກ່ອນ" in message] == [
        f"{alert} ໄຊເສດຖາ: ພໍໃຈ ກ່ອນ 50%, ຫຼັງ 75% (ປ່ຽນແທ້)" for alert in (first, second)
    ]
    assert len(clerk.inbox) == len(set(clerk.inbox))
