"""siang flows: the conversation's files."""

from __future__ import annotations

import click

from app import settings
from app.conversation.books import Books


@click.group()
def flows() -> None:
    """The conversation as written in config/flows and config/languages."""


@flows.command()
def check() -> None:
    """Read every flow and language file; name everything wrong by file, line and key."""
    loaded = settings.load()
    books = Books(loaded.config, loaded.conversation.flow, loaded.service.language)
    known = books.current.flows.values()
    names = ", ".join(f"{flow.name} ({len(flow.nodes)} nodes)" for flow in known)
    languages = ", ".join(books.current.packs)
    click.echo(f"Good: {names}; languages {languages}; version {books.current.hash}")
