"""siang flows: the conversation's files, checked, tried out, drawn and published."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from app import clock, sentences, settings
from app.cli import publishing
from app.cli.context import database
from app.conversation import keywords
from app.conversation.books import compiled, read_sources
from app.delivery import watch
from app.errors import FlowError, OperatorError
from app.flows import draw as drawing
from app.flows import shapes, transcripts
from app.flows.check import Bench, Finding
from app.flows.check import check as checked
from app.flows.costs import Cost, Prices, costs
from app.flows.measure import Worst
from app.flows.nodes import Book
from app.flows.paper import SMALL, Paper, PaperService
from app.insight import alert_rules, alert_texts, press
from app.insight import rules as insight
from app.insight import sentences as digest
from app.registry import files
from app.requests import clerks, notices, rules
from app.settings import Settings
from app.storage import dropoff
from app.storage.registry import Registry
from app.text.encoding import units
from app.text.places import short
from app.words import Language, Limits, Medium

WORDING = (
    (notices.FILE, notices.SENTENCES),
    (clerks.FILE, clerks.SENTENCES),
    (watch.FILE, watch.SENTENCES),
    (alert_texts.FILE, alert_texts.SENTENCES),
    (press.FILE, press.WORDS),
)
TESTS = ("flows/tests/*.yaml",)
DROPOFF = timedelta(days=30)
NAMES: tuple[Language, ...] = ("lo", "en")


@click.group()
def flows() -> None:
    """The conversation as written in config/flows and config/languages."""


for command in (publishing.publish, publishing.history, publishing.diff, publishing.rollback):
    flows.add_command(command)


@flows.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: errors, warnings, costs.")
def check(as_json: bool) -> None:
    """Find what is wrong in the flow and language files, and what a conversation costs.

    Every screen is measured with the longest names of config/registry. Exit status 1 if there is
    an error; warnings change nothing.
    """
    loaded = settings.load()
    registry = files.read(loaded.config / "registry")
    book, found = _checked(loaded, registry)
    errors = [one for one in found if one.severity == "error"]
    warnings = [one for one in found if one.severity == "warning"]
    # A flow with errors may not be walked to its end.
    table: list[Cost] = []
    if book is not None and not errors:
        table = costs(book, _paper(registry), _prices(loaded), _limits(loaded))
    if as_json:
        told = {
            "errors": [asdict(one) for one in errors],
            "warnings": [asdict(one) for one in warnings],
            "costs": [asdict(one) for one in table],
        }
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        _tell(book, errors, warnings, table)
    sys.exit(1 if errors else 0)


@flows.command()
@click.argument("files_", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
def test(files_: Sequence[Path]) -> None:
    """Walk the conversations in config/flows/tests, or in each FILE, in every language.

    Exit status 1 if one of them does not go as it is written.
    """
    loaded = settings.load()
    book = _book(loaded)
    sources = _named(files_) if files_ else read_sources(loaded.config, TESTS)
    if not sources:
        raise OperatorError("There are no conversation tests", "Write one into config/flows/tests")
    report = transcripts.run(book, sources, _limits(loaded)["ussd"])
    for failure in report.failures:
        click.echo(f"{failure}\n")
    click.echo(str(report))
    sys.exit(1 if report.failures else 0)


@flows.command()
@click.option("--format", "kind", type=click.Choice(["svg", "mermaid"]), default="svg")
@click.option("--out", type=click.Path(path_type=Path), help="A file instead of the screen.")
@click.option("--flow", "name", help="Another flow than the one that is used.")
@click.option("--language", help="Whose texts are shown; Lao by default.")
@click.option("--plain", is_flag=True, help="Without asking the database where people stopped.")
def draw(kind: str, out: Path | None, name: str | None, language: str | None, plain: bool) -> None:
    """Draw the flow, with how many people saw each screen and stopped there in 30 days."""
    loaded = settings.load()
    book = _book(loaded)
    flow = book.flows.get(name or loaded.conversation.flow)
    if flow is None:
        raise OperatorError(f"There is no flow {name!r}", f"There are {', '.join(book.flows)}")
    texts = language or loaded.service.language
    if texts not in book.packs:
        raise OperatorError(f"There is no language {texts!r}", f"Use {', '.join(book.packs)}")
    dropoff = {} if plain else _dropoff(loaded)
    draws = drawing.svg if kind == "svg" else drawing.mermaid
    picture = draws(book, flow, texts, dropoff)
    if out is None:
        click.echo(picture, nl=False)
        return
    try:
        out.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise OperatorError(f"{out} cannot be written: {error.strerror}") from None


@flows.command()
def schema() -> None:
    """Print the JSON Schema of a flow file, as config/flows/schema.json holds it."""
    click.echo(schema_text(), nl=False)


def schema_text() -> str:
    """What config/flows/schema.json holds."""
    return json.dumps(shapes.json_schema(), ensure_ascii=False, indent=2) + "\n"


# --- what the commands go by -------------------------------------------------------------------


def _book(loaded: Settings) -> Book:
    sources = read_sources(loaded.config)
    return compiled(sources, loaded.conversation.flow, loaded.service.language)


def errors_of(loaded: Settings) -> list[str]:
    """What the check calls an error, in sentences."""
    _, found = _checked(loaded, files.read(loaded.config / "registry"))
    return [str(one) for one in found if one.severity == "error"]


def _checked(loaded: Settings, registry: Registry) -> tuple[Book | None, list[Finding]]:
    """What is found in the files, and whether the settings name a flow and language of theirs."""
    flow, language = loaded.conversation.flow, loaded.service.language
    try:
        sources = read_sources(loaded.config)
        book, found = checked(sources, Bench(_worst(registry), _limits(loaded), flow))
        if book is not None:
            compiled(sources, flow, language)
        # Read at the start of a process, so that a mistake here would stop it.
        languages = loaded.config / "languages"
        keywords.load(languages)
        digest.load_all(languages)
        for file, wording in WORDING:
            sentences.load_all(languages, file, wording)
        rules.load(loaded.config)
        alert_rules.load(loaded.config)
        insight.load(loaded.config)
    except FlowError as error:
        return None, [
            Finding("error", one.file, one.line, f"{one.where}: {one.message}", one.remedy)
            for one in error.problems
        ]
    return book, found


def _named(paths: Sequence[Path]) -> dict[str, str]:
    try:
        return {str(path): path.read_text(encoding="utf-8") for path in paths}
    except OSError as error:
        raise OperatorError(f"{error.filename} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise OperatorError("A test file is no UTF-8", "Save it as UTF-8") from None


def _prices(loaded: Settings) -> Prices:
    return Prices(loaded.prices.sms_segment_kip, loaded.prices.ussd_session_kip)


def _limits(loaded: Settings) -> dict[Medium, Limits]:
    """The smallest page of all channels: a screen must fit every one of them."""

    def smallest(given: Sequence[Limits]) -> Limits:
        return Limits(min(one.gsm7 for one in given), min(one.ucs2 for one in given))

    channels = loaded.channels.values()
    return {
        "ussd": smallest([one.ussd_limits for one in channels] or [Limits()]),
        "sms": smallest([one.sms_limits for one in channels] or [Limits()]),
    }


def _worst(registry: Registry) -> Worst:
    aliases: dict[str, list[str]] = {}
    for alias in registry.place_aliases:
        aliases.setdefault(alias.code, []).append(alias.alias)
    above = {
        one.code: {name: short(one.names[name], aliases.get(one.code, ())) for name in NAMES}
        for one in registry.provinces
    }

    def longest(names: Sequence[Mapping[Language, str]]) -> dict[Language, str]:
        return {
            language: max((one.get(language, "") for one in names), key=units, default="")
            for language in NAMES
        }

    places = [
        {name: f"{one.names[name]}, {above[one.province][name]}" for name in NAMES}
        for one in registry.districts
    ]
    districts = [one.names for one in registry.districts]
    return Worst(
        provinces=longest([one.names for one in registry.provinces]),
        districts=longest(districts),
        places=longest(places),
        # Centers bear their districts' names; any district may have one some day.
        centers=longest([*districts, *(one.names for one in registry.odscs)]),
        services=longest([one.names for one in registry.services]),
        papers=longest([one.papers for one in registry.services]),
        law=max((one.legal_ref for one in registry.fees), key=units, default=""),
    )


def _paper(registry: Registry) -> Paper:
    """What conversations find in this registry; the built-in requests, since it has none."""
    if not registry.odscs or not registry.services:
        return SMALL
    return Paper(
        provinces={one.code: one.names for one in registry.provinces},
        districts={one.code: one.names for one in registry.districts},
        centers={one.code: one.names for one in registry.odscs},
        services={
            one.key: PaperService(one.names, days=one.days, papers=one.papers)
            for one in sorted(registry.services, key=lambda one: one.position)
        },
        requests=SMALL.requests,
    )


def _dropoff(loaded: Settings) -> drawing.DropOff:
    """Where people stopped; nothing where no database can be reached."""
    try:
        with database(loaded) as engine, engine.connect() as tx:
            return dropoff.by_node(tx, clock.now() - DROPOFF)
    except (OperatorError, SQLAlchemyError, OSError):
        click.echo("No database can be reached: drawn without figures.", err=True)
        return {}


# --- what is told ------------------------------------------------------------------------------


def _tell(
    book: Book | None, errors: list[Finding], warnings: list[Finding], table: list[Cost]
) -> None:
    for title, found in (("error", errors), ("warning", warnings)):
        for one in found:
            click.echo(f"{title}: {one}")
    if errors or warnings:
        click.echo()
    if table:
        for line in _rows(table):
            click.echo(line)
        click.echo()
    if book is not None:
        names = ", ".join(f"{one.name} ({len(one.nodes)} nodes)" for one in book.flows.values())
        told = f"{names}; languages {', '.join(book.packs)}; version {book.hash}"
        click.echo(f"{'Good' if not errors else 'Not good'}: {told}")
    click.echo(f"{_counted(len(errors), 'error')}, {_counted(len(warnings), 'warning')}")


def _rows(table: list[Cost]) -> list[str]:
    """Aligned: words to the left, figures to the right."""
    heads = ("flow", "language", "by", "path", "screens", "SMS out", "SMS in", "kip")
    rows: list[tuple[str, ...]] = [heads]
    for one in table:
        figures = [one.screens, one.segments_out, one.segments_in, one.kip]
        words = (one.flow, one.language, one.medium.upper(), one.path)
        rows.append((*words, *(f"{each:,}" for each in figures)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    sides = "<<<<>>>>"
    return [
        "  ".join(
            f"{text:{side}{width}}" for text, side, width in zip(row, sides, widths, strict=True)
        )
        for row in rows
    ]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
