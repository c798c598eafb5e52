"""Released figures, alerts, targets, groups; staff and tokens of provinces and the country.

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PLACE = (
    "(level = 'odsc') = (odsc is not null) and (level = 'district') = (district is not null)"
    " and (level = 'province') = (province is not null)"
)


def upgrade() -> None:
    op.create_table(
        "district_groups",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name_lo", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("district_groups_pkey")),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]*$'", name=op.f("district_groups_key_check")),
    )
    op.create_table(
        "releases",
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("week", name=op.f("releases_pkey")),
        sa.CheckConstraint("week ~ '^[0-9]{4}-W[0-9]{2}$'", name=op.f("releases_week_check")),
    )
    op.create_table(
        "released_figures",
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["week"], ["releases.week"], name=op.f("released_figures_week_fkey")
        ),
        sa.PrimaryKeyConstraint("week", "level", "code", name=op.f("released_figures_pkey")),
        sa.CheckConstraint(
            "level in ('odsc', 'district', 'province', 'country', 'group')",
            name=op.f("released_figures_level_check"),
        ),
    )
    op.create_index(
        op.f("released_figures_level_code_week_idx"),
        "released_figures",
        ["level", "code", "week"],
        unique=False,
    )
    op.create_table(
        "group_districts",
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district"], ["districts.code"], name=op.f("group_districts_district_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["group_key"], ["district_groups.key"], name=op.f("group_districts_group_key_fkey")
        ),
        sa.PrimaryKeyConstraint("group_key", "district", name=op.f("group_districts_pkey")),
    )
    op.create_table(
        "targets",
        sa.Column("odsc", sa.Text(), nullable=False),
        sa.Column("baseline", sa.Integer(), nullable=True),
        sa.Column("target", sa.Integer(), nullable=True),
        sa.Column("reach_by", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["odsc"], ["odscs.code"], name=op.f("targets_odsc_fkey")),
        sa.PrimaryKeyConstraint("odsc", name=op.f("targets_pkey")),
        sa.CheckConstraint("target between 0 and 100", name=op.f("targets_target_check")),
        sa.CheckConstraint("baseline between 0 and 100", name=op.f("targets_baseline_check")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("odsc", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("level", sa.Text(), server_default="odsc", nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("escalate_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.BigInteger(), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("follow_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["acknowledged_by"], ["staff.id"], name=op.f("alerts_acknowledged_by_fkey")
        ),
        sa.ForeignKeyConstraint(["odsc"], ["odscs.code"], name=op.f("alerts_odsc_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("alerts_pkey")),
        sa.CheckConstraint(
            "level in ('odsc', 'district', 'province', 'country')", name=op.f("alerts_level_check")
        ),
    )
    op.create_index(
        "alerts_escalating",
        "alerts",
        ["escalate_at"],
        unique=False,
        postgresql_where=sa.text("escalate_at is not null"),
    )
    op.create_index(
        "alerts_following",
        "alerts",
        ["follow_up_at"],
        unique=False,
        postgresql_where=sa.text("follow_up_at is not null"),
    )
    op.create_index(
        "alerts_one_open",
        "alerts",
        ["rule", "odsc", "subject"],
        unique=True,
        postgresql_where=sa.text("cleared_at is null"),
    )
    op.create_table(
        "alert_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name=op.f("alert_notes_alert_id_fkey")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("alert_notes_staff_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("alert_notes_pkey")),
    )
    op.create_index(op.f("alert_notes_alert_id_idx"), "alert_notes", ["alert_id"], unique=False)
    op.add_column(
        "api_tokens", sa.Column("level", sa.Text(), server_default="odsc", nullable=False)
    )
    op.add_column("api_tokens", sa.Column("district", sa.Text(), nullable=True))
    op.add_column("api_tokens", sa.Column("province", sa.Text(), nullable=True))
    op.add_column(
        "api_tokens",
        sa.Column("results", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.alter_column("api_tokens", "odsc", existing_type=sa.TEXT(), nullable=True)
    op.create_foreign_key(
        op.f("api_tokens_district_fkey"), "api_tokens", "districts", ["district"], ["code"]
    )
    op.create_foreign_key(
        op.f("api_tokens_province_fkey"), "api_tokens", "provinces", ["province"], ["code"]
    )
    op.create_index(
        "requests_running",
        "requests",
        ["odsc", "due_on"],
        unique=False,
        postgresql_where=sa.text("status in ('received', 'in_process', 'need_documents')"),
    )
    op.add_column(
        "responses",
        sa.Column(
            "extra",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.add_column("staff", sa.Column("province", sa.Text(), nullable=True))
    op.drop_index(op.f("staff_once"), table_name="staff", postgresql_where="(removed_at IS NULL)")
    op.create_index(
        "staff_once",
        "staff",
        ["contact_id", "level", sa.literal_column("coalesce(odsc, district, province, '')")],
        unique=True,
        postgresql_where=sa.text("removed_at is null"),
    )
    op.create_foreign_key(op.f("staff_province_fkey"), "staff", "provinces", ["province"], ["code"])
    op.create_check_constraint(
        op.f("api_tokens_level_check"),
        "api_tokens",
        "level in ('odsc', 'district', 'province', 'country')",
    )
    op.create_check_constraint(op.f("api_tokens_place_check"), "api_tokens", PLACE)
    op.drop_constraint(op.f("staff_level_check"), "staff", type_="check")
    op.create_check_constraint(
        op.f("staff_level_check"),
        "staff",
        "level in ('odsc', 'district', 'province', 'country', 'operator')",
    )
    op.drop_constraint(op.f("staff_place_check"), "staff", type_="check")
    op.create_check_constraint(op.f("staff_place_check"), "staff", PLACE)
    op.drop_constraint(op.f("outbox_purpose_check"), "outbox", type_="check")
    op.create_check_constraint(
        op.f("outbox_purpose_check"),
        "outbox",
        "purpose in ('consent', 'reply', 'alarm', 'canary', 'confirmation', 'notice', "
        "'alert', 'digest', 'bulk')",
    )
