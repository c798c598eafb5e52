"""An operator that fails, hangs and loses answers, and remembers every message it took by our id.

It takes the same id as often as it is handed over: what we send twice shows here.
"""

from __future__ import annotations

import heapq
import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlencode

from tests.channels.provider import Call, Fault, Provider, Response

Mood = Literal["usual", "failing", "silent", "well"]
# Of a hundred calls, how many go wrong how. What is left is answered.
MOODS: Final[Mapping[Mood, Mapping[Fault, int]]] = {
    "usual": {"error": 2, "drop": 2, "drop_after": 3, "hang": 1, "slow": 2},
    "failing": {"error": 90, "busy": 10},
    "silent": {"hang": 40, "drop": 20, "drop_after": 40},
    "well": {},
}
RECEIPT_WITHIN: Final = 2.0
RECEIPT_AGAIN: Final = 1.0

# A section of kind "http": the provider cannot be fooled by an id, so we may ask it by ours.
SECTION: Final = """
[channels.chaos]
kind = "http"
sender = "1616"

[channels.chaos.receive.receipt]
message_id = "id"
status = "status"
states = {{DELIVRD = "delivered"}}

[channels.chaos.send]
url = "{url}/messages/{{{{id}}}}"
format = "json"
body = {{to = "{{{{to}}}}", text = "{{{{text}}}}"}}
timeout_seconds = 1.5
success = [{{status = [202]}}]

[channels.chaos.ask]
needs = "id"
url = "{url}/messages/{{{{id}}}}"
method = "GET"
timeout_seconds = 1.5
absent = [{{status = [404]}}]
found = [{{status = [200]}}]
state = "status"
states = {{DELIVRD = "delivered"}}
"""


@dataclass(order=True)
class _Receipt:
    due: float
    message: str


@dataclass
class Operator(Provider):
    """`account` gets a line for each message taken; receipts are posted until they are taken."""

    account: Path = Path("account.jsonl")
    receipts_to: Callable[[], Sequence[tuple[int, str]]] = tuple
    chance: random.Random = field(default_factory=random.Random)
    mood: Mood = "usual"
    slowness: float = 0.3
    taken: set[str] = field(default_factory=set)
    receipts: list[_Receipt] = field(default_factory=list)
    posting: int = 0

    def fault(self, call: Call) -> Fault | None:
        lot = self.chance.randrange(100)
        for fault, share in MOODS[self.mood].items():
            if lot < share:
                return fault
            lot -= share
        return None

    def respond(self, call: Call) -> Response:
        message = call.path.rpartition("/")[2]
        if call.method == "GET":
            known = message in self.taken
            return Response(200, '{"status": "ACCEPTED"}') if known else Response(404, "{}")
        entry = {"id": message, "to": json.loads(call.body)["to"], "at": call.at}
        with self.account.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        self.taken.add(message)
        for _ in range(2 if self.chance.random() < 0.05 else 1):
            due = time.monotonic() + self.chance.uniform(0, RECEIPT_WITHIN)
            heapq.heappush(self.receipts, _Receipt(due, message))
        return Response(202, "{}")

    @property
    def owes(self) -> int:
        """How many receipts are still to be told."""
        with self.changed:
            return len(self.receipts) + self.posting

    def post_receipts(self) -> None:
        """A thread's work, until the provider stops."""
        while not self.stopping.wait(0.02):
            while (one := self._due()) is not None:
                told = self._tell(one.message)
                with self.changed:
                    self.posting -= 1
                    if not told:
                        again = _Receipt(time.monotonic() + RECEIPT_AGAIN, one.message)
                        heapq.heappush(self.receipts, again)

    def _due(self) -> _Receipt | None:
        with self.changed:
            if self.stopping.is_set() or not self.receipts:
                return None
            if self.receipts[0].due > time.monotonic():
                return None
            self.posting += 1
            return heapq.heappop(self.receipts)

    def _tell(self, message: str) -> bool:
        port, path = self.chance.choice(self.receipts_to())
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            form = urlencode({"id": message, "status": "DELIVRD"})
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            link.request("POST", path, form, headers)
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()

    def start_posting(self) -> None:
        for _ in range(2):
            threading.Thread(target=self.post_receipts, daemon=True).start()
