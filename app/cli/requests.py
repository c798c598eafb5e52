"""siang requests: what the offices know of citizens' requests. No command shows a phone number."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import Connection, Engine

from app import clock, open_mail, open_registrar, settings
from app.channels import open_channels
from app.cli import request_lists
from app.cli.context import database
from app.errors import ImportRefused, OperatorError, RequestRefused
from app.requests import filing, importing, numbers
from app.requests.filing import Act, Filing, Registrar
from app.requests.importing import Imported, Progress
from app.requests.statuses import overdue
from app.storage import requests as storage
from app.storage.requests import Request
from app.words import REQUEST_STATUSES

COMMAND = "command"


@click.group()
def requests() -> None:
    """Citizens' requests, looked up by number over USSD and SMS."""


requests.add_command(request_lists.overdue)
requests.add_command(request_lists.tries)
requests.add_command(request_lists.rate)
requests.add_command(request_lists.flags)


@contextmanager
def opened() -> Iterator[tuple[Registrar, Engine]]:
    """What filing needs, and the database."""
    loaded = settings.load()
    mail = open_mail(loaded, open_channels(loaded.channels))
    registrar = open_registrar(loaded, mail)
    with database(loaded) as engine:
        yield registrar, engine


# --- filing -----------------------------------------------------------------------------------


@requests.command("set")
@click.argument("number")
@click.option("--odsc", required=True, help="The ODSC's code.")
@click.option("--service", required=True, help="The service's key, e.g. id_card.")
@click.option("--status", required=True, type=click.Choice(REQUEST_STATUSES))
@click.option("--note", default="", help="For the citizen: which papers, or why.")
@click.option("--phone", default="", help="The applicant's number, e.g. 02055512345.")
@click.option("--texts/--no-texts", default=None, help="Whether the applicant agreed to SMS.")
def set_status(
    number: str, odsc: str, service: str, status: str, note: str, phone: str, texts: bool | None
) -> None:
    """File the request NUMBER, or move it to another status.

    NUMBER is one of ours, or the office's own; a request that is filed under the office's own gets
    one of ours too.
    """
    typed = numbers.read(number)
    if not typed:
        raise OperatorError("NUMBER: there is no number")
    ours = numbers.is_ours(typed)
    wanted = Filing(
        odsc=odsc,
        service=service,
        phone=phone,
        alias="" if ours else typed,
        number=typed if ours else None,
        status=status,
        note=note,
        texts=bool(texts),
    )
    with opened() as (registrar, engine), _in_words(), engine.begin() as tx:
        known = filing.find(tx, typed, odsc)
        if known:
            _move(registrar, tx, known[0], wanted, texts)
        else:
            filed = filing.file(registrar, tx, wanted, _act())
            click.echo(f"Filed as {numbers.shown(filed.number)}")
    click.echo(f"Request {number}: {status}")


def _move(
    registrar: Registrar, tx: Connection, known: Request, wanted: Filing, texts: bool | None
) -> None:
    if known.service != wanted.service:
        raise OperatorError(
            f"This request was filed for {known.service}",
            "Give that --service, or withdraw it and file anew",
        )
    reached = filing.reach(registrar, tx, known, wanted.phone, texts)
    filing.move(registrar, tx, reached, wanted.status, wanted.note, _act())


def _act() -> Act:
    return Act(COMMAND, COMMAND, clock.now())


@contextmanager
def _in_words() -> Iterator[None]:
    """What cannot be becomes an operator's error that names the option."""
    try:
        yield
    except RequestRefused as refused:
        option = {"alias": "NUMBER", "number": "NUMBER"}.get(refused.field, f"--{refused.field}")
        raise OperatorError(f"{option}: {refused.sentence}") from None


# --- a file -----------------------------------------------------------------------------------


@requests.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--odsc", default="", help="The ODSC that the file is of.")
def import_command(file: Path, odsc: str) -> None:
    """File and move on what FILE, a CSV file, says of requests.

    All or nothing: with one mistake in one cell nothing changes. The same file again changes
    nothing.
    """
    with opened() as (registrar, engine), _in_words(), _bar(file) as progress:
        try:
            done = importing.import_file(registrar, engine, file, odsc, clock.now(), progress)
        except ImportRefused as refused:
            click.echo(_nothing_imported(len(refused.problems)), err=True)
            raise
    for line in _lines(done):
        click.echo(line)


@contextmanager
def _bar(file: Path) -> Iterator[Progress]:
    """For eyes: where the output goes to a file there is none."""
    with click.progressbar(
        length=file.stat().st_size,
        label=f"Reading {file.name}",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:
        yield bar.update


def _lines(done: Imported) -> list[str]:
    counts = done.counts
    if done.nothing:
        lines = [f"{counts.rows:,} requests: nothing changed"]
    else:
        same = counts.rows - counts.new - counts.changed
        lines = [
            f"{counts.rows:,} requests: {counts.new:,} new, {counts.changed:,} changed, "
            f"{same:,} as before"
        ]
    if counts.outdated:
        lines.append(f"{counts.outdated:,} rows tell of an earlier day than what is stored")
    if done.texts:
        lines.append(f"{done.texts:,} SMS to applicants")
    return lines


def _nothing_imported(problems: int) -> str:
    what = "this problem" if problems == 1 else f"these {problems:,} problems"
    return f"Nothing was imported. Mend {what}, then import again:"


# --- looking ----------------------------------------------------------------------------------


@requests.command()
@click.argument("number")
@click.option("--odsc", help="Of this ODSC, where several number alike.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(number: str, odsc: str | None, as_json: bool) -> None:
    """Everything about the request NUMBER, ours or the office's own, but for the phone."""
    with database(settings.load()) as engine, engine.connect() as tx:
        found = [(_described(one), _history(tx, one)) for one in filing.find(tx, number, odsc)]
    if not found:
        raise OperatorError("There is no such request", "Check the number, digit by digit")
    if as_json:
        documents = [facts | {"history": history} for facts, history in found]
        click.echo(json.dumps(documents, ensure_ascii=False, indent=2))
        return
    for facts, history in found:
        for name, value in facts.items():
            click.echo(f"{name + ':':<12} {'' if value is None else value}")
        for change in history:
            click.echo("  " + "  ".join(filter(None, change.values())))


def _described(request: Request) -> dict[str, object]:
    today = clock.local_day(clock.now())
    return {
        "number": numbers.shown(request.number),
        "own_number": request.alias,
        "odsc": request.odsc,
        "service": request.service,
        "status": request.status,
        "note": request.note,
        "since": _moment(request.status_at),
        "filed": _moment(request.filed_at),
        "due_on": None if request.due_on is None else f"{request.due_on}",
        "overdue": overdue(request.status, request.due_on, today),
        "fee_kip": request.fee_kip,
        "charge_kip": request.charge_kip,
        "phone": "known" if request.contact_id else "not known",
        "texts": request.texts,
        "sensitive": request.sensitive,
        "last_news": _moment(request.news_at),
    }


def _history(tx: Connection, request: Request) -> list[dict[str, str]]:
    return [
        {
            "at": _moment(change.at),
            "status": change.status,
            "note": change.note,
            "by": change.by,
            "source": change.source,
        }
        for change in storage.history(tx, request.id)
    ]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(clock.VIENTIANE):%Y-%m-%d %H:%M}"
