"""Channels and delivery: parts, histories, providers' ids, alarms.

Revision: 0002
Follows: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CHECKS = (
    (
        "inbound",
        "inbound_state_check",
        "state in ('new', 'done', 'aside', 'ignored', 'part', 'joined')",
    ),
    (
        "outbox",
        "outbox_purpose_check",
        "purpose in ('consent', 'reply', 'alarm', 'canary', 'confirmation', 'notice', "
        "'digest', 'bulk')",
    ),
    (
        "outbox",
        "outbox_state_check",
        "state in ('queued', 'sending', 'unknown', 'sent', 'delivered', 'undelivered', "
        "'failed', 'expired', 'dead', 'suppressed')",
    ),
    ("staff", "staff_level_check", "level in ('odsc', 'district', 'operator')"),
    (
        "staff",
        "staff_place_check",
        "(level = 'odsc') = (odsc is not null) and (level = 'district') = (district is not null)",
    ),
)
# In the database, so that no change of a state can go without its line.
HISTORY = """
CREATE FUNCTION outbox_remembers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox_history (message_id, state, channel, reason)
    VALUES (NEW.id, NEW.state, NEW.channel, NEW.reason);
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_begins AFTER INSERT ON outbox
    FOR EACH ROW EXECUTE FUNCTION outbox_remembers();
CREATE TRIGGER outbox_changes AFTER UPDATE ON outbox
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state
                       OR OLD.channel IS DISTINCT FROM NEW.channel)
    EXECUTE FUNCTION outbox_remembers();
INSERT INTO outbox_history (message_id, state, channel, reason, at)
    SELECT id, state, channel, reason, coalesce(settled_at, sent_at, created_at) FROM outbox;
"""


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("alarms_pkey")),
    )
    op.create_index(
        "alarms_open",
        "alarms",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_table(
        "channel_states",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("down_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pauses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("channel", name=op.f("channel_states_pkey")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "device", name=op.f("heartbeats_pkey")),
    )
    op.create_table(
        "outbox_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox.id"], name=op.f("outbox_history_message_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_history_pkey")),
    )
    op.create_index(
        op.f("outbox_history_message_id_idx"), "outbox_history", ["message_id"], unique=False
    )
    op.create_table(
        "provider_refs",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("message_id", sa.UUID(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox.id"], name=op.f("provider_refs_message_id_fkey")
        ),
        sa.PrimaryKeyConstraint("channel", "ref", name=op.f("provider_refs_pkey")),
    )
    op.create_index(
        op.f("provider_refs_message_id_idx"), "provider_refs", ["message_id"], unique=False
    )
    op.add_column("inbound", sa.Column("body_hash", sa.LargeBinary(), nullable=True))
    op.add_column("inbound", sa.Column("part_ref", sa.Text(), nullable=True))
    op.add_column("inbound", sa.Column("part_number", sa.SmallInteger(), nullable=True))
    op.add_column("inbound", sa.Column("part_total", sa.SmallInteger(), nullable=True))
    op.create_index(
        "inbound_parts",
        "inbound",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'part'"),
    )
    op.create_index("inbound_recent", "inbound", ["contact_id", "received_at"], unique=False)
    op.add_column("outbox", sa.Column("cost_kip", sa.Integer(), server_default="0", nullable=False))
    op.add_column("outbox", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE outbox SET expires_at = created_at + interval '3 days'")
    op.alter_column("outbox", "expires_at", nullable=False)
    op.add_column("outbox", sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE outbox SET tried_at = coalesce(sent_at, next_at) WHERE attempts > 0")
    for name, default in (("parts", "1"), ("doubts", "0")):
        column = sa.Column(name, sa.SmallInteger(), server_default=default, nullable=False)
        op.add_column("outbox", column)
    op.execute("UPDATE outbox SET doubts = 1 WHERE state = 'unknown'")
    op.add_column("outbox", sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "outbox", sa.Column("asked", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.create_index(
        "outbox_asking",
        "outbox",
        ["ask_at"],
        unique=False,
        postgresql_where=sa.text("ask_at is not null"),
    )
    op.create_index(
        "outbox_doubtful",
        "outbox",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'unknown'"),
    )
    op.create_index(
        "outbox_expiring",
        "outbox",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "outbox_queue",
        "outbox",
        ["channel", "purpose", "next_at", "number"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "outbox_canaries",
        "outbox",
        ["channel", "number"],
        unique=False,
        postgresql_where=sa.text("purpose = 'canary'"),
    )
    op.create_index(
        "outbox_spending", "outbox", ["tried_at"], unique=False, postgresql_include=["cost_kip"]
    )
    op.create_index(
        "outbox_unreported",
        "outbox",
        ["sent_at"],
        unique=False,
        postgresql_where=sa.text("state = 'sent'"),
    )
    op.add_column("receipts", sa.Column("channel", sa.Text()))
    op.execute(
        "UPDATE receipts SET channel = outbox.channel FROM outbox WHERE outbox.id = message_id"
    )
    op.alter_column("receipts", "channel", nullable=False)
    op.add_column(
        "receipts", sa.Column("provider_ref", sa.Text(), server_default="", nullable=False)
    )
    op.add_column("receipts", sa.Column("phone_hash", sa.LargeBinary(), nullable=True))
    op.add_column(
        "receipts",
        sa.Column("opted_out", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.alter_column("receipts", "message_id", existing_type=sa.UUID(), nullable=True)
    op.create_index(
        "receipts_waiting",
        "receipts",
        ["channel", "provider_ref"],
        unique=False,
        postgresql_where=sa.text("message_id is null"),
    )
    op.add_column("staff", sa.Column("level", sa.Text()))
    op.execute("UPDATE staff SET level = CASE WHEN odsc IS NULL THEN 'district' ELSE 'odsc' END")
    op.alter_column("staff", "level", nullable=False)
    op.drop_index(op.f("staff_once"), table_name="staff", postgresql_where="(removed_at IS NULL)")
    op.create_index(
        "staff_once",
        "staff",
        [
            "contact_id",
            "level",
            sa.literal_column("coalesce(odsc, '')"),
            sa.literal_column("coalesce(district, '')"),
        ],
        unique=True,
        postgresql_where=sa.text("removed_at is null"),
    )
    _replace_checks()
    op.execute(HISTORY)


def _replace_checks() -> None:
    for table, name, condition in CHECKS:
        op.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"')
        op.create_check_constraint(op.f(name), table, condition)
