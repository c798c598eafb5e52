"""Where results go: bench/latest.json, docs/benchmarks.md and docs/benchmarks.svg.

python -m bench.publish     the page and the picture anew, of bench/latest.json
"""

from __future__ import annotations

import json
import sys

from app.settings import ROOT
from bench import homes, plot, report
from bench.errors import BenchError

LATEST = ROOT / "bench" / "latest.json"
PICTURE = ROOT / "docs" / "benchmarks.svg"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGINS, ENDS = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


def keep(results: report.Results) -> None:
    """As the last ones measured."""
    LATEST.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(results: report.Results) -> None:
    """On the page and in the picture. Raises BenchError where the page has no place for them."""
    page = with_figures(PAGE.read_text(encoding="utf-8"), report.written(results))
    PICTURE.write_text(plot.drawn(results), encoding="utf-8")
    PAGE.write_text(page, encoding="utf-8")


def with_figures(page: str, tables: str) -> str:
    """The page with these tables between its two marks."""
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise BenchError(f"{PAGE.relative_to(ROOT)} lacks {BEGINS} or, after it, {ENDS}")
    return f"{before}{BEGINS}\n```\n{tables}\n```\n{ENDS}{after}"


def main() -> None:
    with homes.ended_well():
        results = json.loads(LATEST.read_text(encoding="utf-8"))
        if "growth" not in results:
            raise BenchError(f"{LATEST.relative_to(ROOT)} is of another form: run make bench")
        show(results)
    print(f"Written: {PAGE.relative_to(ROOT)}, {PICTURE.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
