"""How far something long is, for a person at a terminal; nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

import click

EVERY_SECONDS = 0.2


def counted(what: str, pieces: Iterable[bytes], whole: int = 0) -> Iterator[bytes]:
    """The pieces, with how much of them has passed; `whole` is how many octets there will be."""
    if not sys.stderr.isatty():
        yield from pieces
        return
    passed, told = 0, 0.0
    for piece in pieces:
        passed += len(piece)
        yield piece
        if time.monotonic() - told > EVERY_SECONDS:
            told = time.monotonic()
            of = f" of {whole / 1e6:.0f}" if whole else ""
            click.echo(f"\r{what}: {passed / 1e6:.0f}{of} MB ", err=True, nl=False)
    click.echo(f"\r{what}: {passed / 1e6:.0f} MB, done ", err=True)
