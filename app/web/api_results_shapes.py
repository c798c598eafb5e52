"""The documents of Flow Results in the JSON API: JSON:API 1.0 shapes, as its specification has
them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.insight.editions import Wanted
from app.web.api_values import Moment, whole

LARGEST_PAGE: Final = 1000
CURSOR: Final = "^[0-9]{8}-[0-9a-f]{32}-[a-z][a-z0-9_]{0,39}$"
AFTER: Final = "page[afterCursor]"
BEFORE: Final = "page[beforeCursor]"

# --- what is asked ----------------------------------------------------------------------------


class ResponsesAsked(BaseModel):
    """Which rows of a package."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    size: Annotated[int, BeforeValidator(whole)] = Field(
        100, alias="page[size]", ge=1, le=LARGEST_PAGE, description="The most that one page holds"
    )
    after: str | None = Field(
        None, alias=AFTER, pattern=CURSOR, description="A row id: only rows behind it"
    )
    before: str | None = Field(
        None, alias=BEFORE, pattern=CURSOR, description="A row id: only rows before it, the last"
    )
    above: Moment | None = Field(
        None, alias="filter[start-timestamp]", description="Only rows of later timestamps"
    )
    until: Moment | None = Field(
        None, alias="filter[end-timestamp]", description="Only rows of this timestamp or earlier"
    )
    oldest: Moment | None = Field(
        None,
        alias="filter[min-version]",
        description="`modified` of a descriptor: only rows as new as that",
    )
    newest: Moment | None = Field(
        None,
        alias="filter[max-version]",
        description="`modified` of a descriptor: only rows that it told of",
    )

    @property
    def wanted(self) -> Wanted:
        ends: list[datetime] = [one for one in (self.until, self.newest) if one is not None]
        return Wanted(
            size=self.size,
            after=self.after,
            before=self.before,
            above=self.above,
            since=self.oldest,
            until=min(ends, default=None),
        )


# --- what is told -----------------------------------------------------------------------------

Row = Annotated[
    list[Any],
    Field(
        min_length=7,
        max_length=7,
        description="timestamp, row_id, contact_id, session_id, question_id, response, "
        "response_metadata",
    ),
]


class Itself(BaseModel):
    """Where this is read."""

    here: str = Field(serialization_alias="self")


class Links(Itself):
    """Where this page, the next and the one before are read; null where there is none."""

    next: str | None = None
    previous: str | None = None


class PackageTitle(BaseModel):
    """What a list tells of a package."""

    title: str
    name: str
    created: str
    modified: str


class PackageListed(BaseModel):
    """A package in the list."""

    type: Literal["packages"] = "packages"
    id: str
    attributes: PackageTitle


class Packages(BaseModel):
    """Every package there is, the oldest first: one a calendar quarter."""

    links: Links
    data: list[PackageListed]


class PackageData(BaseModel):
    """A package; its attributes are the descriptor."""

    type: Literal["packages"] = "packages"
    id: str
    attributes: dict[str, Any]


class Related(BaseModel):
    """Where the responses are read."""

    related: str


class ToResponses(BaseModel):
    """The way from a package to its responses."""

    links: Related


class PackageRelations(BaseModel):
    """What belongs to a package."""

    responses: ToResponses


class Package(BaseModel):
    """The descriptor of a package."""

    links: Itself
    data: PackageData
    relationships: PackageRelations


class Rows(BaseModel):
    """The rows of a page, in the order of their ids."""

    responses: list[Row]


class ToDescriptor(BaseModel):
    """The way from responses to their package."""

    links: Itself


class ResponsesRelations(BaseModel):
    """What belongs to responses, and the way to more of them."""

    descriptor: ToDescriptor
    links: Links


class ResponsesData(BaseModel):
    """Some responses; the id is the package's."""

    type: Literal["responses"] = "responses"
    id: str
    attributes: Rows
    relationships: ResponsesRelations


class Responses(BaseModel):
    """A page of a package. Its links stand where JSON:API has them, and where Flow Results does."""

    links: Links
    data: ResponsesData
