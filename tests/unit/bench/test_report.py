"""The shape of latest.json, the tables and targets, and the picture that are made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import door, memory, plot, publish, requests, targets
from bench.errors import BenchError
from bench.load import Account
from bench.report import STEPS, Results, written

LOOK_UP = {"median_ms": 0.3, "database_median_ms": 0.05, "database_p99_ms": 0.2}
IMPORT = {"rows": 100_000, "first": 21.5, "again": 12.0}
IMPORTED = {"requests": 5_000_000, "due_seconds": 2.0, "import": IMPORT}
FIGURE = {"median_us": 65.0, "p99_us": 144.0}
ANSWERED: Mapping[door.ServerName, int] = {"hello": 2000, "insert": 1000, "siang": 500}


def account(answers: int, excused: int = 0) -> Account:
    return Account(answers, ended=1, excused=excused, seconds=2.0, p50_ms=4.0, p99_ms=17.5)


def middle(rate: float) -> dict[str, float]:
    return {"median": rate, "spread": 0.1}


def at_size(digests: float) -> dict[str, Any]:
    return {
        "fill_seconds": 3.0,
        "database_mb": 159,
        "ussd": door.compared({(name, 16): [account(n)] for name, n in ANSWERED.items()}, 16),
        "texts": {"per_second": middle(60), "direct_per_second": middle(1000)},
        "responses": {"per_second": middle(5000), "copied_per_second": middle(50_000)},
        "digests": {"read_seconds": 0.05, "release_seconds": 0.3, "seconds": digests},
    }


def watched(megabytes: list[float]) -> dict[str, Any]:
    minutes = [{"pss_mb": one, "by_program": {"serve": one / 4}} for one in megabytes]
    return {
        "date": "2026-11-22T17:10:43+00:00",
        "minutes": len(minutes),
        "sessions_per_second": 10.0,
        "texts_per_second": 2.0,
        "p99_ms": 18.5,
        "at_rest": minutes[0],
        "after_load": minutes[-1],
        "growth": memory.growth(minutes),
    }


def described() -> dict[str, Any]:
    threads = {"bare_threads": 8, "working_threads": 8, "waiting_threads": 504}
    return {
        "cpu": "A processor",
        "cores": 2,
        "memory_mb": 4096,
        "python": "3.11.7",
        "versions": {"granian": "2.8.7", "postgresql": "18.4"},
        "granian": {"workers": 1} | threads,
        "load_average_before": 0.1,
        "shared": "All share the cores.",
    }


def texts() -> dict[str, Any]:
    return {
        "phones": 16,
        "callers": 1,
        "per_second": middle(60),
        "accepted_per_second": middle(300),
        "direct_per_second": middle(1000),
        "to_direct": 0.06,
        "to_accepted": 0.2,
        "steady": {"per_second": 20.0, "messages": 200, "p50_ms": 22.6, "p99_ms": 36.8},
    }


def results() -> Results:
    found = {
        (name, phones): [account(answers * factor) for factor in (1, 2, 3)]
        for name, answers in ANSWERED.items()
        for phones in door.PHONES
    }
    whole = {"phones": 16} | door.summed([account(500)])
    return {
        "machine": described(),
        "door": {
            "ussd": {str(phones): door.compared(found, phones) for phones in door.PHONES},
            "sms": whole,
        },
        "growth": {"sizes": {"100000": at_size(0.6), "10000000": at_size(0.75)}},
        "requests": dict.fromkeys(requests.TITLES, LOOK_UP) | IMPORTED,
        "responses": {"per_second": middle(5000), "copied_per_second": middle(50_000)},
        "core": dict.fromkeys(STEPS, FIGURE),
        "stack": {
            "first_start_seconds": 5.4,
            "second_start_seconds": 3.9,
            "ussd_with_workers": whole,
            "texts": texts(),
        },
        "memory": watched([401.0, 402.0]),
    }


def verdicts(found: Results) -> dict[str, bool | None]:
    return {one.name: one.met for one in targets.judged(found)}


def test_siang_is_compared_round_by_round() -> None:
    usual = results()["door"]["ussd"]["16"]
    assert usual["siang"]["per_second"] == {"median": 500.0, "spread": 1.0}
    assert usual["siang_to_insert"] == 0.5
    assert usual["siang_p99_to_insert"] == 1.0
    assert usual["siang_to_hello"] == 0.25


def test_the_excused_are_told_as_their_share_of_all_who_asked() -> None:
    found = door.compared({("siang", 256): [account(300, excused=100)]}, 256)
    assert found["siang"]["excused_share"] == 0.25
    assert found["siang"]["per_second"]["median"] == 150.0, "only screens are turns"


def test_results_are_json_and_every_table_is_there() -> None:
    found = json.loads(json.dumps(results()))
    shown = written(found)
    assert "256 phones  Siang" in shown
    assert "500 ±50%" in shown
    assert "provider called directly, 1 at a time" in shown
    assert "Among 5,000,000 requests" in shown
    assert "10,000,000" in shown
    assert "100,000 rows imported again" in shown
    assert "Load: 2 minutes, 10 USSD sessions and 2 SMS begun a second" in shown
    assert "148 digests over 10,000,000 responses" in shown
    assert all(len(line) <= 120 for line in shown.splitlines())


def test_each_target_is_met_or_missed_by_its_own_figure() -> None:
    found = verdicts(results())
    assert found["USSD turns a second, 16 at once, of Flask with an insert"] is False
    assert found["USSD p99, 64 at once, of Flask with an insert"] is True
    assert found["Responses a second, one worker"] is True
    assert found["148 digests over 10,000,000 responses, s"] is True
    assert found["… of what they take over 100,000"] is True
    assert found["Memory of siang run at rest, MB"] is False


def test_digests_that_take_much_longer_over_a_longer_past_are_not_flat() -> None:
    found = results()
    found["growth"]["sizes"]["10000000"] = at_size(1.2)
    assert verdicts(found)["… of what they take over 100,000"] is False


def test_a_short_run_does_not_tell_whether_memory_grows() -> None:
    assert verdicts(results())["… and how it grows, MB an hour"] is None


@pytest.mark.parametrize(("a_minute", "met"), [(0.0, True), (0.5, False)])
def test_memory_that_grows_by_the_minute_is_told_by_the_hour(a_minute: float, met: bool) -> None:
    found = results()
    # The first minutes fill caches, and do not count.
    filling = [300.0 + 9 * minute for minute in range(10)]
    found["memory"] = watched(filling + [390 + a_minute * minute for minute in range(50)])
    growth = found["memory"]["growth"]
    assert growth["mb_an_hour"] == pytest.approx(60 * a_minute)
    assert growth["by_program"]["serve"] == pytest.approx(15 * a_minute)
    assert growth["from_minute"] == 11
    assert verdicts(found)["… and how it grows, MB an hour"] is met


def test_the_picture_has_a_line_for_each_figure_and_each_limit() -> None:
    picture = ElementTree.fromstring(plot.drawn(results()))
    lines = picture.findall(".//{*}polyline")
    assert len(lines) == 8
    assert all(len(line.attrib["points"].split()) == 2 for line in lines), "a point for each size"
    said = " ".join(text.text or "" for text in picture.findall(".//{*}text"))
    assert "148 digests, seconds" in said
    assert "A processor" in said


def test_axes_have_whole_decades_that_hold_every_value() -> None:
    axis = plot.scale([35.0, 1100.0], 190.0)
    assert [label for _, label in axis.ticks] == ["10", "10²", "10³", "10⁴"]
    assert (axis.at(10), axis.at(10_000)) == (0.0, 190.0)
    assert [label for _, label in plot.scale([0.04, 0.05], 1).ticks] == ["10⁻²", "0.1"]


def test_figures_take_the_place_of_those_before() -> None:
    page = f"# Title\n{publish.BEGINS}\nold\n{publish.ENDS}\nRest\n"
    shown = publish.with_figures(page, "new")
    assert shown == f"# Title\n{publish.BEGINS}\n```\nnew\n```\n{publish.ENDS}\nRest\n"
    assert publish.with_figures(shown, "new") == shown


def test_a_page_without_a_place_for_figures_is_refused_by_name() -> None:
    with pytest.raises(BenchError, match=r"docs/benchmarks\.md lacks"):
        publish.with_figures("# Title\n", "new")


def test_the_page_has_a_place_for_figures() -> None:
    page = publish.PAGE.read_text(encoding="utf-8")
    assert "brand new" in publish.with_figures(page, "brand new")
