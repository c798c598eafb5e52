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
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.columns import contact, identity, moment, odsc_column
from app.storage.columns import metadata as metadata
from app.storage.delivery_schema import alarms as alarms
from app.storage.delivery_schema import channel_states as channel_states
from app.storage.delivery_schema import heartbeats as heartbeats
from app.storage.delivery_schema import inbound as inbound
from app.storage.delivery_schema import outbox as outbox
from app.storage.delivery_schema import outbox_history as outbox_history
from app.storage.delivery_schema import provider_refs as provider_refs
from app.storage.delivery_schema import receipts as receipts
from app.storage.insight_schema import alert_notes as alert_notes
from app.storage.insight_schema import alerts as alerts
from app.storage.insight_schema import released_figures as released_figures
from app.storage.insight_schema import releases as releases
from app.storage.operations_schema import backups as backups
from app.storage.operations_schema import processes as processes
from app.storage.operations_schema import purges as purges
from app.storage.registry_schema import closed_days as closed_days
from app.storage.registry_schema import district_groups as district_groups
from app.storage.registry_schema import districts as districts
from app.storage.registry_schema import fees as fees
from app.storage.registry_schema import group_districts as group_districts
from app.storage.registry_schema import odscs as odscs
from app.storage.registry_schema import place_aliases as place_aliases
from app.storage.registry_schema import provinces as provinces
from app.storage.registry_schema import services as services
from app.storage.registry_schema import targets as targets
from app.storage.requests_schema import api_answers as api_answers
from app.storage.requests_schema import api_tokens as api_tokens
from app.storage.requests_schema import invitations as invitations
from app.storage.requests_schema import lookup_tries as lookup_tries
from app.storage.requests_schema import request_flags as request_flags
from app.storage.requests_schema import request_history as request_history
from app.storage.requests_schema import requests as requests

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
    # An operator is told when the gateway itself is in trouble, and has no place.
    Column(
        "level",
        Text,
        CheckConstraint(
            "level in ('odsc', 'district', 'province', 'country', 'operator')", name="level"
        ),
        nullable=False,
    ),
    odsc_column(null=True),
    Column("district", Text, ForeignKey("districts.code")),
    Column("province", Text, ForeignKey("provinces.code")),
    Column("language", Text, nullable=False),
    moment("added_at", now=True),
    moment("removed_at", null=True),
    CheckConstraint(
        "(level = 'odsc') = (odsc is not null) and (level = 'district') = (district is not null)"
        " and (level = 'province') = (province is not null)",
        name="place",
    ),
    Index(
        "staff_once",
        "contact_id",
        "level",
        text("coalesce(odsc, district, province, '')"),
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
    # The request whose applicant was asked how it was; its answers are about that one.
    Column("request_id", BigInteger, ForeignKey("requests.id")),
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
    # Of what an input with an id said: the same id with another text is a contradiction.
    Column("body_hash", LargeBinary),
    Column("reply", Text, nullable=False),
    Column("ends", Boolean, nullable=False),
    moment("at"),
    # When its screen was pushed, by channels that show screens in calls of their own.
    moment("pushed_at", null=True),
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
    Column("request_id", BigInteger, ForeignKey("requests.id")),
    # Shows signs of being invented: counted apart.
    Column("flagged", Boolean, nullable=False, server_default=text("false")),
    # Answers to the questions that config/insight.yaml adds to the core ones: question → answer.
    Column("extra", JSONB, nullable=False, server_default=text("'{}'")),
    Index(None, "odsc", "day"),
    Index("responses_request", "request_id", postgresql_where=text("request_id is not null")),
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

# --- upkeep ---------------------------------------------------------------------------------

runs = Table(
    "runs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("slot", Text, primary_key=True),
    moment("at", now=True),
)
