"""People who rate their center, and the gateway that brings what they say: often, late, cut off.

What is written here is all that the checker is told: plan.jsonl says who will say what,
history.jsonl has a line for every delivery, on the disk before the next one is sent.
"""

from __future__ import annotations

import heapq
import http.client
import json
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from tests.chaos.marks import MARKER, NUMBERS

GATEWAYS: Final = 16
TRIES: Final = 8
# A gateway's own patience; the slowest answer we allow ourselves is 8 s.
WAITS: Final = 12.0
CUT, SKIPPED, TWICE, THRICE = 0.05, 0.05, 0.15, 0.05
LATEST: Final = 6.0
# So many times as long as it should may the feed take.
PATIENCE: Final = 1.15
SMS_SHARE: Final = 0.7
ODSCS: Final = ("0103", "0901", "1610")


@dataclass(frozen=True)
class Feedback:
    """`inputs` are the posts in order: an SMS's text, or a session's input so far each time."""

    id: str
    kind: str
    phone: str
    inputs: tuple[str, ...]


def invent(chance: random.Random, number: int, run: str) -> Feedback:
    odsc, score = chance.choice(ODSCS), chance.randint(1, 5)
    phone = f"+856{NUMBERS}{number:05d}"
    if chance.random() < SMS_SHARE:
        return Feedback(f"{run}-m{number}", "sms", phone, (f"{odsc} {score} {MARKER} {number}",))
    keys = ["1", odsc, str(score), chance.choice("12")]
    keys += [chance.choice("12345")] if score <= 3 else []
    keys += [chance.choice("12"), chance.choice("123")]
    # Some hang up, once they have rated; most dial the beginning behind the code.
    last = len(keys) if chance.random() < 0.7 else chance.randint(3, len(keys))
    first = 3 if chance.random() < 0.7 else 0
    inputs = tuple("*".join(keys[:count]) for count in range(first, last + 1))
    return Feedback(f"{run}-u{number}", "ussd", phone, inputs)


class History:
    """history.jsonl."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a")
        self._lock = threading.Lock()

    def note(self, one: Feedback, place: int, status: int, verdict: str, answer: bytes) -> None:
        entry = {
            "id": one.id,
            "place": place,
            "body": sha256(one.inputs[place].encode()).hexdigest(),
            "status": status,
            "verdict": verdict,
            "answer": sha256(answer).hexdigest() if answer else "",
            "at": time.time(),
        }
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class Doors:
    """The web processes' ports, and the path of each hook with its token."""

    ports: Sequence[int]
    paths: Mapping[str, str]
    # What a phone reads when its turn was not, or perhaps not, taken.
    excuses: frozenset[str]


@dataclass(order=True)
class _Late:
    due: float
    order: int
    what: tuple[Feedback, int] = field(compare=False)


class Feed:
    """Brings `people` within `seconds`, by several connections at once.

    Where this machine is too slow for that some are left at home: `brought` says how many were not.
    """

    def __init__(
        self, people: Sequence[Feedback], doors: Doors, history: History, seconds: float, seed: int
    ) -> None:
        self._doors, self._history = doors, history
        self._people = people
        self._between, self._seconds = seconds / len(people), seconds
        self._seed = seed
        self._late: list[_Late] = []
        self._lock = threading.Lock()
        self._next = self.brought = 0
        self.begun = time.monotonic()
        self.failures: list[BaseException] = []

    def run(self) -> None:
        self.begun = time.monotonic()
        threads = [threading.Thread(target=self._gateway, args=(n,)) for n in range(GATEWAYS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        if self.failures:
            raise self.failures[0]

    def _gateway(self, number: int) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        try:
            for one in self._turns():
                self._play(chance, one)
                for late in self._overdue(time.monotonic()):
                    self._deliver(chance, *late)
            for late in self._overdue(float("inf")):
                self._deliver(chance, *late)
        except BaseException as error:
            self.failures.append(error)

    def _turns(self) -> Iterator[Feedback]:
        while True:
            with self._lock:
                place, self._next = self._next, self._next + 1
            now = time.monotonic() - self.begun
            if place >= len(self._people) or now > self._seconds * PATIENCE:
                return
            time.sleep(max(0, place * self._between - now))
            yield self._people[place]
            with self._lock:
                self.brought += 1

    def _overdue(self, by: float) -> Iterator[tuple[Feedback, int]]:
        while True:
            with self._lock:
                if not self._late or self._late[0].due > by:
                    return
                one = heapq.heappop(self._late)
            yield one.what

    def _play(self, chance: random.Random, one: Feedback) -> None:
        for place in range(len(one.inputs)):
            last = place == len(one.inputs) - 1
            if not last and chance.random() < SKIPPED:
                # It comes behind its follower.
                self._postpone(chance, one, place)
                continue
            if not self._insist(chance, one, place) and one.kind == "ussd":
                return
            lot = chance.random()
            for _ in range((lot < TWICE) + (lot < THRICE)):
                self._postpone(chance, one, place)

    def _postpone(self, chance: random.Random, one: Feedback, place: int) -> None:
        due = time.monotonic() + chance.uniform(0, LATEST)
        with self._lock:
            heapq.heappush(self._late, _Late(due, chance.getrandbits(60), (one, place)))

    def _insist(self, chance: random.Random, one: Feedback, place: int) -> bool:
        for attempt in range(TRIES):
            if self._deliver(chance, one, place):
                return True
            time.sleep(min(0.2 * 2**attempt, 2.0) * chance.uniform(0.5, 1))
        return False

    def _deliver(self, chance: random.Random, one: Feedback, place: int) -> bool:
        """One delivery, and its line; whether it was acknowledged."""
        cut = chance.random() < CUT
        link = http.client.HTTPConnection(
            "127.0.0.1", chance.choice(self._doors.ports), timeout=WAITS
        )
        status, answer = 0, b""
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            link.request("POST", self._doors.paths[one.kind], _form(one, place), headers)
            if not cut:
                response = link.getresponse()
                answer, status = response.read(), response.status
        except (OSError, http.client.HTTPException):
            status, answer = 0, b""
        finally:
            link.close()
        verdict = "cut" if cut else self._verdict(one, status, answer)
        self._history.note(one, place, status, verdict, answer)
        return verdict == "ack"

    def _verdict(self, one: Feedback, status: int, answer: bytes) -> str:
        if status != 200:
            return "refused" if status else "none"
        if one.kind == "ussd" and answer.decode()[4:] in self._doors.excuses:
            return "excuse"
        return "ack"


def _form(one: Feedback, place: int) -> str:
    """Africa's Talking's forms."""
    if one.kind == "ussd":
        fields = {"sessionId": one.id, "serviceCode": "*1616#", "phoneNumber": one.phone}
        return urlencode(fields | {"networkCode": "45702", "text": one.inputs[place]})
    fields = {"id": one.id, "from": one.phone, "to": "1616", "linkId": ""}
    stamp = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    return urlencode(fields | {"text": one.inputs[place], "date": stamp})


def plan(people: Sequence[Feedback], file: Path) -> None:
    file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in people))
