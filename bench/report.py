"""The results as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from bench import requests, targets
from bench.figures import number, table

# What latest.json holds: nested, and only ever read by its names.
Results = dict[str, Any]

WIDTH = 100

NAMES = {
    "siang": "Siang",
    "insert": "Flask, one committed insert",
    "hello": "Flask, hello",
}
STEPS = {
    "step": "engine step",
    "pages": "its screen's pages",
    "step_and_pages": "both",
    "service_list": "pages of the service list",
    "dict_lookup": "a dictionary's lookup",
}


def written(results: Results) -> str:
    """All tables, each under a heading."""
    parts = (
        _machine(results["machine"]),
        ussd(results["door"]["ussd"]),
        _texts(results),
        _rates(results),
        growth(results["growth"]["sizes"]),
        requests.written(results["requests"]),
        _core(results["core"]),
        memory(results["memory"]),
        _starts(results["stack"]),
        targets.written(results),
    )
    return "\n\n".join(parts)


def _machine(machine: Mapping[str, Any]) -> str:
    granian = machine["granian"]
    return "\n".join(
        [
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb']:,} MB; "
            f"Python {machine['python']}, PostgreSQL {machine['versions']['postgresql']}; "
            f"load before: {machine['load_average_before']}",
            f"granian {machine['versions']['granian']}: {granian['workers']} worker each; Siang "
            f"{granian['working_threads']} threads that work and {granian['waiting_threads']} that "
            f"wait, bare Flask {granian['bare_threads']}",
            *wrap(machine["shared"], WIDTH),
        ]
    )


def ussd(found: Mapping[str, Any]) -> str:
    """A row for each number of phones and server."""
    rows = []
    for phones, servers in found.items():
        for name, title in NAMES.items():
            if name not in servers:
                continue
            one = servers[name]
            rows.append(
                [
                    f"{phones:>3} phones  {title}",
                    _middle(one["per_second"]),
                    number(one["p50_ms"]["median"]),
                    number(one["p99_ms"]["median"]),
                    _share(servers.get(f"siang_to_{name}")),
                    _share(servers.get(f"siang_p99_to_{name}")),
                    _share(one.get("excused_share")),
                    _share(one["generator_core_share"]),
                ]
            )
    head = ["USSD", "turns/s", "p50 ms", "p99 ms", "Siang is", "its p99 is", "excused", "generator"]
    return table(head, rows)


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _texts(results: Results) -> str:
    """SMS through the whole stack, beside its limits."""
    found, accepted = results["stack"]["texts"], results["door"]["sms"]
    steady = found["steady"]
    rows = [
        ["replies handed over", _middle(found["per_second"]), "", "", ""],
        [
            "… accepted meanwhile",
            _middle(found["accepted_per_second"]),
            "",
            "",
            _share(found["to_accepted"]),
        ],
        [
            f"provider called directly, {found['callers']} at a time",
            _middle(found["direct_per_second"]),
            "",
            "",
            _share(found["to_direct"]),
        ],
        [
            "accepted by web alone",
            _middle(accepted["per_second"]),
            number(accepted["p50_ms"]["median"]),
            number(accepted["p99_ms"]["median"]),
            "",
        ],
        [
            f"sent to reply, {steady['per_second']:g} a second",
            "",
            number(steady["p50_ms"]),
            number(steady["p99_ms"]),
            "",
        ],
    ]
    return table(
        [f"SMS, {found['phones']} phones", "a second", "p50 ms", "p99 ms", "replies are"], rows
    )


def _rates(results: Results) -> str:
    found, whole = results["responses"], results["stack"]["ussd_with_workers"]
    rows = [
        ["Responses stored and counted by one worker", _middle(found["per_second"])],
        ["… their rows copied", _middle(found["copied_per_second"])],
        [f"USSD turns, {whole['phones']} phones, workers running", _middle(whole["per_second"])],
    ]
    return table(["Throughput", "a second"], rows)


def growth(sizes: Mapping[str, Any]) -> str:
    """A row a size."""
    rows = [
        [
            f"{int(size):,}",
            _middle(one["ussd"]["siang"]["per_second"]),
            _share(one["ussd"]["siang_to_insert"]),
            _middle(one["texts"]["per_second"]),
            _middle(one["responses"]["per_second"]),
            number(one["digests"]["seconds"]),
            number(one["digests"]["read_seconds"]),
            f"{one['database_mb']:,}",
        ]
        for size, one in sizes.items()
    ]
    head = [
        "Stored",
        "turns/s",
        "of an insert",
        "SMS/s",
        "responses/s",
        "digests s",
        "counts read s",
        "MB",
    ]
    return table(head, rows)


def _core(core: Mapping[str, Any]) -> str:
    rows = [
        [title, number(core[name]["median_us"]), number(core[name]["p99_us"])]
        for name, title in STEPS.items()
    ]
    return table(["Without I/O", "median µs", "p99 µs"], rows)


def memory(found: Mapping[str, Any]) -> str:
    """By program: at rest, and after the load."""
    rest, after, growing = found["at_rest"], found["after_load"], found["growth"]
    rows = [_held("in all", rest["pss_mb"], after["pss_mb"], growing and growing["mb_an_hour"])]
    for program, size in rest["by_program"].items():
        slope = growing and growing["by_program"].get(program)
        rows.append(_held(f"  {program}", size, after["by_program"].get(program, 0.0), slope))
    head = [f"Memory, MB ({found['date'][:10]})", "at rest", "after load", "an hour"]
    load = (
        f"Load: {found['minutes']} minutes, {found['sessions_per_second']:g} USSD sessions and "
        f"{found['texts_per_second']:g} SMS begun a second, p99 of a turn {found['p99_ms']:.0f} ms"
    )
    return f"{table(head, rows)}\n{load}"


def _held(name: str, rest: float, after: float, slope: float | None) -> list[str]:
    return [name, f"{rest:.0f}", f"{after:.0f}", "" if slope is None else f"{slope:+.1f}"]


def _starts(stack: Mapping[str, Any]) -> str:
    rows = [
        ["on an empty home", f"{stack['first_start_seconds']:.1f} s"],
        ["again", f"{stack['second_start_seconds']:.1f} s"],
    ]
    return table(["Start to first answer", ""], rows)


def _middle(figure: Mapping[str, float]) -> str:
    """The median, and the spread of the rounds where there were several."""
    spread = f" ±{figure['spread'] / 2:.0%}" if figure["spread"] else ""
    return f"{number(figure['median'])}{spread}"
