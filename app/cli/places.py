"""Options that name one place: an ODSC, a district, a province or the country."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from app.errors import OperatorError
from app.words import COUNTRY

Command = TypeVar("Command", bound=Callable[..., Any])
L = TypeVar("L", bound=str)

_OPTIONS: Final = (
    click.option("--odsc", help="The ODSC's code."),
    click.option("--district", help="The district's code: all its ODSCs."),
    click.option("--province", help="The province's code: all its districts."),
    click.option("--country", is_flag=True, help="The whole country."),
)


def options(command: Command) -> Command:
    """Let a command take these options; `chosen` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(what: str, given: Mapping[L, str | bool | None]) -> tuple[L, str]:
    """The level and the code of the one place that was given; "" for a level without places.

    Raises OperatorError where none was given, or several.
    """
    named = [(level, code) for level, code in given.items() if code not in (None, False)]
    if len(named) != 1:
        *others, last = (f"--{level}" for level in given)
        raise OperatorError(f"{what} belongs to one place", f"Give {', '.join(others)} or {last}")
    ((level, code),) = named
    if level == "country":
        return level, COUNTRY
    return level, code if isinstance(code, str) else ""
