"""The values in documents of the JSON API: each with its form, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.requests.filing import LONGEST_NOTE
from app.words import REQUEST_STATUSES

SERVICES: Final = "services"
"""Under this name validation is told which services there are."""

_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LEAP_SECOND: Final = re.compile(r"(?<=:[0-9]{2}):60")
FIRST_MOMENT: Final = datetime.min.replace(tzinfo=UTC)
LAST_MOMENT: Final = datetime.max.replace(tzinfo=UTC)

_WRITTEN: Final = r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]"
_SIGN: Final = "0-9A-Za-z\u0e81-\u0edf"
_GAP: Final = "[ -]?"
_MOBILE: Final = (
    rf"((\+|00)856{_GAP}|0)?(20{_GAP}[2-9]|30{_GAP})[0-9]({_GAP}[0-9]){{6}}|[2-9][0-9]{{7}}"
)


def _moment(given: object) -> datetime:
    """RFC 3339 as UTC; what lies outside the calendar becomes its first or last moment."""
    if not isinstance(given, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    if _RFC_3339.fullmatch(given) is None:
        raise _no_moment()
    written = _LEAP_SECOND.sub(":59", given.upper())
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except OverflowError:
        return FIRST_MOMENT if written.startswith("0") else LAST_MOMENT
    except ValueError:
        raise _no_moment() from None


def _no_moment() -> PydanticCustomError:
    return PydanticCustomError(
        "bad_date", "Input should be a date and time with an offset, such as 2026-01-05T09:00:00Z"
    )


def _one_of(known: Collection[str]) -> Callable[[str], str]:
    def check(given: str) -> str:
        if given not in known:
            raise PydanticCustomError("literal_error", f"Input should be one of {', '.join(known)}")
        return given

    return check


def _service(given: str, info: ValidationInfo) -> str:
    if given not in (info.context or {})[SERVICES]:
        raise PydanticCustomError("unknown_service", "There is no such service")
    return given


def whole(given: object) -> int:
    if not isinstance(given, str) or re.fullmatch("[0-9]{1,9}", given) is None:
        raise PydanticCustomError("int_type", "Input should be a whole number")
    return int(given)


Moment = Annotated[datetime, BeforeValidator(_moment)]
Status = Annotated[
    str,
    AfterValidator(_one_of(REQUEST_STATUSES)),
    WithJsonSchema({"type": "string", "enum": list(REQUEST_STATUSES)}),
]
Service = Annotated[str, AfterValidator(_service)]
Note = Annotated[
    str,
    Field(
        max_length=LONGEST_NOTE,
        pattern=f"^({_WRITTEN})*$",
        description="For the citizen: which papers are needed, why it was rejected; "
        "no control characters",
    ),
]
Phone = Annotated[
    str,
    Field(
        pattern=rf"^({_MOBILE}|\+[1-9][0-9]{{6,14}})$",
        description="The applicant's mobile number, such as 020 5551 2345 or +8562055512345",
    ),
]
OwnNumber = Annotated[
    str,
    Field(
        pattern=f"^[{_SIGN}][-{_SIGN} ./_]{{1,38}}[{_SIGN}]$",
        description="The office's own number: letters and digits, kept in capitals without what "
        "stands between them",
    ),
]
OurNumber = Annotated[
    str,
    Field(
        pattern="^[0-9]{4} ?[0-9]{7} ?[0-9]$",
        description="A number of ours that the office has given out already: twelve digits",
    ),
]
