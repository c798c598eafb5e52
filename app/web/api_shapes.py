"""The documents of the JSON API. One source for what is accepted and for what is documented."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from app.requests.filing import LONGEST_NOTE, Filing
from app.requests.statuses import overdue
from app.storage.request_pages import Place
from app.storage.requests import Change, Request
from app.words import REQUEST_STATUSES

LARGEST_PAGE: Final = 200
SERVICES: Final = "services"
"""Under this name validation is told which services there are."""

# --- values -----------------------------------------------------------------------------------

_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LEAP_SECOND: Final = re.compile(r"(?<=:[0-9]{2}):60")
_FIRST_MOMENT: Final = datetime.min.replace(tzinfo=UTC)
_LAST_MOMENT: Final = datetime.max.replace(tzinfo=UTC)

_WRITTEN: Final = r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]"
_LAO: Final = "\u0e81-\u0eae\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec4\u0ed0-\u0ed9\u0edc-\u0edf"
_SIGN: Final = f"[0-9A-Za-z{_LAO}]"
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
        return _FIRST_MOMENT if written.startswith("0") else _LAST_MOMENT
    except ValueError:
        raise _no_moment() from None


def _no_moment() -> PydanticCustomError:
    return PydanticCustomError(
        "bad_date", "Input should be a date and time with an offset, such as 2026-01-05T09:00:00Z"
    )


def _one_of(known: Collection[str]) -> Callable[[str], str]:
    def check(given: str) -> str:
        if given not in known:
            raise PydanticCustomError("literal_error", f"Input should be {', '.join(known)}")
        return given

    return check


def _service(given: str, info: ValidationInfo) -> str:
    if given not in (info.context or {})[SERVICES]:
        raise PydanticCustomError("unknown_service", "There is no such service")
    return given


def _whole(given: object) -> int:
    if not isinstance(given, str) or re.fullmatch("[0-9]{1,9}", given) is None:
        raise PydanticCustomError("int_type", "Input should be a whole number")
    if not 1 <= int(given) <= LARGEST_PAGE:
        raise PydanticCustomError("out_of_range", f"Input should be 1 to {LARGEST_PAGE}")
    return int(given)


Moment = Annotated[
    datetime,
    PlainValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
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
        description="For the citizen: which papers are needed, why it was rejected",
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
        pattern=f"^{_SIGN}[-0-9A-Za-z{_LAO} ./_]{{1,38}}{_SIGN}$",
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


# --- what comes in ----------------------------------------------------------------------------


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class NewRequest(_Given):
    """A request as the office files it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "service": "id_card",
                    "phone": "020 5551 2345",
                    "own_number": "BPC-2026/0117",
                    "texts": True,
                }
            ]
        }
    )

    service: Service = Field(description="The service's key")
    odsc: str | None = Field(
        None, pattern="^[0-9]{4}$", description="The ODSC's code: if given, the token's own"
    )
    phone: Phone | None = None
    own_number: OwnNumber | None = None
    number: OurNumber | None = None
    status: Status = "received"
    note: Note = ""
    filed_at: Moment | None = Field(None, description="Now, where it is left out")
    texts: bool = Field(False, description="The applicant agreed to be texted")
    sensitive: bool | None = Field(
        None, description="The service is not named in SMS; else as the registry says"
    )

    def filing(self, odsc: str) -> Filing:
        """What the registry of requests is told."""
        return Filing(
            odsc=odsc,
            service=self.service,
            phone=self.phone or "",
            alias=self.own_number or "",
            number=self.number,
            status=self.status,
            note=self.note,
            filed_at=self.filed_at,
            texts=self.texts,
            sensitive=self.sensitive,
        )


class Move(_Given):
    """What became of a request. The same status without a new note says that nothing changed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "need_documents", "note": "ສຳເນົາສຳມະໂນຄົວ"}],
        }
    )

    status: Status
    note: Note = ""


class Listing(_Given):
    """Which requests are listed: in order of filing, the first first."""

    model_config = ConfigDict(strict=False)

    status: Status | None = Field(None, description="Only those in this status")
    updated_since: Moment | None = Field(None, description="Only those with news from then on")
    cursor: str | None = Field(
        None, pattern="^[0-9]{1,17}-[0-9]{1,18}$", description="`next` of the page before"
    )
    limit: Annotated[
        int,
        PlainValidator(_whole),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 100}),
    ] = Field(100, description="The most that one page holds")

    @property
    def after(self) -> Place | None:
        """Where the cursor points."""
        if self.cursor is None:
            return None
        passed, _, request_id = self.cursor.partition("-")
        return Place(_FIRST_MOMENT + timedelta(microseconds=int(passed)), int(request_id))


def cursor(last: Request) -> str:
    """Where the page behind this request begins."""
    passed = last.filed_at.astimezone(UTC) - _FIRST_MOMENT
    return f"{passed // timedelta(microseconds=1)}-{last.id}"


# --- what goes out ----------------------------------------------------------------------------


class HistoryEntry(BaseModel):
    """A status, when and by which way it came; `by` is never a name or a number."""

    status: str
    note: str
    by: str = Field(examples=["token 3", "staff 12", "import"])
    source: str
    at: AwareDatetime

    @classmethod
    def of(cls, change: Change) -> HistoryEntry:
        return cls(
            status=change.status,
            note=change.note,
            by=change.by,
            source=change.source,
            at=change.at.astimezone(UTC),
        )


class ServiceRequest(BaseModel):
    """A request as the office sees it; the applicant's phone is never part of it."""

    number: str = Field(description="Ours, which the citizen types", examples=["010312345670"])
    own_number: str | None
    odsc: str
    service: str
    status: str
    note: str
    filed_at: AwareDatetime
    status_at: AwareDatetime
    updated_at: AwareDatetime = Field(description="When the office last said anything about it")
    due_on: date | None = Field(description="The last day on which the office is in time")
    fee_kip: int | None = Field(description="The official fee on the day of filing")
    charge_kip: int | None = Field(description="The official service charge on the day of filing")
    overdue: bool
    history: list[HistoryEntry] = Field(description="The oldest first")

    @classmethod
    def of(cls, request: Request, history: Collection[Change], today: date) -> ServiceRequest:
        return cls(
            number=request.number,
            own_number=request.alias or None,
            odsc=request.odsc,
            service=request.service,
            status=request.status,
            note=request.note,
            filed_at=request.filed_at.astimezone(UTC),
            status_at=request.status_at.astimezone(UTC),
            updated_at=request.news_at.astimezone(UTC),
            due_on=request.due_on,
            fee_kip=request.fee_kip,
            charge_kip=request.charge_kip,
            overdue=overdue(request.status, request.due_on, today),
            history=[HistoryEntry.of(change) for change in history],
        )


class Page(BaseModel):
    """Some requests, and the cursor of the next page; none after the last."""

    requests: list[ServiceRequest]
    next: str | None


class InputError(BaseModel):
    """One thing wrong in what came: `field` is its name in the document, or empty."""

    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457. `code` is for programs; `field`, `code` and `detail` tell of the first error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    errors: list[InputError] | None = Field(None, description="Everything wrong, at once")


def schema_of(model: type[BaseModel], name: str) -> dict[str, Any]:
    """JSON Schema of one field."""
    return dict(model.model_json_schema()["properties"][name])
