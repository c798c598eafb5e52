"""Citizens' requests by the million: how long a look-up takes, how fast a file is imported.

    python -m bench.requests [COUNT]      five millions, which takes some minutes

The requests are made by SQL; what is measured are the gateway's own queries, as conversations ask
them, one after another: PostgreSQL's own time (EXPLAIN ANALYZE: planning and execution), and the
round trip of a caller, which shares the processor with whatever else the machine does.
"""

from __future__ import annotations

import csv
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from app import clock, open_mail, open_registrar
from app.channels import open_channels
from app.requests import due, importing
from app.settings import Settings
from app.storage import requests as storage
from app.storage.requests_schema import requests
from bench import homes
from bench.errors import BenchError
from bench.figures import number, percentile, table

FEW, MANY = 200_000, 5_000_000
LOOKUPS, EXPLAINED = 2000, 500
ROWS = 100_000
Results = dict[str, Any]
TITLES = {
    "by_phone": "what a phone has filed",
    "by_number": "by number",
    "by_alias": "by the office's own number",
}

# Serials that look random and never repeat below ten millions: the factor has no part in ten.
_CONTACTS = text(
    "INSERT INTO contacts (phone_hash, phone_cipher) "
    "SELECT sha256(convert_to('bench ' || n, 'UTF8')), '' "
    "FROM generate_series(0, CAST(:count AS bigint) / 3) n"
)
_REQUESTS = text(
    """
    INSERT INTO requests (number, alias, odsc, service, contact_id, status, filed_at, status_at,
                          news_at)
    SELECT codes[1 + n % cardinality(codes)] || lpad((n * 3141593 % 10000000)::text, 7, '0') || '0',
           'KS' || n, codes[1 + n % cardinality(codes)], keys[1 + n % cardinality(keys)],
           :contact + n / 3, statuses[1 + n % cardinality(statuses)],
           now() - n % 700 * interval '1 day', now(), now()
    FROM generate_series(0, CAST(:count AS bigint) - 1) n,
         (SELECT array_agg(code ORDER BY code) AS codes FROM odscs),
         (SELECT array_agg(key ORDER BY position) AS keys FROM services),
         (SELECT ARRAY['received', 'in_process', 'ready', 'collected', 'collected', 'collected',
                       'collected', 'rejected', 'withdrawn', 'collected'] AS statuses)
    """
)


def measured(engine: Engine, loaded: Settings, count: int, folder: Path) -> Results:
    """Look-ups among so many requests, then the same file imported twice."""
    begun = time.perf_counter()
    first_contact = _filled(engine, count)
    filled = time.perf_counter() - begun
    dice = random.Random(1)
    with engine.connect() as tx:
        codes = list(tx.execute(text("SELECT code FROM odscs ORDER BY code")).scalars())
        asked: dict[str, Callable[[Connection, int], object]] = {
            "by_phone": lambda tx, n: storage.of_phone(tx, first_contact + n // 3),
            "by_number": lambda tx, n: storage.by_number(tx, _number(codes, n)),
            "by_alias": lambda tx, n: storage.by_alias(tx, f"KS{n}"),
        }
        found = {
            name: _timed(tx, query, count, dice) | _explained(tx, query, count, dice)
            for name, query in asked.items()
        }
    # The first reckons what was made without due dates; the second is what every start does.
    due.renew(engine)
    begun = time.perf_counter()
    due.renew(engine)
    renewed = time.perf_counter() - begun
    return {
        "requests": count,
        "fill_seconds": round(filled, 1),
        "due_seconds": round(renewed, 2),
        **found,
        "import": _imported(engine, loaded, folder, dice),
    }


def _number(codes: list[str], n: int) -> str:
    return f"{codes[n % len(codes)]}{n * 3141593 % 10**7:07d}0"


def _filled(engine: Engine, count: int) -> int:
    """Make the requests, three a phone; the first phone's contact."""
    with engine.begin() as tx:
        tx.execute(text("SET LOCAL statement_timeout = 0"))
        # Keys that point elsewhere are right by the way they are made: not to ask saves minutes.
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        tx.execute(_CONTACTS, {"count": count})
        first = int(tx.execute(text("SELECT max(id) FROM contacts")).scalar_one()) - count // 3
        with _without_indexes(tx):
            tx.execute(_REQUESTS, {"count": count, "contact": first})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE requests"))
    return first


@contextmanager
def _without_indexes(tx: Connection) -> Iterator[None]:
    """Built at the end they cost a tenth of what they cost row by row."""
    for index in requests.indexes:
        index.drop(tx)
    tx.execute(text("ALTER TABLE requests DROP CONSTRAINT requests_number_key"))
    yield
    tx.execute(text("ALTER TABLE requests ADD CONSTRAINT requests_number_key UNIQUE (number)"))
    for index in requests.indexes:
        index.create(tx)


def _timed(
    tx: Connection, query: Callable[[Connection, int], object], count: int, dice: random.Random
) -> dict[str, float]:
    """Milliseconds of look-ups at random, each of which must find something."""
    taken = []
    for _ in range(LOOKUPS):
        wanted = dice.randrange(count)
        begun = time.perf_counter_ns()
        found = query(tx, wanted)
        taken.append((time.perf_counter_ns() - begun) / 1e6)
        if not found:
            raise BenchError(f"Request {wanted} of {count} was not found")
    taken.sort()
    return {
        "median_ms": round(percentile(taken, 0.5), 3),
        "p99_ms": round(percentile(taken, 0.99), 3),
    }


def _explained(
    tx: Connection, query: Callable[[Connection, int], object], count: int, dice: random.Random
) -> dict[str, float]:
    """Milliseconds that PostgreSQL needs for such look-ups, by its own account."""
    sent: list[Any] = []

    def remember(*given: object) -> None:
        sent.append(given[2:4])

    event.listen(tx, "before_cursor_execute", remember)
    for _ in range(EXPLAINED):
        query(tx, dice.randrange(count))
    event.remove(tx, "before_cursor_execute", remember)
    taken = []
    for statement, parameters in sent:
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        (plan,) = tx.exec_driver_sql(explain, parameters).scalar_one()
        taken.append(plan["Planning Time"] + plan["Execution Time"])
    taken.sort()
    return {
        "database_median_ms": round(percentile(taken, 0.5), 3),
        "database_p99_ms": round(percentile(taken, 0.99), 3),
    }


def _imported(
    engine: Engine, loaded: Settings, folder: Path, dice: random.Random
) -> dict[str, float]:
    """Seconds for a file of an office, with a phone in every row, and for the same file again."""
    path = folder / "requests.csv"
    _write(path, dice)
    registrar = open_registrar(loaded, open_mail(loaded, open_channels(loaded.channels)))
    seconds = {}
    for name, new in (("first", ROWS), ("again", 0)):
        begun = time.perf_counter()
        done = importing.import_file(registrar, engine, path, "", clock.now(), lambda _: None)
        seconds[name] = round(time.perf_counter() - begun, 1)
        if done.counts.new != new:
            raise BenchError(f"{done.counts.new} requests were new, not {new}")
    return {"rows": ROWS, **seconds}


def _write(path: Path, dice: random.Random) -> None:
    today = clock.local_day(clock.now())
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(("own_number", "odsc", "service", "phone", "status", "filed_on", "texts"))
        for serial in range(ROWS):
            phone = f"020{dice.choice('2579')}{dice.randrange(10**7):07d}"
            filed = today - timedelta(days=dice.randrange(10, 400))
            status = dice.choice(("received", "in_process", "ready", "collected"))
            sheet.writerow((f"B{serial:06d}", "0103", "id_card", phone, status, filed, "yes"))


def rows(found: Results) -> list[list[str]]:
    """The table's lines."""
    shown = [
        [
            title,
            f"{number(found[key]['database_median_ms'])} ms",
            f"{number(found[key]['database_p99_ms'])} ms",
            f"{number(found[key]['median_ms'])} ms",
        ]
        for key, title in TITLES.items()
    ]
    shown.append(["due dates looked over", "", "", f"{found['due_seconds']:.1f} s"])
    seconds = found["import"]
    for key, title in (("first", "imported"), ("again", "imported again")):
        shown.append([f"{seconds['rows']:,} rows {title}", "", "", f"{seconds[key]:.1f} s"])
    return shown


def written(found: Results) -> str:
    head = [f"Among {found['requests']:,} requests", "median", "p99", "round trip"]
    return table(head, rows(found))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with homes.ended_well(), homes.opened() as home:
        print(written(measured(home.engine, home.settings, count, home.folder)))


if __name__ == "__main__":
    main()
