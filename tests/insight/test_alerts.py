"""An alert is raised once, stays until it is over, and is raised again only after that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.insight import alerts
from app.insight.alerts import Lookout
from app.text.encoding import units
from tests.insight.alert_desk import MAIL, WORDS, AlertDesk
from tests.versions import at_once


@pytest.fixture
def desk(engine: Engine) -> AlertDesk:
    return AlertDesk(engine)


# --- raised and cleared -----------------------------------------------------------------------


def test_bad_scores_are_told_once_and_cleared_at_the_lower_share(desk: AlertDesk) -> None:
    clerk = desk.staff()
    desk.many_bad()
    desk.look()
    ((contact, words),) = desk.texts()
    assert contact == clerk
    alert = desk.newest()
    assert words == (
        f"{alert} Xaysetha: many people are not satisfied. Please see to it and answer OK {alert}"
    )
    # 8 of 30, then 8 of 40.
    desk.answers(5, 10)
    assert desk.wait(hours=1).states() == ["bad_scores 0103: open"]
    desk.answers(5, 10)
    assert desk.wait(hours=1).states() == ["bad_scores 0103: over"]
    assert desk.texts() == []
    # 14 of 46 again: another alert, with another number.
    desk.answers(2, 6)
    assert desk.wait(hours=1).states() == ["bad_scores 0103: over", "bad_scores 0103: open"]
    ((contact, words),) = desk.texts()
    assert (contact, words.startswith(f"{desk.newest()} ")) == (clerk, True)
    assert desk.newest() > alert


def test_a_lao_phone_is_told_in_lao(desk: AlertDesk) -> None:
    desk.staff(language="lo")
    desk.staff(language="khmu")
    desk.many_bad()
    desk.look()
    first, second = (words for _, words in desk.texts())
    assert first == second == f"{desk.newest()} ໄຊເສດຖາ: ຫຼາຍຄົນບໍ່ພໍໃຈ. ຕອບ OK {desk.newest()}"
    assert units(first) <= 70


def test_it_is_looked_at_once_an_hour(desk: AlertDesk) -> None:
    desk.look()
    desk.many_bad()
    assert desk.wait(minutes=59).states() == []
    assert desk.wait(minutes=1).states() == ["bad_scores 0103: open"]
    desk.wait(days=3)
    assert len(desk.rows("SELECT 1 FROM runs WHERE name = 'alerts'")) == 1


def test_what_is_too_old_or_flagged_does_not_count(desk: AlertDesk) -> None:
    desk.many_bad(ago=28)
    desk.answers(1, 50, flagged=True)
    desk.answers(1, 3)
    desk.look()
    assert desk.states() == []
    desk.many_bad(ago=27)
    assert desk.wait(hours=1).states() == ["bad_scores 0103: open"]


def test_what_rolls_out_of_the_window_clears(desk: AlertDesk) -> None:
    desk.without("silent")
    desk.many_bad()
    desk.look()
    assert desk.wait(days=27).states() == ["bad_scores 0103: open"]
    assert desk.wait(days=1).states() == ["bad_scores 0103: over"]


def test_overcharges(desk: AlertDesk) -> None:
    desk.without("silent")
    desk.answers(5, 16)
    desk.answers(4, 4, overcharged=True, ago=10)
    desk.look()
    assert desk.states() == []
    desk.answers(4, 1, overcharged=True)
    assert desk.wait(hours=1).states() == ["overcharged 0103: open"]
    # Eighteen days later only the newest is left.
    assert desk.wait(days=17).states() == ["overcharged 0103: open"]
    assert desk.wait(days=1).states() == ["overcharged 0103: over"]


def test_a_reason_has_an_alert_of_its_own(desk: AlertDesk) -> None:
    desk.staff()
    desk.answers(4, 180, ago=40)
    desk.answers(3, 10, ago=40, reason="waiting")
    desk.answers(3, 10, ago=40, reason="money")
    desk.answers(4, 40)
    desk.answers(3, 20, reason="waiting")
    desk.answers(3, 3, reason="money")
    desk.look()
    assert desk.states() == ["reason_jump 0103 waiting: open"]
    assert "name this problem: waiting time." in desk.texts()[0][1]
    desk.answers(3, 25, reason="money")
    desk.wait(hours=1)
    assert desk.states() == ["reason_jump 0103 waiting: open", "reason_jump 0103 money: open"]


def test_each_center_has_its_own(desk: AlertDesk) -> None:
    here, there = desk.staff(), desk.staff(place="0901")
    desk.many_bad(odsc="0901")
    desk.look()
    assert desk.told() == [there]
    desk.many_bad()
    assert desk.wait(hours=1).told() == [here]


def test_a_rule_that_is_taken_out_clears_its_alerts(desk: AlertDesk) -> None:
    desk.many_bad()
    desk.answers(1, 5, overcharged=True)
    desk.look()
    desk.without("bad_scores")
    assert desk.wait(hours=1).states() == ["bad_scores 0103: over", "overcharged 0103: open"]
    desk.without("overcharged")
    assert desk.wait(hours=1).states() == ["bad_scores 0103: over", "overcharged 0103: over"]


# --- silence ----------------------------------------------------------------------------------


def test_a_center_gone_silent_for_ten_working_days(desk: AlertDesk) -> None:
    clerk = desk.staff()
    desk.answers(5, 20)
    desk.look()
    # From that Monday on: 2 December is a holiday, four days are weekends.
    assert desk.wait(days=15).states() == []
    assert desk.wait(days=1).states() == ["silent 0103: open"]
    assert desk.texts()[0] == (
        clerk,
        f"{desk.newest()} Xaysetha: no answers for many days."
        f" Please see to it and answer OK {desk.newest()}",
    )
    # However long it lasts; the first answer ends it.
    assert desk.wait(days=60).states() == ["silent 0103: open"]
    desk.answers(1, 1)
    assert desk.wait(hours=1).states() == ["silent 0103: over"]
    assert desk.wait(days=20).states() == ["silent 0103: over"]


def test_the_days_on_which_an_office_is_closed_are_no_silence(desk: AlertDesk) -> None:
    desk.answers(5, 20)
    desk.answers(5, 20, odsc="0901")
    desk.sql(
        "INSERT INTO closed_days (odsc, day, name, source)"
        " VALUES ('0103', :day, 'flood', 'a test')",
        day=desk.today + timedelta(days=1),
    )
    try:
        assert desk.wait(days=16).states() == ["silent 0901: open"]
        assert desk.wait(days=1).states() == ["silent 0901: open", "silent 0103: open"]
    finally:
        desk.sql("DELETE FROM closed_days WHERE name = 'flood'")


def test_who_was_never_heard_is_not_gone_silent(desk: AlertDesk) -> None:
    desk.answers(5, 19)
    assert desk.wait(days=21).states() == []


# --- at once, and killed ----------------------------------------------------------------------


def test_two_clock_processes_raise_and_tell_once(desk: AlertDesk) -> None:
    desk.chain()
    desk.many_bad()
    lookout = Lookout(desk.rules, MAIL, WORDS)
    at_once(2, lambda: alerts.look(desk.engine, lookout, desk.now))
    assert (desk.states(), len(desk.texts())) == (["bad_scores 0103: open"], 1)
    desk.now += timedelta(days=2)
    at_once(2, lambda: alerts.look(desk.engine, lookout, desk.now))
    assert len(desk.texts()) == 1


def test_two_clocks_that_differ_by_an_hour_raise_once(desk: AlertDesk) -> None:
    desk.staff()
    desk.many_bad()
    lookout = Lookout(desk.rules, MAIL, WORDS)
    moments = iter([desk.now, desk.now + timedelta(hours=1)])
    at_once(2, lambda: alerts.look(desk.engine, lookout, next(moments)))
    assert (desk.states(), len(desk.texts())) == (["bad_scores 0103: open"], 1)


def test_killed_between_raising_and_telling_nothing_is_lost(desk: AlertDesk) -> None:
    desk.staff()
    desk.many_bad()

    def kill(*args: object) -> None:
        if "INTO outbox" in str(args[2]):
            raise KeyboardInterrupt

    event.listen(desk.engine, "before_cursor_execute", kill)
    try:
        with pytest.raises(KeyboardInterrupt):
            desk.look()
    finally:
        event.remove(desk.engine, "before_cursor_execute", kill)
    assert (desk.states(), desk.texts()) == ([], [])
    desk.look()
    assert (desk.states(), len(desk.texts())) == (["bad_scores 0103: open"], 1)


def test_a_round_in_which_nothing_is_due_asks_two_indexes(desk: AlertDesk) -> None:
    desk.look()
    asked: list[tuple[str, Any]] = []

    def note(*args: object) -> None:
        asked.append((str(args[2]), args[3]))

    event.listen(desk.engine, "before_cursor_execute", note)
    alerts.look(desk.engine, Lookout(desk.rules, MAIL, WORDS), desk.now)
    event.remove(desk.engine, "before_cursor_execute", note)
    won, *due = asked
    assert (won[0].startswith("INSERT INTO runs"), len(due)) == (True, 2)
    with desk.engine.begin() as tx:
        # A table of a few rows is always read as a whole.
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, values in due:
            plan = tx.exec_driver_sql(f"EXPLAIN {statement}", values).all()
            assert "Index Cond" in str(plan)
