"""Queries of releases: the counts they are made of, and the documents that were made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Count:
    """How often an answer was given at an ODSC to a question, and by whom of which sex for which
    service, where these are told apart ("" where they are not, or not known)."""

    odsc: str
    question: str
    answer: str
    service: str
    sex: str
    n: int


# Only scores are told apart by service and sex: satisfaction is told of both. Every response has
# one, so they say how many there were and for which service too.
_COUNTS = text(
    "SELECT odsc, question, answer,"
    " CASE WHEN question = 'score' THEN service ELSE '' END AS service,"
    " CASE WHEN question = 'score' THEN sex ELSE '' END AS sex, CAST(sum(n) AS bigint)"
    " FROM tallies WHERE day BETWEEN :first AND :last AND n > 0"
    " AND question NOT IN ('status', 'service')"
    " GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
)


def counts(tx: Connection, first: date, last: date) -> list[Count]:
    """The counts of every ODSC over some days, without flagged responses. Reads tallies alone."""
    return [Count(*row) for row in tx.execute(_COUNTS, {"first": first, "last": last})]


@dataclass(frozen=True, slots=True)
class Work:
    """Requests of an ODSC whose time runs, and how many of them are late."""

    odsc: str
    running: int
    overdue: int


def work(tx: Connection, today: date) -> list[Work]:
    """Every ODSC that has running requests, from the index of those alone."""
    rows = tx.execute(
        text(
            "SELECT odsc, count(*), count(*) FILTER (WHERE due_on < :today) FROM requests"
            " WHERE status IN ('received', 'in_process', 'need_documents') GROUP BY odsc"
        ),
        {"today": today},
    )
    return [Work(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Node:
    """A place of the registry, and the place or the group that it is part of."""

    level: str
    code: str
    name_lo: str
    name_en: str
    within: str


def nodes(tx: Connection) -> list[Node]:
    """Every ODSC, district and province, `within` the code of what is above; "" for a province."""
    rows = tx.execute(
        text(
            "SELECT 'odsc', code, name_lo, name_en, district FROM odscs"
            " UNION ALL SELECT 'district', code, name_lo, name_en, province FROM districts"
            " UNION ALL SELECT 'province', code, name_lo, name_en, '' FROM provinces"
            " ORDER BY 1, 2"
        )
    )
    return [Node(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Group:
    """Districts that are looked at together."""

    key: str
    name_lo: str
    name_en: str
    districts: tuple[str, ...]


def groups(tx: Connection) -> list[Group]:
    """Every named group of districts."""
    rows = tx.execute(
        text(
            "SELECT key, name_lo, name_en, array_agg(district ORDER BY district)"
            " FROM district_groups JOIN group_districts ON group_key = key"
            " GROUP BY key, name_lo, name_en ORDER BY key"
        )
    )
    return [Group(key, lo, en, tuple(districts)) for key, lo, en, districts in rows]


def win(tx: Connection, week: str, now: datetime) -> bool:
    """Whether this transaction is the one that releases the week, for ever."""
    won = tx.execute(
        text(
            "INSERT INTO releases (week, made_at) VALUES (:week, :now)"
            " ON CONFLICT (week) DO NOTHING"
        ),
        {"week": week, "now": now},
    )
    return won.rowcount == 1


def save(tx: Connection, week: str, documents: Sequence[tuple[str, str, str]]) -> None:
    """Store level, code and document of every area."""
    tx.execute(
        text(
            "INSERT INTO released_figures (week, level, code, document)"
            " SELECT :week, * FROM unnest("
            "CAST(:levels AS text[]), CAST(:codes AS text[]), CAST(:documents AS text[]))"
        ),
        {
            "week": week,
            "levels": [level for level, _, _ in documents],
            "codes": [code for _, code, _ in documents],
            "documents": [document for _, _, document in documents],
        },
    )


def newest(tx: Connection) -> str | None:
    """The newest released week."""
    return tx.execute(text("SELECT max(week) FROM releases")).scalar()


def made_at(tx: Connection, week: str) -> datetime | None:
    """When a week was released; None if it was not."""
    return tx.execute(
        text("SELECT made_at FROM releases WHERE week = :week"), {"week": week}
    ).scalar()


def document(tx: Connection, level: str, code: str, week: str) -> str | None:
    """What is published of an area and week, byte for byte."""
    found = tx.execute(
        text(
            "SELECT document FROM released_figures"
            " WHERE level = :level AND code = :code AND week = :week"
        ),
        {"level": level, "code": code, "week": week},
    )
    return found.scalar()


def documents(
    tx: Connection, weeks: Collection[str], level: str | None = None, code: str | None = None
) -> list[str]:
    """The documents of some weeks, the oldest first: all, of one level, or of one area."""
    rows = tx.execute(
        text(
            "SELECT document FROM released_figures WHERE week = ANY(CAST(:weeks AS text[]))"
            " AND level = coalesce(CAST(:level AS text), level)"
            " AND code = coalesce(CAST(:code AS text), code) ORDER BY week, level, code"
        ),
        {"weeks": list(weeks), "level": level, "code": code},
    )
    return list(rows.scalars())


def weeks(tx: Connection, first: str, last: str) -> list[str]:
    """The released weeks from one to another, the oldest first."""
    rows = tx.execute(
        text("SELECT week FROM releases WHERE week BETWEEN :first AND :last ORDER BY week"),
        {"first": first, "last": last},
    )
    return list(rows.scalars())
