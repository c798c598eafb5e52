"""The digest's text stays within its limit and its slot never comes twice or too early."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.clock import Week, local_moment
from app.feedback.cells import REASONS
from app.insight import digests
from app.insight.sentences import load_all
from app.insight.statistics import percent
from app.insight.summaries import Summary, summed
from app.settings import ROOT
from app.text.encoding import encoding_of, units

WEEK = Week(2026, 47)
NOTHING = summed(["0103"], WEEK, [])
WORDS = load_all(ROOT / "config" / "languages")
LIMITS = {"GSM-7": 160, "UCS-2": 134}
GOOD = replace(
    NOTHING,
    complete=100,
    partial=20,
    women=64,
    scores={1: 10, 2: 10, 3: 10, 4: 40, 5: 50},
    reasons={**NOTHING.reasons, "staff": 12, "money": 12, "waiting": 3},
    overcharged=9,
)
WORSE = replace(GOOD, scores={1: 50, 2: 10, 3: 10, 4: 10, 5: 20})


def counts() -> st.SearchStrategy[int]:
    return st.one_of(st.integers(0, 3), st.integers(0, 99_999))


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    return replace(
        NOTHING,
        complete=draw(counts()),
        partial=draw(counts()) // 2,
        women=draw(counts()),
        scores={score: draw(counts()) for score in range(1, 6)},
        reasons={reason: draw(counts()) for reason in REASONS},
        overcharged=draw(counts()),
    )


def test_a_digest_tells_everything() -> None:
    assert digests.text(GOOD, WORSE, "Xaysetha", WEEK, WORDS["en"]) == (
        "Xaysetha, week 47/2026: answers 120 (women 64). Satisfied: 75% (+45 on last week). "
        "Main problem: staff behaviour. Charged too much: 9."
    )
    assert digests.text(GOOD, WORSE, "ໄຊເສດຖາ", WEEK, WORDS["lo"]) == (
        "ໄຊເສດຖາ ອາທິດ 47/2026: ຄຳຕອບ 120 (ແມ່ຍິງ 64). ຄວາມພໍໃຈ 75% (+45 ທຽບໃສ່ອາທິດແລ້ວ). "
        "ບັນຫາຫຼັກ: ທ່າທີຂອງພະນັກງານ. ເກັບເງິນເກີນ: 9."
    )


def test_no_answers_is_one_short_sentence() -> None:
    for words in WORDS.values():
        written = digests.text(NOTHING, GOOD, "Pek", WEEK, words)
        assert written == words["none"].format(place="Pek", week=47, year=2026)


def test_a_change_needs_scores_in_both_weeks() -> None:
    assert "on last week" not in digests.text(GOOD, NOTHING, "Pek", WEEK, WORDS["en"])
    assert "(as last week)" in digests.text(GOOD, GOOD, "Pek", WEEK, WORDS["en"])


def test_without_a_reason_none_is_told() -> None:
    calm = replace(GOOD, reasons=NOTHING.reasons)
    assert "Main problem" not in digests.text(calm, GOOD, "Pek", WEEK, WORDS["en"])


def test_of_equal_reasons_the_first_is_told() -> None:
    assert digests.main_reason(GOOD) == "staff"


def test_the_least_important_goes_first() -> None:
    long = "ພ" * 24
    most = replace(GOOD, complete=99_999, women=99_999, overcharged=99_999)
    written = digests.text(most, WORSE, long, WEEK, WORDS["lo"])
    assert "ທຽບໃສ່" not in written
    assert "ບັນຫາຫຼັກ" in written
    written = digests.text(most, WORSE, "ພ" * 50, WEEK, WORDS["lo"])
    assert "ບັນຫາຫຼັກ" not in written
    assert "ເກັບເງິນເກີນ: 99999" in written


@settings(deadline=None)
@given(
    summaries(),
    summaries(),
    st.one_of(
        st.just("ບາຈຽງຈະເລີນສຸກສີໂຄດຕະບອງ"),
        st.text("ກຂຄງຈສຊຍດຕາີູໍເແໂ ", max_size=24),
        st.text("abcXYZ {}€é", max_size=200),
        st.text("ກຂຄ😀{}", max_size=200),
    ),
    st.sampled_from(sorted(WORDS)),
)
def test_a_digest_is_never_above_its_limit(
    now: Summary, before: Summary, place: str, language: str
) -> None:
    written = digests.text(now, before, place, WEEK, WORDS[language])
    assert units(written) <= LIMITS[encoding_of(written)]
    if len(place) <= 24 and now.responses:
        assert written.startswith(place)
        assert str(now.responses) in written
        if now.scored:
            assert f"{percent(now.satisfied, now.scored)}%" in written


@pytest.mark.parametrize("language", ["lo", "en"])
def test_districts_of_today_lose_nothing_but_the_comparison(language: str) -> None:
    """The longest real names with figures of a large district."""
    place = {"lo": "ໄກສອນ ພົມວິຫານ", "en": "Bachiangchaleunsook"}[language]
    written = digests.text(GOOD, WORSE, place, WEEK, WORDS[language])
    assert WORDS[language]["reason_staff"] in written
    assert written.endswith(WORDS[language]["overcharged"].format(n=9))


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        (local_moment(WEEK.shifted(1).monday, 8), WEEK),
        (local_moment(WEEK.shifted(1).monday, 8) - timedelta(seconds=1), WEEK.shifted(-1)),
        # A missed Monday: still this week's until the next falls due.
        (local_moment(WEEK.shifted(1).sunday, 23), WEEK),
        (local_moment(WEEK.shifted(2).monday, 7, 59), WEEK),
        # Monday 8 March 2027 is a holiday.
        (datetime(2027, 3, 8, 10, tzinfo=UTC), Week(2027, 8)),
        (local_moment(Week(2027, 10).monday + timedelta(days=1), 7, 59), Week(2027, 8)),
        (local_moment(Week(2027, 10).monday + timedelta(days=1), 8), Week(2027, 9)),
        # The turn of the year: 2026 has 53 weeks.
        (local_moment(Week(2027, 1).monday, 8), Week(2026, 53)),
    ],
)
def test_the_slot_of_a_moment(moment: datetime, week: Week) -> None:
    assert digests.due_slot(moment, 8) == week


@settings(deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)), st.integers(0, 23))
def test_slots_never_go_back(moment: datetime, hour: int) -> None:
    first = digests.due_slot(moment.replace(tzinfo=UTC), hour)
    second = digests.due_slot(moment.replace(tzinfo=UTC) + timedelta(days=7), hour)
    assert first is not None
    assert second is not None
    assert first <= second
    assert local_moment(first.shifted(1).monday, hour) <= moment.replace(tzinfo=UTC)
