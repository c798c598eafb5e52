"""The tables of citizens' requests: what was filed, what became of it, who asked for it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from app.storage.columns import contact, identity, metadata, moment, odsc_column

STATUS = (
    "status in ('received', 'in_process', 'need_documents', 'ready', 'collected', "
    "'rejected', 'withdrawn')"
)

# While a request stands there the office's time runs, as app.requests.statuses has it.
RUNNING = "status in ('received', 'in_process', 'need_documents')"

requests = Table(
    "requests",
    metadata,
    identity(),
    # Digits alone: the ODSC's code, a random serial, a check digit.
    Column("number", Text, nullable=False, unique=True),
    # The office's own number, where it has one.
    Column("alias", Text, nullable=False, server_default=""),
    odsc_column(),
    Column("service", Text, ForeignKey("services.key"), nullable=False),
    contact(null=True),
    Column("status", Text, CheckConstraint(STATUS, name="status"), nullable=False),
    # For the citizen: which papers are needed, why it was rejected.
    Column("note", Text, nullable=False, server_default=""),
    Column("due_on", Date),
    # Official amounts on the day of filing; null where none is recorded.
    Column("fee_kip", BigInteger),
    Column("charge_kip", BigInteger),
    # The applicant agreed to be texted.
    Column("texts", Boolean, nullable=False, server_default=text("false")),
    Column("sensitive", Boolean, nullable=False, server_default=text("false")),
    Column("source", Text, nullable=False, server_default=""),
    moment("filed_at", now=True),
    moment("status_at", now=True),
    # When the office last said anything about it, be it the same as before.
    moment("news_at", now=True),
    Index("requests_alias", "odsc", "alias", unique=True, postgresql_where=text("alias <> ''")),
    Index("requests_by_alias", "alias", postgresql_where=text("alias <> ''")),
    Index(
        "requests_of_phone",
        "contact_id",
        "filed_at",
        postgresql_where=text("contact_id is not null"),
    ),
    Index(None, "odsc", "filed_at"),
    # What is still to be done, and by when.
    Index("requests_running", "odsc", "due_on", postgresql_where=text(RUNNING)),
)

# Append-only: every status, when, by whom.
request_history = Table(
    "request_history",
    metadata,
    identity(),
    Column("request_id", BigInteger, ForeignKey("requests.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    # Which staff entry, token or command it was; never a name or a number.
    Column("by", Text, nullable=False),
    Column("source", Text, nullable=False),
    moment("at"),
    Index(None, "request_id"),
)

# Signs that a request, or the answer to its invitation, is invented.
request_flags = Table(
    "request_flags",
    metadata,
    Column("request_id", BigInteger, ForeignKey("requests.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    moment("at"),
)

# "How was it?", asked of the applicant some hours after collection.
invitations = Table(
    "invitations",
    metadata,
    Column("request_id", BigInteger, ForeignKey("requests.id"), primary_key=True),
    contact(),
    Column(
        "state",
        Text,
        CheckConstraint(
            "state in ('waiting', 'sent', 'reminded', 'answered', 'closed')", name="state"
        ),
        nullable=False,
    ),
    # When the next thing is due: the question, the reminder, the end of waiting.
    moment("due_at", null=True),
    moment("sent_at", null=True),
    moment("answered_at", null=True),
    Column("conversation_id", BigInteger, ForeignKey("conversations.id")),
    Index("invitations_due", "due_at", postgresql_where=text("due_at is not null")),
    Index("invitations_of_phone", "contact_id"),
)

# Who looked up what by number without being its applicant.
lookup_tries = Table(
    "lookup_tries",
    metadata,
    identity(),
    contact(),
    # Keyed hash of the phone's block of numbers: bursts come from one box of SIM cards.
    Column("block_hash", LargeBinary, nullable=False),
    Column("number_hash", LargeBinary, nullable=False),
    Column("found", Boolean, nullable=False),
    moment("at"),
    Index(None, "contact_id", "at"),
    Index(None, "block_hash", "at"),
)

# What a system shows to the JSON API: an ODSC's own files requests, others read figures.
api_tokens = Table(
    "api_tokens",
    metadata,
    identity(),
    Column(
        "level",
        Text,
        CheckConstraint("level in ('odsc', 'district', 'province', 'country')", name="level"),
        nullable=False,
        server_default="odsc",
    ),
    odsc_column(null=True),
    Column("district", Text, ForeignKey("districts.code")),
    Column("province", Text, ForeignKey("provinces.code")),
    # May read single responses, without numbers: for statistics offices alone.
    Column("results", Boolean, nullable=False, server_default=text("false")),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    moment("created_at", now=True),
    moment("revoked_at", null=True),
    CheckConstraint(
        "(level = 'odsc') = (odsc is not null) and (level = 'district') = (district is not null)"
        " and (level = 'province') = (province is not null)",
        name="place",
    ),
)

# The first answer to each idempotency key.
api_answers = Table(
    "api_answers",
    metadata,
    Column("token_id", BigInteger, ForeignKey("api_tokens.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("body", Text, nullable=False),
    moment("at"),
    Index(None, "at"),
)
