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
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from app.storage.columns import contact, identity, moment, odsc_column
from app.storage.columns import metadata as metadata
from app.storage.registry_schema import districts as districts
from app.storage.registry_schema import fees as fees
from app.storage.registry_schema import odscs as odscs
from app.storage.registry_schema import place_aliases as place_aliases
from app.storage.registry_schema import provinces as provinces
from app.storage.registry_schema import services as services

# --- people ---------------------------------------------------------------------------------

contacts = Table(
    "contacts",
    metadata,
    identity(),
    Column("phone_hash", LargeBinary, nullable=False, unique=True),
    Column("phone_cipher", LargeBinary, nullable=False),
    Column("language", Text),
    Column("last_odsc", Text),
    moment("stopped_at", null=True),
    moment("created_at", now=True),
)

staff = Table(
    "staff",
    metadata,
    identity(),
    contact(),
    odsc_column(null=True),
    Column("district", Text, ForeignKey("districts.code")),
    Column("language", Text, nullable=False),
    moment("added_at", now=True),
    moment("removed_at", null=True),
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
    moment("stored_at", now=True),
)

# The newest row is the version that new conversations begin on.
flow_publications = Table(
    "flow_publications",
    metadata,
    identity(),
    Column("hash", Text, ForeignKey("flow_versions.hash"), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("forced", Boolean, nullable=False, server_default=text("false")),
    moment("at", now=True),
)

conversations = Table(
    "conversations",
    metadata,
    identity(),
    contact(),
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
    moment("started_at"),
    moment("turned_at"),
    # When the answers last changed and were not yet made into a response; null: nothing to do.
    moment("due_at", null=True),
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
    moment("at"),
    Index(None, "at"),
)

answers = Table(
    "answers",
    metadata,
    Column("conversation_id", BigInteger, ForeignKey("conversations.id"), primary_key=True),
    Column("question", Text, primary_key=True),
    Column("value", Text, nullable=False),
    moment("at"),
)

# Something that a person's texts of the coming days belong to.
cases = Table(
    "cases",
    metadata,
    identity(),
    Column("conversation_id", BigInteger, ForeignKey("conversations.id"), nullable=False),
    contact(),
    Column("kind", Text, nullable=False),
    moment("opened_at"),
    moment("open_until"),
    UniqueConstraint("conversation_id", "kind"),
    Index(None, "contact_id", "open_until"),
)

inbound = Table(
    "inbound",
    metadata,
    identity(),
    Column("channel", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    contact(null=True),
    Column("text", Text, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('new', 'done', 'aside', 'ignored')", name="state"),
        nullable=False,
    ),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    moment("received_at"),
    moment("next_at"),
    UniqueConstraint("channel", "provider_id"),
    Index("inbound_due", "next_at", postgresql_where=text("state = 'new'")),
    Index("inbound_order", "contact_id", "id", postgresql_where=text("state = 'new'")),
)

# --- feedback -------------------------------------------------------------------------------

responses = Table(
    "responses",
    metadata,
    identity(),
    Column(
        "conversation_id", BigInteger, ForeignKey("conversations.id"), nullable=False, unique=True
    ),
    odsc_column(),
    Column(
        "status",
        Text,
        CheckConstraint("status in ('complete', 'partial')", name="status"),
        nullable=False,
    ),
    moment("at"),
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
    identity(),
    Column("conversation_id", BigInteger, ForeignKey("conversations.id"), nullable=False),
    Column(
        "kind", Text, CheckConstraint("kind in ('rating', 'problem')", name="kind"), nullable=False
    ),
    odsc_column(),
    Column("text", Text, nullable=False),
    moment("at"),
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
    identity(),
    Column("number", Text, nullable=False, unique=True),
    odsc_column(),
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
    moment("filed_at", now=True),
    moment("status_at", now=True),
)

# --- delivery -------------------------------------------------------------------------------

outbox = Table(
    "outbox",
    metadata,
    Column("id", UUID(as_uuid=False), primary_key=True, server_default=func.gen_random_uuid()),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    contact(),
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
    moment("created_at"),
    moment("next_at"),
    moment("sent_at", null=True),
    moment("settled_at", null=True),
    Index("outbox_due", "next_at", postgresql_where=text("state in ('queued', 'sending')")),
    Index(None, "contact_id", "number"),
)

receipts = Table(
    "receipts",
    metadata,
    identity(),
    Column("message_id", UUID(as_uuid=False), ForeignKey("outbox.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    moment("at"),
    Index(None, "message_id"),
)

# --- upkeep ---------------------------------------------------------------------------------

runs = Table(
    "runs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("slot", Text, primary_key=True),
    moment("at", now=True),
)
