"""siang measure: what a text costs as SMS and how it looks by USSD. Needs no configuration."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Final, TypedDict

import click

from app.text.encoding import Encoding, encoding_of, segment_count, units
from app.text.screens import Nav, lay_out
from app.words import Limits

NO_HINTS: Final = Nav("", "", "", can_back=False, can_home=False)
_HALF_LETTER: Final = re.compile("[\ud800-\udfff]")
HEADER: Final = "encoding  units  segments  pages  text"
INDENT: Final = " " * HEADER.index("text")


class Measured(TypedDict):
    """One text; `segments` is how many messages networks bill."""

    text: str
    encoding: Encoding
    units: int
    segments: int
    ussd_pages: list[str]


@click.command("measure")
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="A JSON list, one object a text.")
def measure(texts: Sequence[str], as_json: bool) -> None:
    """What each TEXT costs, and its USSD pages of 160 septets or 70 units.

    Units are septets (GSM-7) or UTF-16 code units (UCS-2); segments are what networks bill. Pages
    are without the hints for turning them. Without a TEXT, each line of standard input is one.
    """
    found = [measured(text) for text in texts or _typed()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    # Bytes, because a terminal set to another encoding would refuse Lao.
    click.echo("\n".join([HEADER, *(line for one in found for line in _rows(one))]).encode())


def measured(text: str) -> Measured:
    """A text with its figures; bytes that were no UTF-8 count as U+FFFD."""
    whole = _HALF_LETTER.sub("\ufffd", text)
    return {
        "text": whole,
        "encoding": encoding_of(whole),
        "units": units(whole),
        "segments": segment_count(whole),
        "ussd_pages": lay_out(whole, (), NO_HINTS, Limits()),
    }


def _typed() -> list[str]:
    """The lines of standard input; only a line feed ends one."""
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("Give a TEXT, or texts on standard input, one a line.")
    given = sys.stdin.buffer.read().decode("utf-8-sig", errors="replace")
    lines = [line.removesuffix("\r") for line in given.split("\n")]
    return lines if lines[-1] else lines[:-1]


def _rows(one: Measured) -> Iterator[str]:
    pages = one["ussd_pages"]
    figures = f"{one['encoding']:<8}  {one['units']:>5}  {one['segments']:>8}  {len(pages):>5}"
    yield f"{figures}  {_visible(one['text'])}"
    if len(pages) > 1:
        yield from (f"{INDENT}{at}: {_visible(page)}" for at, page in enumerate(pages, 1))


def _visible(text: str) -> str:
    r"""On one line; what a terminal would obey or hide is written out, as \n or \u200b."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
