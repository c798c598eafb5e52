"""Requests: histories, invitations, look-ups, tokens; closed days.

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lookup_tries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(), nullable=False),
        sa.Column("found", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("lookup_tries_contact_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("lookup_tries_pkey")),
    )
    op.create_index(
        op.f("lookup_tries_block_hash_at_idx"), "lookup_tries", ["block_hash", "at"], unique=False
    )
    op.create_index(
        op.f("lookup_tries_contact_id_at_idx"), "lookup_tries", ["contact_id", "at"], unique=False
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("odsc", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["odsc"], ["odscs.code"], name=op.f("api_tokens_odsc_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_tokens_pkey")),
        sa.UniqueConstraint("token_hash", name=op.f("api_tokens_token_hash_key")),
    )
    op.create_table(
        "closed_days",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("odsc", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["odsc"], ["odscs.code"], name=op.f("closed_days_odsc_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("closed_days_pkey")),
        sa.UniqueConstraint(
            "odsc", "day", name=op.f("closed_days_odsc_day_key"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_table(
        "api_answers",
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_tokens.id"], name=op.f("api_answers_token_id_fkey")
        ),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("api_answers_pkey")),
    )
    op.create_index(op.f("api_answers_at_idx"), "api_answers", ["at"], unique=False)
    op.create_table(
        "request_flags",
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name=op.f("request_flags_request_id_fkey")
        ),
        sa.PrimaryKeyConstraint("request_id", "kind", name=op.f("request_flags_pkey")),
    )
    op.create_table(
        "request_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name=op.f("request_history_request_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("request_history_pkey")),
    )
    op.create_index(
        op.f("request_history_request_id_idx"), "request_history", ["request_id"], unique=False
    )
    op.create_table(
        "invitations",
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conversation_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("invitations_contact_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("invitations_conversation_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name=op.f("invitations_request_id_fkey")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("invitations_pkey")),
    )
    op.create_index(
        "invitations_due",
        "invitations",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at is not null"),
    )
    op.create_index("invitations_of_phone", "invitations", ["contact_id"], unique=False)
    op.add_column("conversations", sa.Column("request_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("conversations_request_id_fkey"), "conversations", "requests", ["request_id"], ["id"]
    )
    op.add_column("requests", sa.Column("alias", sa.Text(), server_default="", nullable=False))
    op.add_column("requests", sa.Column("contact_id", sa.BigInteger(), nullable=True))
    op.add_column("requests", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.add_column("requests", sa.Column("due_on", sa.Date(), nullable=True))
    op.add_column("requests", sa.Column("fee_kip", sa.BigInteger(), nullable=True))
    op.add_column("requests", sa.Column("charge_kip", sa.BigInteger(), nullable=True))
    op.add_column(
        "requests",
        sa.Column("texts", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "requests",
        sa.Column("sensitive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("requests", sa.Column("source", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "requests",
        sa.Column(
            "news_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    op.create_index(
        "requests_alias",
        "requests",
        ["odsc", "alias"],
        unique=True,
        postgresql_where=sa.text("alias <> ''"),
    )
    op.create_index(
        "requests_by_alias",
        "requests",
        ["alias"],
        unique=False,
        postgresql_where=sa.text("alias <> ''"),
    )
    op.create_index(
        op.f("requests_odsc_filed_at_idx"), "requests", ["odsc", "filed_at"], unique=False
    )
    op.create_index(
        "requests_of_phone",
        "requests",
        ["contact_id", "filed_at"],
        unique=False,
        postgresql_where=sa.text("contact_id is not null"),
    )
    op.create_foreign_key(
        op.f("requests_contact_id_fkey"), "requests", "contacts", ["contact_id"], ["id"]
    )
    op.add_column("responses", sa.Column("request_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "responses",
        sa.Column("flagged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "responses_request",
        "responses",
        ["request_id"],
        unique=False,
        postgresql_where=sa.text("request_id is not null"),
    )
    op.create_foreign_key(
        op.f("responses_request_id_fkey"), "responses", "requests", ["request_id"], ["id"]
    )
    op.add_column("turns", sa.Column("body_hash", sa.LargeBinary(), nullable=True))
    op.add_column("turns", sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "services",
        sa.Column("sensitive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    # What was filed before had the office's own number.
    op.execute("UPDATE requests SET alias = number, news_at = status_at")
    op.execute(
        "INSERT INTO request_history (request_id, status, by, source, at) "
        "SELECT id, status, 'migration', 'migration', status_at FROM requests"
    )
