"""The documents of the JSON API. One source for what is accepted and for what is documented."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, timedelta
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from app.requests.filing import Filing
from app.requests.statuses import overdue
from app.storage.request_pages import Place
from app.storage.requests import Change, Request
from app.web.api_values import (
    FIRST_MOMENT,
    Moment,
    Note,
    OurNumber,
    OwnNumber,
    Phone,
    Service,
    Status,
    whole,
)

LARGEST_PAGE: Final = 200

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
    limit: Annotated[int, BeforeValidator(whole)] = Field(
        100, ge=1, le=LARGEST_PAGE, description="The most that one page holds"
    )

    @property
    def after(self) -> Place | None:
        """Where the cursor points."""
        if self.cursor is None:
            return None
        passed, _, request_id = self.cursor.partition("-")
        return Place(FIRST_MOMENT + timedelta(microseconds=int(passed)), int(request_id))


def cursor(last: Request) -> str:
    """Where the page behind this request begins."""
    passed = last.filed_at.astimezone(UTC) - FIRST_MOMENT
    return f"{passed // timedelta(microseconds=1)}-{last.id}"


# --- what goes out ----------------------------------------------------------------------------


class HistoryEntry(BaseModel):
    """A status, when and by which way it came; `by` is never a name or a number."""

    status: str
    note: str
    by: str
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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": "010312345670",
                    "own_number": "BPC20260117",
                    "odsc": "0103",
                    "service": "marriage_registration",
                    "status": "received",
                    "note": "",
                    "filed_at": "2026-01-05T02:00:00Z",
                    "status_at": "2026-01-05T02:00:00Z",
                    "updated_at": "2026-01-05T02:00:00Z",
                    "due_on": "2026-01-08",
                    "fee_kip": None,
                    "charge_kip": None,
                    "overdue": False,
                    "history": [
                        {
                            "status": "received",
                            "note": "",
                            "by": "token 3",
                            "source": "api",
                            "at": "2026-01-05T02:00:00Z",
                        }
                    ],
                }
            ]
        }
    )

    number: str = Field(description="Ours, which the citizen types")
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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Conflict",
                    "status": 409,
                    "detail": "After collected there is no ready",
                    "code": "not_allowed",
                    "field": "status",
                    "errors": [
                        {
                            "field": "status",
                            "code": "not_allowed",
                            "detail": "After collected there is no ready",
                        }
                    ],
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    errors: list[InputError] | None = Field(None, description="Everything wrong, at once")
