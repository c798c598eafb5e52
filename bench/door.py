"""The gateways' door under load: USSD turns and SMS, beside a bare Flask, taking turns.

The servers stand side by side and are loaded one after another, round by round, so that whatever
else the machine does in the meantime falls on all of them alike.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

from sqlalchemy import Engine, text

from app.channels.base import Hook, hook_url
from app.settings import ROOT, Settings
from bench import processes
from bench.errors import BenchError
from bench.figures import middle, ratio
from bench.load import ANSWER_SECONDS, Account, Order

ServerName = Literal["hello", "insert", "siang"]
SERVERS: tuple[ServerName, ...] = ("hello", "insert", "siang")
PHONES = (1, 16, 64)
USUAL = 16
ROUNDS = 3
SECONDS = 2.5
WARM_UP_SECONDS = 1.0
# Numbers of phones, by the hundred thousand: more than any run of some seconds can use.
_NUMBERS = itertools.count(0, 100_000)


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the servers answer; `ussd` and `sms` are path and query, the token included."""

    ports: Mapping[ServerName, int]
    ussd: str
    sms: str

    def order(self, server: ServerName, phones: int, seconds: float) -> Order:
        bare = server != "siang"
        return Order(self.ports[server], self.ussd, "ussd", bare, phones, seconds, next(_NUMBERS))

    def sms_order(self, phones: int, seconds: float) -> Order:
        return Order(self.ports["siang"], self.sms, "sms", False, phones, seconds, next(_NUMBERS))


def address(settings: Settings, hook: Hook) -> str:
    """The simulator's hook without scheme and host."""
    config = settings.channels["simulator"]
    return hook_url(config, hook).removeprefix(config.base_url)


def carried_out(order: Order) -> Account:
    """The account of a load generator's process. Raises BenchError for any wrong answer."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        timeout=order.seconds + 2 * ANSWER_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"The load generator failed:\n{done.stderr[-2000:]}")
    account = Account(**json.loads(done.stdout))
    if account.errors or not account.answers:
        raise BenchError("Wrong answers under load:\n" + "\n".join(account.errors))
    return account


@contextmanager
def opened(home: Path, settings: Settings, database_url: str) -> Iterator[Doors]:
    """The three servers, ready and warm."""
    ports: dict[ServerName, int] = {}
    with ExitStack() as stack:
        for name in SERVERS:
            ports[name] = port = processes.free_port()
            variables = processes.environment(home, PORT=str(port), DATABASE_URL=database_url)
            bare = (sys.executable, "-m", "bench.bare", name)
            command = (*processes.SIANG, "serve") if name == "siang" else bare
            log = home / f"{name}.log"
            process = stack.enter_context(processes.running(command, variables, log))
            processes.wait_until_ready(process, port, log)
        doors = Doors(ports, address(settings, "ussd"), address(settings, "sms"))
        for name in SERVERS:
            carried_out(doors.order(name, USUAL, WARM_UP_SECONDS))
        carried_out(doors.sms_order(USUAL, WARM_UP_SECONDS))
        yield doors


def measured(doors: Doors, engine: Engine) -> dict[str, object]:
    """All rounds; then whether what was answered is what is stored."""
    before = _stored(engine)
    found: dict[tuple[ServerName, int], list[Account]] = {}
    texts: list[Account] = []
    for _ in range(ROUNDS):
        for phones in PHONES:
            for name in SERVERS:
                account = carried_out(doors.order(name, phones, SECONDS))
                found.setdefault((name, phones), []).append(account)
        texts.append(carried_out(doors.sms_order(USUAL, SECONDS)))
    ended = sum(
        one.ended for (name, _), rounds in found.items() if name == "siang" for one in rounds
    )
    stored = {"finished": ended, "sms": sum(one.ended for one in texts)}
    _agree({name: count - before[name] for name, count in _stored(engine).items()}, stored)
    return {
        "rounds": ROUNDS,
        "seconds_a_round": SECONDS,
        "ussd": {str(phones): compared(found, phones) for phones in PHONES},
        "sms": {"phones": USUAL, "new_phone_each": True} | summed(texts),
        "stored_as_answered": stored,
    }


def compared(
    found: Mapping[tuple[ServerName, int], list[Account]], phones: int
) -> dict[str, object]:
    """One number of phones: each server, and Siang's rate as a share of the bare ones'."""
    of_all: dict[str, object] = {name: summed(found[name, phones]) for name in SERVERS}
    rates = {name: [_rate(one) for one in found[name, phones]] for name in SERVERS}
    for bare in ("hello", "insert"):
        # Round by round: what slows the machine for a while slows both of a pair.
        pairs = zip(rates["siang"], rates[bare], strict=True)
        of_all[f"siang_to_{bare}"] = round(median(ratio(*pair) for pair in pairs), 3)
    return of_all


def summed(rounds: list[Account]) -> dict[str, object]:
    return {
        "per_second": middle([_rate(one) for one in rounds]),
        "p50_ms": middle([one.p50_ms for one in rounds]),
        "p99_ms": middle([one.p99_ms for one in rounds]),
        "answers": sum(one.answers for one in rounds),
        "generator_core_share": round(max(one.generator_core_share for one in rounds), 2),
    }


def _rate(account: Account) -> float:
    return account.answers / account.seconds


def _stored(engine: Engine) -> dict[str, int]:
    counted = {
        "finished": "SELECT count(*) FROM conversations WHERE status = 'finished'",
        "sms": "SELECT count(*) FROM inbound WHERE state = 'new'",
    }
    with engine.connect() as connection:
        return {
            name: int(connection.execute(text(query)).scalar_one())
            for name, query in counted.items()
        }


def _agree(stored: Mapping[str, int], answered: Mapping[str, int]) -> None:
    if dict(stored) != dict(answered):
        raise BenchError(f"Answered were {dict(answered)}, but stored are {dict(stored)}")


def on_whole_stack(settings: Settings, port: int) -> dict[str, object]:
    """USSD turns on a running `siang run`, whose workers store the responses meanwhile."""
    doors = Doors({"siang": port}, address(settings, "ussd"), address(settings, "sms"))
    order = doors.order("siang", USUAL, SECONDS)
    carried_out(replace(order, seconds=WARM_UP_SECONDS, first=next(_NUMBERS)))
    return summed([carried_out(order)])
