"""D by SMS, whole: a registered phone is answered by SMS, a citizen's phone goes on as before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.clock import Week, local_day
from app.insight import releases
from tests.counter import Counter
from tests.phones import Gateway


@pytest.fixture
def counter(gateway: Gateway) -> Counter:
    return Counter(gateway.office)


def test_a_registered_phone_reads_its_digest(counter: Counter) -> None:
    clerk = counter.staff("02055500001")
    clerk.sends("D").gets("ຍັງບໍ່ມີສະຫຼຸບປະຈຳອາທິດ", "23/11/2026")
    counter.clock.at += timedelta(weeks=1)
    week = Week.of(local_day(counter.clock.at)).shifted(-1)
    releases.make(counter.office.engine, week, counter.clock.at, {})
    clerk.sends("D").gets("ໄຊເສດຖາ 47/2026\n1 ຍັງບໍ່ມີການໃຫ້ຄະແນນ")
    clerk.sends("ດ ໕").gets("5 ຄ້າງ 0 ກາຍ 0")
    counter.phone().sends("D").gets("1 ໃຫ້ຄະແນນ")
