"""Tables of insight: released figures, alerts and what was done about them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from app.storage.columns import identity, metadata, moment, odsc_column

# A week whose figures are out. Figures that moved afterwards could be subtracted from each
# other, so what was released stays as it is.
releases = Table(
    "releases",
    metadata,
    Column(
        "week",
        Text,
        CheckConstraint("week ~ '^[0-9]{4}-W[0-9]{2}$'", name="week"),
        primary_key=True,
    ),
    moment("made_at"),
)

# What is published of one area and week, with small cells left out: the very JSON that is sent.
released_figures = Table(
    "released_figures",
    metadata,
    Column("week", Text, ForeignKey("releases.week"), primary_key=True),
    Column(
        "level",
        Text,
        CheckConstraint(
            "level in ('odsc', 'district', 'province', 'country', 'group')", name="level"
        ),
        primary_key=True,
    ),
    Column("code", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Index(None, "level", "code", "week"),
)

# A rule that holds at a center: one of a rule about a subject is open at a time.
alerts = Table(
    "alerts",
    metadata,
    identity(),
    Column("rule", Text, nullable=False),
    odsc_column(),
    # What it is about beside the center, such as a reason; "" where the rule says it all.
    Column("subject", Text, nullable=False, server_default=""),
    # Who was told last; the next level follows at `escalate_at` unless somebody acknowledges.
    Column(
        "level",
        Text,
        CheckConstraint("level in ('odsc', 'district', 'province', 'country')", name="level"),
        nullable=False,
        server_default="odsc",
    ),
    moment("raised_at"),
    moment("escalate_at", null=True),
    moment("acknowledged_at", null=True),
    Column("acknowledged_by", BigInteger, ForeignKey("staff.id")),
    moment("cleared_at", null=True),
    # When the figures before and after go to those who were told; null: they went, or never will.
    moment("follow_up_at", null=True),
    Index(
        "alerts_one_open",
        "rule",
        "odsc",
        "subject",
        unique=True,
        postgresql_where=text("cleared_at is null"),
    ),
    Index("alerts_escalating", "escalate_at", postgresql_where=text("escalate_at is not null")),
    Index("alerts_following", "follow_up_at", postgresql_where=text("follow_up_at is not null")),
)

# What staff wrote of an alert: `OK 17 new price list is up`.
alert_notes = Table(
    "alert_notes",
    metadata,
    identity(),
    Column("alert_id", BigInteger, ForeignKey("alerts.id"), nullable=False),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False),
    Column("text", Text, nullable=False),
    moment("at"),
    Index(None, "alert_id"),
)
