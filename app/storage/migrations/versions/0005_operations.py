"""Processes that live, backups, purges; whose answer a message is.

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("backups_pkey")),
    )
    op.create_table(
        "processes",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", "pid", name=op.f("processes_pkey")),
    )
    op.create_index(op.f("processes_seen_at_idx"), "processes", ["seen_at"], unique=False)
    op.create_table(
        "purges",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("numbers_before", sa.Date(), nullable=False),
        sa.Column("texts_before", sa.Date(), nullable=False),
        sa.Column("erased", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("purges_pkey")),
    )
    op.add_column("outbox", sa.Column("conversation_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("outbox_conversation_id_fkey"), "outbox", "conversations", ["conversation_id"], ["id"]
    )
    op.create_index(
        "inbound_aside",
        "inbound",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'aside'"),
    )
    op.create_index(
        "outbox_dead_letters",
        "outbox",
        ["number"],
        unique=False,
        postgresql_where=sa.text(
            "state in ('dead', 'expired', 'unknown') and (sent_at is null or doubts > 0)"
        ),
    )
