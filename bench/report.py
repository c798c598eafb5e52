"""The results as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench import insight, requests
from bench.figures import number, table

# What latest.json holds: nested, and only ever read by its names.
Results = dict[str, Any]

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
        _ussd(results["door"]["ussd"]),
        _rates(results),
        insight.written(results["insight"]),
        requests.written(results["requests"]),
        _core(results["core"]),
        _stack(results["stack"]),
    )
    return "\n\n".join(parts)


def _machine(machine: Mapping[str, Any]) -> str:
    granian = machine["granian"]
    return "\n".join(
        [
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb']:,} MB; "
            f"Python {machine['python']}, PostgreSQL {machine['versions']['postgresql']}; "
            f"granian {machine['versions']['granian']}: {granian['workers']} worker, "
            f"{granian['blocking_threads']} threads; "
            f"load before: {machine['load_average_before']}",
            machine["shared"],
        ]
    )


def _ussd(ussd: Mapping[str, Any]) -> str:
    rows = []
    for phones, servers in ussd.items():
        for name, title in NAMES.items():
            found = servers[name]
            share = servers.get(f"siang_to_{name}")
            rows.append(
                [
                    f"{phones:>2} phones  {title}",
                    _middle(found["per_second"]),
                    number(found["p50_ms"]["median"]),
                    number(found["p99_ms"]["median"]),
                    "" if share is None else f"{share:.0%}",
                    f"{found['generator_core_share']:.0%}",
                ]
            )
    head = ["USSD", "turns/s", "p50 ms", "p99 ms", "Siang is", "generator"]
    return table(head, rows)


def _rates(results: Results) -> str:
    sms, whole = results["door"]["sms"], results["stack"]["ussd_with_workers"]
    rows = [
        [f"SMS accepted, {sms['phones']} phones", _middle(sms["per_second"])],
        ["Responses stored by one worker", _middle(results["responses"]["per_second"])],
        [f"USSD turns, {whole['phones']} phones, workers running", _middle(whole["per_second"])],
    ]
    return table(["Throughput", "a second"], rows)


def _core(core: Mapping[str, Any]) -> str:
    rows = [
        [title, number(core[name]["median_us"]), number(core[name]["p99_us"])]
        for name, title in STEPS.items()
    ]
    return table(["Without I/O", "median µs", "p99 µs"], rows)


def _stack(stack: Mapping[str, Any]) -> str:
    rows = [
        ["first start to ready", f"{stack['first_start_seconds']:.1f} s"],
        ["second start to ready", f"{stack['second_start_seconds']:.1f} s"],
    ]
    for key, title in (("memory_after_5_s", "5 s later"), ("memory_after_load", "after load")):
        found = stack[key]
        rows.append([f"memory {title}", f"{found['pss_mb']:.0f} MB" if found else "not told here"])
        held = found["by_program"] if found else {}
        rows += [[f"  {program}", f"{size:.0f} MB"] for program, size in held.items()]
    return table(["siang run", ""], rows)


def _middle(figure: Mapping[str, float]) -> str:
    """The median, and the spread of the rounds where there were several."""
    spread = f" ±{figure['spread'] / 2:.0%}" if figure["spread"] else ""
    return f"{number(figure['median'])}{spread}"
