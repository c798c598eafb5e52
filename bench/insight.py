"""A Monday morning: the week is released, and the digests of all 148 districts are written.

Beside it what no digest can do without: the counts of its week and the week before, read once.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, Engine, text

from app import clock, open_mail
from app.channels import open_channels
from app.clock import Week
from app.insight import digests, releases, sentences
from app.settings import Settings
from bench.errors import BenchError

DISTRICTS = 148
REPEATS = 5
_STAFF = (
    text(
        "INSERT INTO contacts (phone_hash, phone_cipher) "
        "SELECT sha256(convert_to('staff ' || code, 'UTF8')), '' FROM districts "
        "ON CONFLICT (phone_hash) DO NOTHING"
    ),
    text(
        "INSERT INTO staff (contact_id, level, district, language) "
        "SELECT contacts.id, 'district', code, 'lo' FROM districts "
        "JOIN contacts ON phone_hash = sha256(convert_to('staff ' || code, 'UTF8'))"
    ),
)
_UNQUEUE = (
    text(
        "DELETE FROM outbox_history USING outbox WHERE message_id = outbox.id "
        "AND outbox.state = 'queued' AND purpose = 'digest'"
    ),
    text("DELETE FROM outbox WHERE state = 'queued' AND purpose = 'digest'"),
)
_COUNTS = text(
    "SELECT odsc, service, question, answer, sex, sum(n) FROM tallies "
    "WHERE day BETWEEN :monday AND :sunday GROUP BY 1, 2, 3, 4, 5"
)


def measured(engine: Engine, loaded: Settings) -> dict[str, float]:
    """Medians of some Mondays, in seconds; each forgets the one before."""
    now = clock.now()
    week = Week.of(clock.local_day(now)).shifted(-1)
    mail = open_mail(loaded, open_channels(loaded.channels))
    wording = sentences.load_all(loaded.config / "languages")
    # The slot of the week is due by now, be it Monday morning or a holiday.
    due = now + timedelta(days=3)
    read, released, written = [], [], []
    # As on any Monday, the week before was released a week ago.
    releases.make(engine, week.shifted(-1), now, {})
    with _readers(engine):
        for _ in range(REPEATS):
            with engine.begin() as tx:
                _forget(tx, week)
            read.append(_read(engine, week))
            begun = time.perf_counter()
            releases.make(engine, week, now, {})
            released.append(time.perf_counter() - begun)
            queued = digests.write_due(engine, due, hour=0, mail=mail, sentences=wording, extra={})
            written.append(time.perf_counter() - begun)
            if queued != DISTRICTS:
                raise BenchError(f"{queued} digests were written, not {DISTRICTS}")
    return {
        "read_seconds": round(statistics.median(read), 4),
        "release_seconds": round(statistics.median(released), 3),
        "seconds": round(statistics.median(written), 3),
    }


@contextmanager
def _readers(engine: Engine) -> Iterator[None]:
    """Somebody in each district reads digests; afterwards nobody does, and none is left to send."""
    with engine.begin() as tx:
        for statement in _STAFF:
            tx.execute(statement)
    yield
    with engine.begin() as tx:
        _unqueue(tx)
        tx.execute(text("DELETE FROM staff"))


def _unqueue(tx: Connection) -> None:
    for statement in _UNQUEUE:
        tx.execute(statement)


def _forget(tx: Connection, week: Week) -> None:
    _unqueue(tx)
    tx.execute(text("DELETE FROM runs WHERE name = 'digest'"))
    tx.execute(text("DELETE FROM released_figures WHERE week = :week"), {"week": str(week)})
    tx.execute(text("DELETE FROM releases WHERE week = :week"), {"week": str(week)})


def _read(engine: Engine, week: Week) -> float:
    begun = time.perf_counter()
    with engine.connect() as tx:
        for one in (week, week.shifted(-1)):
            tx.execute(_COUNTS, {"monday": one.monday, "sunday": one.sunday}).all()
    return time.perf_counter() - begun
