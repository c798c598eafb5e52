"""The checker. It shares no code with the product: files, plain SELECTs and plain Python.

plan.jsonl      who says what                        (written before anything is sent)
history.jsonl   one line a delivery                  (on the disk before the next is sent)
account.jsonl   one line a message that the provider took

lost        acknowledged, and not stored             must be empty
unexpected  stored, and never sent                   must be empty
duplicated  more than one row or effect              must be empty
recovered   stored, and never acknowledged           allowed
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psycopg

SERVICES: Final = {"1": "id_card", "2": "family_book"}
REASONS: Final = dict(zip("12345", ("waiting", "staff", "money", "papers", "other"), strict=True))
SEXES: Final = {"1": "F", "2": "M"}
FINAL: Final = frozenset({"delivered", "undelivered", "failed", "expired", "dead", "suppressed"})
TWICE: Final = frozenset({"reply", "consent"})

Stored = tuple[str, str]
"""The id of a message or a session, and the hash of the text."""
Cell = tuple[str, str, str, str, str]
"""ODSC, service, question, answer, sex."""


@dataclass
class Verdict:
    """`wrong` are sentences; nothing of it is a number or a text of anybody."""

    lost: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    recovered: int = 0
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        return not (self.lost or self.unexpected or self.duplicated or self.wrong)


@dataclass(frozen=True)
class Files:
    """What was written outside."""

    folder: Path

    @cached_property
    def plan(self) -> Mapping[str, Any]:
        return {one["id"]: one for one in self._lines("plan.jsonl")}

    @cached_property
    def history(self) -> list[Any]:
        return list(self._lines("history.jsonl"))

    @cached_property
    def account(self) -> list[Any]:
        return list(self._lines("account.jsonl"))

    def _lines(self, name: str) -> Iterator[Any]:
        file = self.folder / name
        return map(json.loads, file.read_text().splitlines() if file.exists() else ())


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def judge(folder: Path, dsn: str) -> Verdict:
    files, verdict = Files(folder), Verdict()
    with psycopg.connect(dsn) as link:
        stored = _stored(link)
        _compare(files, stored, verdict)
        _effects(link, files, verdict)
        _tallies(link, _expected(files, stored), verdict)
        _outgoing(link, files, verdict)
        _replies(link, files, verdict)
        _digests(link, verdict)
    _same_bytes(files, verdict)
    deliveries = Counter(str(one["verdict"]) for one in files.history)
    statuses = Counter(int(one["status"]) for one in files.history)
    verdict.figures |= {"deliveries": dict(deliveries), "statuses": dict(statuses)}
    strange = set(statuses) - {0, 200, 503}
    if strange:
        verdict.wrong.append(f"gateways were answered {sorted(strange)}")
    return verdict


# --- what came in -----------------------------------------------------------------------------


def _stored(link: psycopg.Connection) -> set[Stored]:
    """Every SMS and every turn that is there."""
    sms = link.execute("SELECT provider_id, text FROM inbound").fetchall()
    turns = link.execute("SELECT session, encode(path_hash, 'hex') FROM turns").fetchall()
    return {(id_, hashed(text)) for id_, text in sms} | {(id_, path) for id_, path in turns}


def _compare(files: Files, stored: set[Stored], verdict: Verdict) -> None:
    sent = {(one["id"], one["body"]) for one in files.history}
    known = {(one["id"], one["body"]) for one in files.history if one["verdict"] == "ack"}
    # A session's input brings the inputs before it along.
    implied = {(id_, hashed(text)) for id_, text in _prefixes(files, sent)}
    verdict.lost += sorted(id_ for id_, _ in known - stored)
    verdict.unexpected += sorted(id_ for id_, _ in stored - sent - implied)
    verdict.recovered = len((stored & sent) - known)


def _prefixes(files: Files, sent: set[Stored]) -> Iterator[tuple[str, str]]:
    for one in files.plan.values():
        for text in one["inputs"] if one["kind"] == "ussd" else ():
            if (one["id"], hashed(text)) in sent:
                keys = text.split("*")
                yield one["id"], ""
                yield from ((one["id"], "*".join(keys[:n])) for n in range(1, len(keys)))


def _effects(link: psycopg.Connection, files: Files, verdict: Verdict) -> None:
    """One message, one conversation, one response."""
    left = link.execute("SELECT provider_id, state FROM inbound WHERE state <> 'done'").fetchall()
    verdict.wrong += [f"{id_} is {state}, not done" for id_, state in left]
    rows = link.execute(
        "SELECT i.provider_id, count(DISTINCT c.id), count(DISTINCT r.id), count(DISTINCT m.id)"
        " FROM inbound i LEFT JOIN conversations c USING (contact_id)"
        " LEFT JOIN responses r ON r.conversation_id = c.id"
        " LEFT JOIN comments m ON m.conversation_id = c.id GROUP BY i.provider_id"
    ).fetchall()
    rows += link.execute(
        "SELECT c.session, count(DISTINCT c.id), 1, 1 FROM conversations c"
        " WHERE c.medium = 'ussd' GROUP BY c.session"
    ).fetchall()
    for id_, *counts in rows:
        if max(counts) > 1:
            verdict.duplicated.append(id_)
        elif min(counts) < 1:
            verdict.wrong.append(f"{id_} has no effect")


def _same_bytes(files: Files, verdict: Verdict) -> None:
    """The same post of a session has the same answer, whenever it comes."""
    answers: dict[Stored, set[str]] = defaultdict(set)
    for one in files.history:
        if one["verdict"] == "ack":
            answers[one["id"], one["body"]].add(one["answer"])
    verdict.wrong += [
        f"{id_} was answered {len(given)} ways to the same post"
        for (id_, _), given in answers.items()
        if len(given) > 1
    ]


# --- what is counted --------------------------------------------------------------------------


def _expected(files: Files, stored: set[Stored]) -> Counter[Cell]:
    """The tallies, from what was sent and is stored, by the longest input of each session."""
    cells: Counter[Cell] = Counter()
    for one in files.plan.values():
        texts = [text for text in one["inputs"] if (one["id"], hashed(text)) in stored]
        if texts:
            said = _said(one["kind"], max(texts, key=len))
            cells.update(_cells(said) if "score" in said else ())
    return cells


def _said(kind: str, text: str) -> dict[str, str]:
    if kind == "sms":
        odsc, score, _ = text.split(" ", 2)
        return {"odsc": odsc, "score": score, "status": "complete"}
    keys = text.split("*")[1:]
    said = dict(zip(("odsc", "score"), keys, strict=False)) | {"status": "partial"}
    rest = keys[2:]
    if rest:
        said["service"] = SERVICES[rest.pop(0)]
    if rest and int(said["score"]) <= 3:
        said["reason"] = REASONS[rest.pop(0)]
    if len(rest) == 2:
        said |= {"status": "complete", "sex": SEXES.get(rest[1], "")}
    return said


def _cells(said: Mapping[str, str]) -> Iterator[Cell]:
    for question in ("status", "score", "service", "reason"):
        if question in said:
            service, sex = said.get("service", ""), said.get("sex", "")
            yield said["odsc"], service, question, said[question], sex


def _tallies(link: psycopg.Connection, expected: Counter[Cell], verdict: Verdict) -> None:
    """Thrice: what people said, what the responses say, what the tallies say."""
    tallies = _counted(
        link.execute(
            "SELECT odsc, service, question, answer, sex, sum(n) FROM tallies WHERE n <> 0"
            " GROUP BY odsc, service, question, answer, sex"
        ).fetchall()
    )
    responses = link.execute(
        "SELECT odsc, coalesce(service, ''), status, CAST(score AS text), coalesce(reason, ''),"
        " coalesce(sex, '') FROM responses"
    ).fetchall()
    recounted: Counter[Cell] = Counter()
    for odsc, service, status, score, reason, sex in responses:
        said = {"odsc": odsc, "status": status, "score": score, "sex": sex}
        said |= {"service": service} if service else {}
        recounted.update(_cells(said | ({"reason": reason} if reason else {})))
    verdict.figures |= {"responses": len(responses), "tallies": len(tallies)}
    for name, counted in (("responses", recounted), ("tallies", tallies)):
        if counted != expected:
            more, less = counted - expected, expected - counted
            verdict.wrong.append(f"{name} are not what was said: more {more}, less {less}")


def _counted(rows: Iterable[tuple[Any, ...]]) -> Counter[Cell]:
    return Counter({(a, b, c, d, e): int(n) for a, b, c, d, e, n in rows})


# --- what went out ----------------------------------------------------------------------------


def _outgoing(link: psycopg.Connection, files: Files, verdict: Verdict) -> None:
    rows = link.execute("SELECT CAST(id AS text), purpose, state, reason FROM outbox").fetchall()
    taken = Counter(str(one["id"]) for one in files.account)
    purposes = {id_: purpose for id_, purpose, _, _ in rows}
    verdict.unexpected += sorted(taken.keys() - purposes.keys())
    for id_, purpose, state, reason in rows:
        if state not in FINAL:
            verdict.wrong.append(f"message {id_} ({purpose}) is still {state}: {reason}")
        if state in ("delivered", "sent") and not taken[id_]:
            verdict.wrong.append(f"message {id_} ({purpose}) is {state}, and nobody took it")
        if taken[id_] and state != "delivered":
            verdict.wrong.append(
                f"message {id_} ({purpose}) was delivered and is {state}: {reason}"
            )
        if taken[id_] > (2 if purpose in TWICE else 1):
            verdict.duplicated.append(f"message {id_} ({purpose}) {taken[id_]} times")
    verdict.figures |= {
        "outgoing": dict(Counter(f"{purpose} {state}" for _, purpose, state, _ in rows)),
        "sent twice in doubt": sum(count > 1 for count in taken.values()),
    }


def _replies(link: psycopg.Connection, files: Files, verdict: Verdict) -> None:
    """Each SMS has one answer; a session's screen follows by SMS at most once an input."""
    rows = link.execute(
        "SELECT i.provider_id, count(o.id) FROM inbound i"
        " LEFT JOIN outbox o ON o.contact_id = i.contact_id AND o.purpose = 'reply'"
        " GROUP BY i.provider_id"
    ).fetchall()
    for id_, count in rows:
        if count > 1:
            verdict.duplicated.append(f"the answer to {id_}")
        elif not count:
            verdict.lost.append(f"the answer to {id_}")
    rows = link.execute(
        "SELECT c.session, count(o.id) FROM conversations c"
        " JOIN outbox o ON o.contact_id = c.contact_id AND o.purpose = 'reply'"
        " WHERE c.medium = 'ussd' GROUP BY c.session"
    ).fetchall()
    verdict.figures["screens that followed by SMS"] = sum(count for _, count in rows)
    verdict.duplicated += [
        f"the screens of {id_}" for id_, count in rows if count > len(files.plan[id_]["inputs"])
    ]


def _digests(link: psycopg.Connection, verdict: Verdict) -> None:
    """One for each of the staff, of one week."""
    counts = link.execute(
        "SELECT s.id, count(o.id) FROM staff s"
        " LEFT JOIN outbox o ON o.contact_id = s.contact_id AND o.purpose = 'digest' GROUP BY s.id"
    ).fetchall()
    verdict.figures["digests"] = sum(count for _, count in counts)
    for id_, count in counts:
        if count != 1:
            wrong = verdict.duplicated if count else verdict.lost
            wrong.append(f"the digest of staff {id_}, {count} times")
    runs = link.execute("SELECT count(*) FROM runs WHERE name = 'digest'").fetchone()
    if runs != (1,):
        verdict.wrong.append(f"digests were made for {runs} weeks")


# --- what was said of it ----------------------------------------------------------------------


def leaks(files: Iterable[Path], marks: Iterable[str]) -> list[str]:
    """Files in which a number or a text of somebody stands, and where."""
    wanted = [mark.encode() for mark in marks]
    return [
        f"{file.name}:{number}"
        for file in files
        for number, line in enumerate(file.read_bytes().splitlines(), 1)
        if any(mark in line for mark in wanted)
    ]
