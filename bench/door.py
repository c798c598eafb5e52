"""The gateways' door under load: USSD turns and SMS, beside a bare Flask, taking turns.

    python -m bench.door [--seconds 2.5] [--rounds 3] [--phones 1 16 64 256]      USSD alone

The servers stand side by side and are loaded one after another, round by round, so that whatever
else the machine does in the meantime falls on all of them alike.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

from sqlalchemy import Engine, text

from app.channels.base import Hook, hook_url
from app.conversation.books import read_sources
from app.flows.load import book
from app.settings import ROOT, Settings
from bench import homes, processes
from bench.errors import BenchError
from bench.figures import middle, ratio
from bench.load import ANSWER_SECONDS, Account, Order
from bench.scripts import LARGEST_NUMBER

ServerName = Literal["hello", "insert", "siang"]
SERVERS: tuple[ServerName, ...] = ("hello", "insert", "siang")
PHONES = (1, 16, 64, 256)
USUAL = 16
ROUNDS = 3
SECONDS = 2.0
WARM_UP_SECONDS = 1.0
# Busy networks post from several addresses, and no source may use all of a limit by itself. Other
# systems than Linux have one loopback address until they are given more.
SOURCES = tuple(f"127.0.0.{n}" for n in (1, 2, 3, 4)) if sys.platform == "linux" else ("127.0.0.1",)
# What a phone reads instead of its screen when there is too much to do, or it took too long.
EXCUSES = ("error.busy", "message.follows")
# More walks than Siang ends in a second: phones of a bare server may come twice.
WALKS_A_SECOND = 1000
NEWEST_CONVERSATION = "SELECT coalesce(max(id), 0) FROM conversations"
NEWEST_INBOUND = "SELECT coalesce(max(id), 0) FROM inbound"
FINISHED = "SELECT count(*) FROM conversations WHERE id > :before AND status = 'finished'"
ACCEPTED = "SELECT count(*) FROM inbound WHERE id > :before AND state = 'new'"
Found = dict[tuple[ServerName, int], list[Account]]


class _Numbers:
    """Phones that nobody used yet."""

    def __init__(self) -> None:
        self._free = 0

    def take(self, count: int) -> int:
        """The first of so many. Raises BenchError once all are used."""
        first, self._free = self._free, self._free + count
        if self._free > LARGEST_NUMBER:
            raise BenchError(f"All {LARGEST_NUMBER:,} phones were used: measure for less time")
        return first


_NUMBERS = _Numbers()


def numbers(order: Order) -> Order:
    """The order, with phones of its own."""
    walks = order.walks or int(order.seconds * (order.walks_per_second or WALKS_A_SECOND))
    # Who is excused begins another walk.
    return replace(order, first=_NUMBERS.take(2 * (walks + order.phones)))


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the servers answer; `ussd` and `sms` are path and query, the token included."""

    ports: Mapping[ServerName, int]
    ussd: str
    sms: str
    excuses: tuple[str, ...]

    def order(
        self, server: ServerName, phones: int, seconds: float, walks_per_second: float = 0.0
    ) -> Order:
        bare = server != "siang"
        return numbers(
            Order(
                self.ports[server],
                self.ussd,
                "ussd",
                bare,
                phones,
                seconds,
                walks_per_second=walks_per_second,
                sources=SOURCES,
                excuses=() if bare else self.excuses,
            )
        )

    def sms_order(self, phones: int, seconds: float) -> Order:
        return numbers(Order(self.ports["siang"], self.sms, "sms", False, phones, seconds))


def at(settings: Settings, ports: Mapping[ServerName, int]) -> Doors:
    """The doors of servers that run already."""
    pack = book(read_sources(settings.config)).packs[settings.service.language]
    excuses = tuple(pack[key] for key in EXCUSES)
    return Doors(ports, address(settings, "ussd"), address(settings, "sms"), excuses)


def address(settings: Settings, hook: Hook, channel: str = "simulator") -> str:
    """A channel's hook without scheme and host."""
    config = settings.channels[channel]
    return hook_url(config, hook).removeprefix(config.base_url)


def carried_out(order: Order) -> Account:
    """The account of a load generator's process. Raises BenchError for any wrong answer."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench.load"],
            cwd=ROOT,
            input=json.dumps(asdict(order)),
            capture_output=True,
            text=True,
            timeout=order.seconds + 2 * ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"The load of {order.seconds:g} s did not come to its end") from None
    if done.returncode:
        raise BenchError(f"The load generator failed:\n{done.stderr[-2000:]}")
    account = Account(**json.loads(done.stdout))
    if account.errors:
        raise BenchError("Wrong answers under load:\n" + "\n".join(account.errors))
    if not account.answers:
        raise BenchError(
            f"Nothing was answered within {order.seconds:g} s, {account.excused} excused"
        )
    return account


@contextmanager
def opened(
    home: Path,
    settings: Settings,
    database_url: str,
    servers: Sequence[ServerName] = SERVERS,
) -> Iterator[Doors]:
    """The servers, ready and warm."""
    ports: dict[ServerName, int] = {}
    with ExitStack() as stack:
        for name in servers:
            ports[name] = port = processes.free_port()
            variables = processes.environment(home, PORT=str(port), DATABASE_URL=database_url)
            bare = (sys.executable, "-m", "bench.bare", name)
            command = (*processes.SIANG, "serve") if name == "siang" else bare
            log = home / f"{name}.log"
            process = stack.enter_context(processes.running(command, variables, log))
            processes.wait_until_ready(process, port, log)
        doors = at(settings, ports)
        try:
            for name in servers:
                carried_out(doors.order(name, USUAL, WARM_UP_SECONDS))
            carried_out(doors.sms_order(USUAL, WARM_UP_SECONDS))
            yield doors
        except BenchError as error:
            said = processes.troubles(home / "siang.log")
            raise BenchError(f"{error}\nSiang said:\n{said}") from None


def turns(
    doors: Doors,
    engine: Engine,
    phones: Sequence[int] = PHONES,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """USSD, all rounds, by number of phones; then whether what was answered is what is stored."""
    before = _one(engine, NEWEST_CONVERSATION)
    found: Found = {}
    for _ in range(rounds):
        for count in phones:
            for name in doors.ports:
                account = carried_out(doors.order(name, count, seconds))
                found.setdefault((name, count), []).append(account)
    ours = [one for (name, _), of in found.items() if name == "siang" for one in of]
    stored = _one(engine, FINISHED, before=before)
    _agree("conversations", stored, sum(one.ended for one in ours), _excused(ours))
    return {str(count): compared(found, count) for count in phones}


def sms(
    doors: Doors, engine: Engine, rounds: int = ROUNDS, seconds: float = SECONDS
) -> dict[str, Any]:
    """SMS accepted, each of a new phone; then whether they are stored."""
    before = _one(engine, NEWEST_INBOUND)
    found = [carried_out(doors.sms_order(USUAL, seconds)) for _ in range(rounds)]
    _agree("SMS", _one(engine, ACCEPTED, before=before), sum(one.ended for one in found), 0)
    return {"phones": USUAL} | summed(found)


def compared(found: Found, phones: int) -> dict[str, Any]:
    """One number of phones: each server; Siang's rate and p99 as shares of the bare ones'."""
    there = [name for name in SERVERS if (name, phones) in found]
    of_all: dict[str, Any] = {name: summed(found[name, phones]) for name in there}
    ours = found["siang", phones]
    of_all["siang"]["excused_share"] = ratio(
        _excused(ours), _excused(ours) + sum(one.answers for one in ours)
    )
    for bare in there:
        if bare == "siang":
            continue
        # Round by round: what slows the machine for a while slows both of a pair.
        pairs = list(zip(ours, found[bare, phones], strict=True))
        rates = [ratio(_rate(one), _rate(other)) for one, other in pairs]
        slowest = [ratio(one.p99_ms, other.p99_ms) for one, other in pairs]
        of_all[f"siang_to_{bare}"] = round(median(rates), 3)
        of_all[f"siang_p99_to_{bare}"] = round(median(slowest), 3)
    return of_all


def summed(rounds: list[Account]) -> dict[str, Any]:
    return {
        "per_second": middle([_rate(one) for one in rounds]),
        "p50_ms": middle([one.p50_ms for one in rounds]),
        "p99_ms": middle([one.p99_ms for one in rounds]),
        "answers": sum(one.answers for one in rounds),
        "generator_core_share": round(max(one.generator_core_share for one in rounds), 2),
    }


def _rate(account: Account) -> float:
    return account.answers / account.seconds


def _excused(accounts: Sequence[Account]) -> int:
    return sum(one.excused for one in accounts)


def _one(engine: Engine, query: str, **given: int) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(query), given).scalar_one())


def _agree(what: str, stored: int, answered: int, in_doubt: int) -> None:
    """Whoever was excused at the last key may have finished, unseen."""
    if not answered <= stored <= answered + in_doubt:
        raise BenchError(f"{answered} {what} were answered, but {stored} are stored")


def main() -> None:
    from bench import report

    parser = argparse.ArgumentParser(prog="python -m bench.door")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--phones", type=int, nargs="+", default=PHONES)
    asked = parser.parse_args()
    with (
        homes.ended_well(),
        homes.opened() as home,
        opened(home.folder, home.settings, home.url) as doors,
    ):
        found = turns(doors, home.engine, asked.phones, asked.rounds, asked.seconds)
        print(report.ussd(found))


if __name__ == "__main__":
    main()
