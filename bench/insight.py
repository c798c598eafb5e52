"""The digests of all 148 districts over more and more stored responses.

    python -m bench.insight [COUNT …]      100,000, a million and ten millions, some minutes

A country of 148 centers has 100,000 answers a week; what grows is the past. The responses and their
tallies are made by SQL; measured is what Monday morning does: release the week, write the digests.
"""

from __future__ import annotations

import signal
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from app import clock, embedded, logs, open_mail, settings
from app.channels import open_channels
from app.cli.run import prepare
from app.clock import Week
from app.insight import digests, releases, sentences
from app.settings import Settings
from app.storage.database import open_engine
from bench import processes
from bench.errors import BenchError
from bench.figures import number, table

FEW = 1_000_000
SIZES = (100_000, FEW, 10_000_000)
A_WEEK = 100_000
REPEATS = 5
Results = dict[str, Any]

_CENTERS = text(
    "INSERT INTO odscs (code, district, name_lo, name_en, source) "
    "SELECT code, code, name_lo, name_en, 'bench' FROM districts ON CONFLICT (code) DO NOTHING"
)
_STAFF = (
    text(
        "INSERT INTO contacts (phone_hash, phone_cipher) "
        "SELECT sha256(convert_to('staff ' || code, 'UTF8')), '' FROM districts"
    ),
    text(
        "INSERT INTO staff (contact_id, level, district, language) "
        "SELECT contacts.id, 'district', code, 'lo' FROM districts "
        "JOIN contacts ON phone_hash = sha256(convert_to('staff ' || code, 'UTF8'))"
    ),
)
# Primes keep the answers from falling into step with each other.
_RESPONSES = text(
    """
    INSERT INTO responses (conversation_id, odsc, status, at, day, channel, language, score,
                           service, reason, paid, overcharged, sex)
    SELECT CAST(:first AS bigint) + n, codes[1 + n % 148],
           CASE WHEN n % 7 = 0 THEN 'partial' ELSE 'complete' END,
           CAST(:monday AS date) + CAST(n % 7 AS integer),
           CAST(:monday AS date) + CAST(n % 7 AS integer), 'kannel', 'lo',
           1 + n * 7919 % 5, keys[1 + n * 104729 % cardinality(keys)],
           CASE WHEN n * 7919 % 5 < 3
                THEN (ARRAY['waiting', 'staff', 'money', 'papers', 'other'])[1 + n * 31 % 5] END,
           n * 17 % 100000, n % 23 = 0, (ARRAY['F', 'M', NULL])[1 + n * 13 % 3]
    FROM generate_series(CAST(0 AS bigint), CAST(:count AS bigint) - 1) n,
         (SELECT array_agg(code ORDER BY code) AS codes FROM odscs WHERE code = district),
         (SELECT array_agg(key ORDER BY position) AS keys FROM services)
    """
)
_TALLIES = text(
    """
    INSERT INTO tallies (day, odsc, service, question, answer, sex, n)
    SELECT day, odsc, coalesce(service, ''), question, answer, coalesce(sex, ''), count(*)
    FROM responses CROSS JOIN LATERAL (VALUES
        ('status', status), ('score', CAST(score AS text)), ('service', service),
        ('reason', reason), ('overcharged', CASE WHEN overcharged THEN 'yes' END)
    ) AS said (question, answer)
    WHERE answer IS NOT NULL AND day BETWEEN :monday AND :sunday
    GROUP BY 1, 2, 3, 4, 5, 6
    """
)


def measured(engine: Engine, loaded: Settings, sizes: tuple[int, ...] = SIZES) -> Results:
    """Seconds of a Monday morning at each size, the sizes in rising order."""
    now = clock.now()
    week = Week.of(clock.local_day(now)).shifted(-1)
    with engine.begin() as tx:
        tx.execute(_CENTERS)
        for statement in _STAFF:
            tx.execute(statement)
    stored, results = 0, {}
    for size in sizes:
        begun = time.perf_counter()
        while stored < size:
            _fill(engine, stored, min(A_WEEK, size - stored), week.shifted(-(stored // A_WEEK)))
            stored += min(A_WEEK, size - stored)
        _settled(engine)
        filled = time.perf_counter() - begun
        results[str(size)] = _mornings(engine, loaded, week, now) | {"fill_seconds": round(filled)}
    return results


def _fill(engine: Engine, first: int, count: int, week: Week) -> None:
    days = {"monday": week.monday, "sunday": week.sunday}
    with engine.begin() as tx:
        tx.execute(text("SET LOCAL statement_timeout = 0"))
        # No conversations are made for these: what is measured never looks at one.
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        tx.execute(_RESPONSES, {"first": first, "count": count, "monday": week.monday})
        tx.execute(_TALLIES, days)


def _settled(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE responses, tallies"))


def _mornings(engine: Engine, loaded: Settings, week: Week, now: datetime) -> Results:
    """Medians of some Mondays; each forgets the one before."""
    mail = open_mail(loaded, open_channels(loaded.channels))
    wording = sentences.load_all(loaded.config / "languages")
    # The slot of the week is due by now, be it Monday morning or a holiday.
    due = now + timedelta(days=3)
    released, written = [], []
    # As on any Monday, the week before was released a week ago.
    releases.make(engine, week.shifted(-1), now, {})
    for _ in range(REPEATS):
        with engine.begin() as tx:
            tx.execute(text("TRUNCATE outbox CASCADE"))
            tx.execute(text("DELETE FROM runs WHERE name = 'digest'"))
            tx.execute(text("DELETE FROM released_figures WHERE week = :week"), {"week": str(week)})
            tx.execute(text("DELETE FROM releases WHERE week = :week"), {"week": str(week)})
        begun = time.perf_counter()
        releases.make(engine, week, now, {})
        released.append(time.perf_counter() - begun)
        queued = digests.write_due(engine, due, hour=0, mail=mail, sentences=wording, extra={})
        written.append(time.perf_counter() - begun)
        if queued != 148:
            raise BenchError(f"{queued} digests were written, not 148")
    return {
        "release_seconds": round(statistics.median(released), 3),
        "seconds": round(statistics.median(written), 3),
    }


def written(results: Results) -> str:
    """A table, one row a size."""
    rows = [
        [f"{int(size):,}", number(one["release_seconds"]), number(one["seconds"])]
        for size, one in results.items()
    ]
    return table(["stored responses", "release, s", "release and digests, s"], rows)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sizes = tuple(int(one.replace("_", "").replace(",", "")) for one in sys.argv[1:]) or SIZES
    with (
        logs.warnings_to_stderr(),
        tempfile.TemporaryDirectory(prefix="siang-") as folder,
        embedded.database(Path(folder)) as url,
    ):
        loaded = settings.load(processes.environment(Path(folder)))
        engine = open_engine(url, 4)
        prepare(loaded, engine)
        print(written(measured(engine, loaded, sizes)))
        engine.dispose()


if __name__ == "__main__":
    main()
