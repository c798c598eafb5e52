"""siang messages: what goes out, what did not, what it cost. Never a number, never a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from uuid import UUID

import click

from app import clock, settings
from app.cli.context import database
from app.delivery import dead_letters
from app.delivery.policy import Spent, held_by_budget
from app.delivery.purse import Purse
from app.errors import OperatorError
from app.sections import BudgetSection
from app.storage import messages
from app.storage.messages import DeadLetter, Sum

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group("messages")
def messages_command() -> None:
    """SMS that go out. Numbers and texts are never shown."""


def show_json(told: object) -> None:
    """Times as ISO 8601."""
    click.echo(json.dumps(told, indent=2, default=_written))


def _written(moment: date) -> str:
    return moment.isoformat()


def local(moment: datetime) -> str:
    """As people in Vientiane write it."""
    return f"{moment.astimezone(clock.VIENTIANE):%Y-%m-%d %H:%M:%S}"


def lasting(time: timedelta) -> str:
    """`45 s`, `12 min`, `7 h` or `3 d`."""
    seconds = int(time.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


# --- dead letters -----------------------------------------------------------------------------


@messages_command.command()
@as_json_option
def dead(as_json: bool) -> None:
    """What was given up without being sent, or of which nobody knows whether it was."""
    now = clock.now()
    with database(settings.load()) as engine, engine.connect() as tx:
        found = messages.dead(tx)
    if as_json:
        ages = [int((now - one.created_at).total_seconds()) for one in found]
        show_json(
            [asdict(one) | {"age_seconds": age} for one, age in zip(found, ages, strict=True)]
        )
        return
    for one in found:
        click.echo(_letter(one, now))
    if not found:
        click.echo("No dead letters")


def _letter(one: DeadLetter, now: datetime) -> str:
    doubt = ", may have been sent" if one.doubtful else ""
    age = lasting(now - one.created_at)
    return (
        f"{one.id}  {one.channel}  {one.purpose}  {one.state}{doubt}, {age} old, "
        f"{one.attempts} attempts: {one.reason}"
    )


@messages_command.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every dead letter.")
@click.option("--doubtful", is_flag=True, help="Also what may have been sent: it comes twice then.")
@as_json_option
def retry(ids: Sequence[str], every: bool, doubtful: bool, as_json: bool) -> None:
    """Send dead letters again, with all their attempts anew."""
    if every == bool(ids):
        raise OperatorError("Say which messages", "Give ids from `siang messages dead`, or --all")
    wanted = None if every else [_id(one) for one in ids]
    with database(settings.load()) as engine:
        queued = dead_letters.retry(engine, clock.now(), wanted, doubtful=doubtful)
        with engine.connect() as tx:
            left = [one.id for one in messages.dead(tx)]
    others = [one for one in (left if wanted is None else wanted) if one not in queued]
    if as_json:
        show_json({"queued": queued, "not_queued": others})
        return
    click.echo(f"Queued again: {len(queued)}")
    for one in others:
        why = "may have been sent; add --doubtful" if one in left else "is no dead letter"
        click.echo(f"Not queued: {one} {why}")


def _id(written: str) -> str:
    try:
        return str(UUID(written))
    except ValueError:
        raise OperatorError(
            f"{written!r} is no message's id", "See `siang messages dead`"
        ) from None


# --- sums -------------------------------------------------------------------------------------

SUMMED = ("messages", "ucs2", "segments", "kip", "delivered", "failed")


@messages_command.command()
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True)
@as_json_option
def stats(days: int, as_json: bool) -> None:
    """Messages, segments and kip of each day, channel and purpose; and what the budget allows."""
    loaded = settings.load()
    now = clock.now()
    first = clock.local_moment(clock.local_day(now) - timedelta(days=days - 1), 0)
    with database(loaded) as engine, engine.connect() as tx:
        found = messages.sums(tx, first, str(clock.VIENTIANE))
        spent = Purse().spent(tx, now)
    total = {name: sum(getattr(one, name) for one in found) for name in SUMMED}
    budget, held = _budget(spent, loaded.budget), sorted(held_by_budget(spent, loaded.budget))
    if as_json:
        sums = [asdict(one) for one in found]
        show_json({"sums": sums, "total": total, "budget": budget, "held": held})
        return
    _show_sums(found, total)
    _show_budget(budget, held)


def _show_sums(found: Sequence[Sum], total: Mapping[str, int]) -> None:
    click.echo(f"{'day':<10}  {'channel':<16}{'purpose':<13}" + _row(SUMMED))
    for one in found:
        figures = [getattr(one, name) for name in SUMMED]
        click.echo(f"{one.day}  {one.channel:<16}{one.purpose:<13}" + _row(figures))
    click.echo(f"{'total':<41}" + _row([total[name] for name in SUMMED]))


def _row(cells: Sequence[object]) -> str:
    return "".join(f"{cell:>10}" for cell in cells)


def _budget(spent: Spent, budget: BudgetSection) -> dict[str, dict[str, float]]:
    """Today's and the month's kip next to their limits, where they have one."""
    periods = {
        "today": (spent.day, budget.daily_kip, spent.of_day(budget)),
        "month": (spent.month, budget.monthly_kip, spent.of_month(budget)),
    }
    return {
        period: {"kip": kip, "limit_kip": limit, "percent": round(percent, 1)}
        for period, (kip, limit, percent) in periods.items()
        if limit
    }


def _show_budget(budget: Mapping[str, Mapping[str, float]], held: Sequence[str]) -> None:
    for period, told in budget.items():
        percent = f"{told['percent']} % of {told['limit_kip']} kip"
        click.echo(f"{period}: {told['kip']} kip, {percent}")
    if held:
        click.echo(f"The budget holds back: {', '.join(held)}")


# --- one message, all messages ----------------------------------------------------------------


@messages_command.command()
@click.argument("message_id", metavar="ID")
@as_json_option
def show(message_id: str, as_json: bool) -> None:
    """Everything that happened to one message, with times and reasons."""
    wanted = _id(message_id)
    with database(settings.load()) as engine, engine.connect() as tx:
        message = messages.one(tx, wanted)
        history = messages.history(tx, wanted)
        receipts = messages.receipts(tx, wanted)
    if message is None:
        raise OperatorError(f"There is no message {wanted}", "See `siang messages dead`")
    if as_json:
        show_json(
            asdict(message)
            | {"history": [asdict(one) for one in history]}
            | {"receipts": [asdict(one) for one in receipts]}
        )
        return
    click.echo(
        f"{message.id}: {message.purpose} on {message.channel}, {message.state}\n"
        f"{message.encoding}, {message.segments} segments, {message.cost_kip} kip, "
        f"{message.attempts} attempts, of use until {local(message.expires_at)}"
    )
    if message.conversation is not None:
        click.echo(f"conversation {message.conversation}")
    for change in history:
        told = f"{local(change.at)}  {change.state:<11} {change.channel:<16}{change.reason}"
        click.echo(told.rstrip())
    for receipt in receipts:
        told = f"receipt: {receipt.state} {receipt.detail}".rstrip()
        click.echo(f"{local(receipt.at)}  {told}")


@messages_command.command()
@as_json_option
def states(as_json: bool) -> None:
    """How many messages are in each state, and how long the oldest that is due has waited."""
    now = clock.now()
    with database(settings.load()) as engine, engine.connect() as tx:
        counted = messages.states(tx)
        due = messages.oldest_due(tx, now)
    if as_json:
        waits = None if due is None else int((now - due).total_seconds())
        show_json({"states": counted, "oldest_due_seconds": waits})
        return
    for state, number in counted.items():
        click.echo(f"{state:<12}{number:>9}")
    click.echo("Nothing is due" if due is None else f"The oldest is due since {lasting(now - due)}")
