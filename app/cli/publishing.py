"""siang flows publish, history, diff, rollback: which version new conversations begin on."""

from __future__ import annotations

import click

from app import settings
from app.cli.context import database
from app.clock import VIENTIANE
from app.conversation import publishing
from app.conversation.publishing import shown
from app.storage import flows
from app.storage.flows import Publication

SOON = "New conversations begin on it within 2 seconds; those under way finish on their own."


@click.command()
@click.option("--note", default="", help="What changed and why, for the history.")
@click.option("--force", is_flag=True, help="Even if the check or a test fails; the history tells.")
def publish(note: str, force: bool) -> None:
    """Make config/ what new conversations begin on, once check and tests pass."""
    # Here, because that module adds this command to its group.
    from app.cli.flows import errors_of

    loaded = settings.load()
    errors = errors_of(loaded)
    with database(loaded) as engine:
        published, book = publishing.publish(engine, loaded, note=note, force=force, errors=errors)
    for failure in published.failures:
        click.echo(failure, err=True)
    if not published.new:
        click.echo(f"{shown(published.hash)} is published already; nothing was changed.")
        return
    names = ", ".join(f"{flow.name} ({len(flow.nodes)} nodes)" for flow in book.flows.values())
    languages = ", ".join(book.packs)
    click.echo(f"Published {shown(published.hash)}: {names}; languages {languages}.")
    click.echo(SOON)


@click.command()
def history() -> None:
    """Every publication, newest first, and how many conversations are still open on it."""
    with database(settings.load()) as engine, engine.connect() as tx:
        found = flows.history(tx)
    if not found:
        click.echo("Nothing is published yet.")
        return
    click.echo(f"  {'published':<16}  {'version':<8}  {'open':>5}  note")
    for index, publication in enumerate(found):
        click.echo(_row(publication, current=index == 0))


@click.command()
@click.argument("old", required=False)
@click.argument("new", required=False)
def diff(old: str | None, new: str | None) -> None:
    """What changed from version OLD (the published one) to version NEW (config/)."""
    loaded = settings.load()
    with database(loaded) as engine, engine.connect() as tx:
        found = publishing.difference(tx, loaded, old, new)
    click.echo(found or "There is no difference.")


@click.command()
@click.argument("version", required=False)
def rollback(version: str | None) -> None:
    """Publish an earlier VERSION again; the one before by default."""
    loaded = settings.load()
    with database(loaded) as engine:
        published = publishing.roll_back(engine, loaded, version)
        remarks = publishing.remark(engine, loaded)
    if not published.new:
        click.echo(f"{shown(published.hash)} is published already; nothing was changed.")
        return
    click.echo(f"Published {shown(published.hash)} again.")
    click.echo(SOON)
    for line in remarks:
        click.echo(line, err=True)


def _row(publication: Publication, *, current: bool) -> str:
    at = publication.at.astimezone(VIENTIANE).strftime("%Y-%m-%d %H:%M")
    marks = [*(["current"] if current else []), *(["forced"] if publication.forced else [])]
    told = " ".join(filter(None, [publication.note, f"[{', '.join(marks)}]" if marks else ""]))
    row = (
        f"{'*' if current else ' '} {at}  {shown(publication.hash)}  {publication.open:>5}  {told}"
    )
    return row.rstrip()
