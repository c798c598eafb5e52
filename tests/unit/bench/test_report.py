"""The shape of latest.json and the tables that are made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bench import door, requests
from bench.load import Account
from bench.report import Results, written

LOOK_UP = {"median_ms": 0.3, "database_median_ms": 0.05, "database_p99_ms": 0.2}
IMPORT = {"rows": 100_000, "first": 21.5, "again": 12.0}
IMPORTED = {"requests": 5_000_000, "due_seconds": 2.0, "import": IMPORT}
FIGURE = {"median_us": 65.0, "p99_us": 144.0}


def account(answers: int) -> Account:
    return Account(answers=answers, ended=1, seconds=2.0, p50_ms=4.0, p99_ms=17.5)


def results() -> Results:
    answered: Mapping[door.ServerName, int] = {"hello": 2000, "insert": 1000, "siang": 500}
    found = {
        (name, phones): [account(answers * factor) for factor in (1, 2, 3)]
        for name, answers in answered.items()
        for phones in door.PHONES
    }
    whole = door.summed([account(500)])
    memory = {"pss_mb": 480.4, "by_program": {"serve": 110.0}}
    return {
        "machine": {
            "cpu": "A processor",
            "cores": 2,
            "memory_mb": 4096,
            "python": "3.11.7",
            "versions": {"granian": "2.8.7", "postgresql": "18.4"},
            "granian": {"workers": 1, "blocking_threads": 8},
            "load_average_before": 0.1,
            "shared": "All share the cores.",
        },
        "door": {
            "ussd": {str(phones): door.compared(found, phones) for phones in door.PHONES},
            "sms": {"phones": 16} | whole,
        },
        "insight": {"10000000": {"release_seconds": 0.3, "seconds": 0.6}},
        "requests": dict.fromkeys(requests.TITLES, LOOK_UP) | IMPORTED,
        "responses": {"per_second": {"median": 5000.0, "spread": 0.1}},
        "core": dict.fromkeys(
            ("step", "pages", "step_and_pages", "service_list", "dict_lookup"), FIGURE
        ),
        "stack": {
            "first_start_seconds": 5.4,
            "second_start_seconds": 3.9,
            "memory_after_5_s": memory,
            "memory_after_load": None,
            "ussd_with_workers": {"phones": 16} | whole,
        },
    }


def test_siang_is_compared_round_by_round() -> None:
    usual = results()["door"]["ussd"]["16"]
    assert usual["siang"]["per_second"] == {"median": 500.0, "spread": 1.0}
    assert usual["siang_to_insert"] == 0.5
    assert usual["siang_to_hello"] == 0.25


def test_results_are_json_and_every_table_is_there() -> None:
    found = json.loads(json.dumps(results()))
    shown = written(found)
    assert "16 phones  Siang" in shown
    assert "500 ±50%" in shown
    assert "Among 5,000,000 requests" in shown
    assert "10,000,000" in shown
    assert "100,000 rows imported again" in shown
    assert "not told here" in shown, "a system without smaps_rollup still gets its table"
    assert all(len(line) <= 120 for line in shown.splitlines())
