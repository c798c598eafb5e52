"""All tables and constraints (SQLAlchemy Core, PostgreSQL).

Phone numbers stand in one place: `contacts`, encrypted, found by keyed hash. Everything else
points there. Times are aware UTC; `day` columns are Asia/Vientiane's.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def _moment(name: str, *, now: bool = False, null: bool = False) -> Column[object]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=null, server_default=default)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _contact(*, null: bool = False) -> Column[int]:
    return Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=null)


def _odsc(*, null: bool = False) -> Column[str]:
    return Column("odsc", Text, ForeignKey("odscs.code"), nullable=null)


# --- registry -------------------------------------------------------------------------------

provinces = Table(
    "provinces",
    metadata,
    Column("code", Text, CheckConstraint("code ~ '^[0-9]{2}$'", name="code"), primary_key=True),
    Column("iso", Text, nullable=False, unique=True),
    Column("name_lo", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)

districts = Table(
    "districts",
    metadata,
    Column("code", Text, CheckConstraint("code ~ '^[0-9]{4}$'", name="code"), primary_key=True),
    Column("province", Text, ForeignKey("provinces.code"), nullable=False),
    Column("name_lo", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)

place_aliases = Table(
    "place_aliases",
    metadata,
    Column("code", Text, primary_key=True),
    Column("alias", Text, primary_key=True),
    Column("level", Text, CheckConstraint("level in ('province', 'district')", name="level")),
)

odscs = Table(
    "odscs",
    metadata,
    Column("code", Text, CheckConstraint("code ~ '^[0-9]{4}$'", name="code"), primary_key=True),
    Column("district", Text, ForeignKey("districts.code"), nullable=False),
    Column("name_lo", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("opened", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False),
)

services = Table(
    "services",
    metadata,
    Column("key", Text, CheckConstraint("key ~ '^[a-z][a-z0-9_]*$'", name="key"), primary_key=True),
    Column("position", Integer, nullable=False, unique=True),
    Column("name_lo", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("papers_lo", Text, nullable=False, server_default=""),
    Column("papers_en", Text, nullable=False, server_default=""),
    Column("days", Integer, CheckConstraint("days > 0", name="days")),
    Column("source", Text, nullable=False),
)

fees = Table(
    "fees",
    metadata,
    _id(),
    Column("service", Text, ForeignKey("services.key"), nullable=False),
    _odsc(null=True),
    Column("fee_kip", BigInteger, CheckConstraint("fee_kip >= 0", name="fee")),
    Column("charge_kip", BigInteger, CheckConstraint("charge_kip >= 0", name="charge")),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("legal_ref", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False),
    UniqueConstraint("service", "odsc", "valid_from", postgresql_nulls_not_distinct=True),
)

# --- people ---------------------------------------------------------------------------------

contacts = Table(
    "contacts",
    metadata,
    _id(),
    Column("phone_hash", LargeBinary, nullable=False, unique=True),
    Column("phone_cipher", LargeBinary, nullable=False),
    Column("language", Text),
    Column("last_odsc", Text),
    _moment("stopped_at", null=True),
    _moment("created_at", now=True),
)

staff = Table(
    "staff",
    metadata,
    _id(),
    _contact(),
    _odsc(null=True),
    Column("district", Text, ForeignKey("districts.code")),
    Column("language", Text, nullable=False),
    _moment("added_at", now=True),
    _moment("removed_at", null=True),
    CheckConstraint("(odsc is null) <> (district is null)", name="place"),
    Index(
        "staff_once",
        "contact_id",
        text("coalesce(odsc, '')"),
        text("coalesce(district, '')"),
        unique=True,
        postgresql_where=text("removed_at is null"),
    ),
)

# --- conversations --------------------------------------------------------------------------

flow_versions = Table(
    "flow_versions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("sources", JSONB, nullable=False),
    _moment("stored_at", now=True),
)

conversations = Table(
    "conversations",
    metadata,
    _id(),
    _contact(),
    Column("channel", Text, nullable=False),
    Column(
        "medium", Text, CheckConstraint("medium in ('ussd', 'sms')", name="medium"), nullable=False
    ),
    Column("session", Text, nullable=False, server_default=""),
    Column("path_length", Integer, nullable=False, server_default="0"),
    Column("path_hash", LargeBinary, nullable=False, server_default=""),
    Column("flow", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("state", JSONB, nullable=False),
    Column(
        "status",
        Text,
        CheckConstraint("status in ('open', 'finished', 'abandoned', 'replaced')", name="status"),
        nullable=False,
    ),
    _moment("started_at"),
    _moment("turned_at"),
    # When the answers last changed and were not yet made into a response; null: nothing to do.
    _moment("due_at", null=True),
    Index(
        "conversations_one_open",
        "contact_id",
        "medium",
        unique=True,
        postgresql_where=text("status = 'open'"),
    ),
    Index(None, "contact_id", "session"),
    Index("conversations_due", "due_at", postgresql_where=text("due_at is not null")),
    Index("conversations_silent", "turned_at", postgresql_where=text("status = 'open'")),
)

turns = Table(
    "turns",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), primary_key=True),
    Column("path_hash", LargeBinary, primary_key=True),
    Column("reply", Text, nullable=False),
    Column("ends", Boolean, nullable=False),
    _moment("at"),
    Index(None, "at"),
)

answers = Table(
    "answers",
    metadata,
    Column("conversation_id", BigInteger, ForeignKey("conversations.id"), primary_key=True),
    Column("question", Text, primary_key=True),
    Column("value", Text, nullable=False),
    _moment("at"),
)

inbound = Table(
    "inbound",
    metadata,
    _id(),
    Column("channel", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    _contact(null=True),
    Column("text", Text, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('new', 'done', 'aside', 'ignored')", name="state"),
        nullable=False,
    ),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    _moment("received_at"),
    _moment("next_at"),
    UniqueConstraint("channel", "provider_id"),
    Index("inbound_due", "next_at", postgresql_where=text("state = 'new'")),
    Index("inbound_order", "contact_id", "id", postgresql_where=text("state = 'new'")),
)

# --- feedback -------------------------------------------------------------------------------

responses = Table(
    "responses",
    metadata,
    _id(),
    Column(
        "conversation_id", BigInteger, ForeignKey("conversations.id"), nullable=False, unique=True
    ),
    _odsc(),
    Column(
        "status",
        Text,
        CheckConstraint("status in ('complete', 'partial')", name="status"),
        nullable=False,
    ),
    _moment("at"),
    Column("day", Date, nullable=False),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column(
        "score",
        SmallInteger,
        CheckConstraint("score between 1 and 5", name="score"),
        nullable=False,
    ),
    Column("service", Text, ForeignKey("services.key")),
    Column("reason", Text),
    Column("paid", BigInteger, CheckConstraint("paid >= 0", name="paid")),
    Column("overcharged", Boolean, nullable=False, server_default=text("false")),
    Column("sex", Text, CheckConstraint("sex in ('F', 'M')", name="sex")),
    Index(None, "odsc", "day"),
)

comments = Table(
    "comments",
    metadata,
    _id(),
    Column("conversation_id", BigInteger, ForeignKey("conversations.id"), nullable=False),
    Column(
        "kind", Text, CheckConstraint("kind in ('rating', 'problem')", name="kind"), nullable=False
    ),
    _odsc(),
    Column("text", Text, nullable=False),
    _moment("at"),
    UniqueConstraint("conversation_id", "kind"),
    Index(None, "odsc", "at"),
)

tallies = Table(
    "tallies",
    metadata,
    Column("day", Date, primary_key=True),
    Column("odsc", Text, ForeignKey("odscs.code"), primary_key=True),
    # "" where the response names none: a key column cannot be null.
    Column("service", Text, primary_key=True),
    Column("question", Text, primary_key=True),
    Column("answer", Text, primary_key=True),
    Column("sex", Text, primary_key=True),
    Column("n", Integer, CheckConstraint("n >= 0", name="n"), nullable=False),
    Index(None, "odsc", "day"),
)

# --- requests -------------------------------------------------------------------------------

requests = Table(
    "requests",
    metadata,
    _id(),
    Column("number", Text, nullable=False, unique=True),
    _odsc(),
    Column("service", Text, ForeignKey("services.key"), nullable=False),
    Column(
        "status",
        Text,
        CheckConstraint(
            "status in ('received', 'in_process', 'need_documents', 'ready', 'collected', "
            "'rejected', 'withdrawn')",
            name="status",
        ),
        nullable=False,
    ),
    _moment("filed_at", now=True),
    _moment("status_at", now=True),
)

# --- delivery -------------------------------------------------------------------------------

outbox = Table(
    "outbox",
    metadata,
    Column("id", UUID(as_uuid=False), primary_key=True, server_default=func.gen_random_uuid()),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    _contact(),
    Column("channel", Text, nullable=False),
    Column(
        "purpose",
        Text,
        CheckConstraint("purpose in ('consent', 'reply', 'digest')", name="purpose"),
        nullable=False,
    ),
    Column("text", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("segments", SmallInteger, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint(
            "state in ('queued', 'sending', 'unknown', 'sent', 'delivered', 'undelivered', "
            "'failed', 'dead', 'suppressed')",
            name="state",
        ),
        nullable=False,
    ),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("provider_ref", Text, nullable=False, server_default=""),
    # What may exist once only, e.g. one person's digest of one week.
    Column("once_key", Text, unique=True),
    _moment("created_at"),
    _moment("next_at"),
    _moment("sent_at", null=True),
    _moment("settled_at", null=True),
    Index("outbox_due", "next_at", postgresql_where=text("state in ('queued', 'sending')")),
    Index(None, "contact_id", "number"),
)

receipts = Table(
    "receipts",
    metadata,
    _id(),
    Column("message_id", UUID(as_uuid=False), ForeignKey("outbox.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    _moment("at"),
    Index(None, "message_id"),
)

# --- upkeep ---------------------------------------------------------------------------------

runs = Table(
    "runs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("slot", Text, primary_key=True),
    _moment("at", now=True),
)
