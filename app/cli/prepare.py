"""siang prepare: the database, made ready to serve. `siang run` runs it before anything else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine

from app import embedded, settings
from app.conversation.books import publish_first
from app.conversation.publishing import remark
from app.registry import loading
from app.requests import due
from app.settings import Settings
from app.storage.database import open_engine, wait_for
from app.storage.migrating import migrate


def prepare(loaded: Settings, engine: Engine) -> None:
    """Make a database ready to serve: tables, registry, the first flows. Does nothing twice."""
    migrate(engine)
    loading.load_if_changed(engine, loaded.config / "registry")
    # Not only what was loaded may be new: so may the library's holidays.
    due.renew(engine)
    flow, language = loaded.conversation.flow, loaded.service.language
    publish_first(engine, loaded.config, flow, language)


@contextmanager
def _prepared(loaded: Settings, database_url: str) -> Iterator[Engine]:
    """The database, once it answers and is ready to serve. Raises ConfigError after a minute."""
    engine = open_engine(database_url)
    try:
        wait_for(engine, lambda line: click.echo(line, err=True))
        prepare(loaded, engine)
        yield engine
    finally:
        engine.dispose()


@click.command("prepare")
def prepare_command() -> None:
    """Make the database ready, as `siang run` does: before its parts are started one by one."""
    loaded = settings.load()
    with (
        embedded.connect_database_url(loaded.home, os.environ) as url,
        _prepared(loaded, url) as engine,
    ):
        for line in remark(engine, loaded):
            click.echo(line)
