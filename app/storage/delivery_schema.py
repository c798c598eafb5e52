"""The tables of messages: what came in, what goes out, and the channels that carry them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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
from sqlalchemy.dialects.postgresql import UUID

from app.storage.columns import contact, identity, metadata, moment

inbound = Table(
    "inbound",
    metadata,
    identity(),
    Column("channel", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    contact(null=True),
    Column("text", Text, nullable=False),
    # Keyed hash of sender and text: the same provider id with another body is not the same.
    Column("body_hash", LargeBinary),
    Column(
        "state",
        Text,
        CheckConstraint(
            "state in ('new', 'done', 'aside', 'ignored', 'part', 'joined')", name="state"
        ),
        nullable=False,
    ),
    Column("part_ref", Text),
    Column("part_number", SmallInteger),
    Column("part_total", SmallInteger),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    moment("received_at"),
    moment("next_at"),
    UniqueConstraint("channel", "provider_id"),
    Index("inbound_due", "next_at", postgresql_where=text("state = 'new'")),
    Index("inbound_order", "contact_id", "id", postgresql_where=text("state = 'new'")),
    Index("inbound_recent", "contact_id", "received_at"),
    Index("inbound_parts", "next_at", postgresql_where=text("state = 'part'")),
    Index("inbound_aside", "id", postgresql_where=text("state = 'aside'")),
)

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
        CheckConstraint(
            "purpose in ('consent', 'reply', 'alarm', 'canary', 'confirmation', 'notice', "
            "'alert', 'digest', 'bulk')",
            name="purpose",
        ),
        nullable=False,
    ),
    Column("text", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("segments", SmallInteger, nullable=False),
    # As how many messages it went out, each with receipts of its own.
    Column("parts", SmallInteger, nullable=False, server_default="1"),
    Column("cost_kip", Integer, nullable=False, server_default="0"),
    Column(
        "state",
        Text,
        CheckConstraint(
            "state in ('queued', 'sending', 'unknown', 'sent', 'delivered', 'undelivered', "
            "'failed', 'expired', 'dead', 'suppressed')",
            name="state",
        ),
        nullable=False,
    ),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    # Attempts of which nobody knows whether the provider took them.
    Column("doubts", SmallInteger, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("provider_ref", Text, nullable=False, server_default=""),
    # What may exist once only, e.g. one person's digest of one week.
    Column("once_key", Text, unique=True),
    # Whose answer it is: one id through web, worker and provider.
    Column("conversation_id", BigInteger, ForeignKey("conversations.id")),
    moment("created_at"),
    moment("next_at"),
    # Not sent by then, it is of no use any more.
    moment("expires_at"),
    # When it was last claimed: an older claim may settle nothing any more.
    moment("tried_at", null=True),
    moment("sent_at", null=True),
    moment("settled_at", null=True),
    # When the provider is asked next what became of it, and how often it was.
    moment("ask_at", null=True),
    Column("asked", SmallInteger, nullable=False, server_default="0"),
    Index(
        "outbox_queue",
        "channel",
        "purpose",
        "next_at",
        "number",
        postgresql_where=text("state = 'queued'"),
    ),
    Index("outbox_due", "next_at", postgresql_where=text("state in ('queued', 'sending')")),
    Index("outbox_expiring", "expires_at", postgresql_where=text("state = 'queued'")),
    Index("outbox_doubtful", "next_at", postgresql_where=text("state = 'unknown'")),
    Index(
        "outbox_dead_letters",
        "number",
        postgresql_where=text(
            "state in ('dead', 'expired', 'unknown') and (sent_at is null or doubts > 0)"
        ),
    ),
    Index("outbox_asking", "ask_at", postgresql_where=text("ask_at is not null")),
    Index("outbox_unreported", "sent_at", postgresql_where=text("state = 'sent'")),
    Index("outbox_canaries", "channel", "number", postgresql_where=text("purpose = 'canary'")),
    # What was spent in a month is read from the index alone.
    Index("outbox_spending", "tried_at", postgresql_include=["cost_kip"]),
    Index(None, "contact_id", "number"),
)

# Every state that a message was in; a trigger writes it, so that no change is left out.
outbox_history = Table(
    "outbox_history",
    metadata,
    identity(),
    Column("message_id", UUID(as_uuid=False), ForeignKey("outbox.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("at", now=True),
    Index(None, "message_id"),
)

# The providers' own ids, one for each part that was sent apart.
provider_refs = Table(
    "provider_refs",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("message_id", UUID(as_uuid=False), ForeignKey("outbox.id"), nullable=False),
    Index(None, "message_id"),
)

# As they came; one that overtook the provider's answer waits here for its message.
receipts = Table(
    "receipts",
    metadata,
    identity(),
    Column("channel", Text, nullable=False),
    Column("message_id", UUID(as_uuid=False), ForeignKey("outbox.id")),
    Column("provider_ref", Text, nullable=False, server_default=""),
    Column("phone_hash", LargeBinary),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("opted_out", Boolean, nullable=False, server_default=text("false")),
    moment("at"),
    Index(None, "message_id"),
    Index(
        "receipts_waiting",
        "channel",
        "provider_ref",
        postgresql_where=text("message_id is null"),
    ),
)

# --- channels -------------------------------------------------------------------------------

# How each channel is: its next free moment to send, its breaker, and how far it was asked.
channel_states = Table(
    "channel_states",
    metadata,
    Column("channel", Text, primary_key=True),
    moment("slot_at", null=True),
    Column("failures", Integer, nullable=False, server_default="0"),
    moment("paused_until", null=True),
    moment("down_since", null=True),
    Column("pauses", Integer, nullable=False, server_default="0"),
    Column("cursor", Text, nullable=False, server_default=""),
    moment("asked_at", null=True),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("device", Text, primary_key=True),
    Column("detail", Text, nullable=False, server_default=""),
    moment("at"),
)

# What an operator must know. One of a kind about a subject is open at a time.
alarms = Table(
    "alarms",
    metadata,
    identity(),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("times", Integer, nullable=False, server_default="1"),
    moment("raised_at"),
    moment("last_at"),
    moment("closed_at", null=True),
    Index(
        "alarms_open",
        "kind",
        "subject",
        unique=True,
        postgresql_where=text("closed_at is null"),
    ),
)
