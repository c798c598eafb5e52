"""Tables of the registry: what the CSV files of config/registry hold."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.storage.columns import identity, metadata, odsc_column

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
    # Not to be named in an SMS that somebody else may read.
    Column("sensitive", Boolean, nullable=False, server_default=text("false")),
    Column("source", Text, nullable=False),
)

fees = Table(
    "fees",
    metadata,
    identity(),
    Column("service", Text, ForeignKey("services.key"), nullable=False),
    odsc_column(null=True),
    Column("fee_kip", BigInteger, CheckConstraint("fee_kip >= 0", name="fee")),
    Column("charge_kip", BigInteger, CheckConstraint("charge_kip >= 0", name="charge")),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("legal_ref", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False),
    UniqueConstraint("service", "odsc", "valid_from", postgresql_nulls_not_distinct=True),
)

# When offices are closed besides weekends and public holidays; without an ODSC, all of them.
closed_days = Table(
    "closed_days",
    metadata,
    identity(),
    odsc_column(null=True),
    Column("day", Date, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    UniqueConstraint("odsc", "day", postgresql_nulls_not_distinct=True),
)

# Districts that are looked at together, such as those of a project.
district_groups = Table(
    "district_groups",
    metadata,
    Column("key", Text, CheckConstraint("key ~ '^[a-z][a-z0-9_]*$'", name="key"), primary_key=True),
    Column("name_lo", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)

group_districts = Table(
    "group_districts",
    metadata,
    Column("group_key", Text, ForeignKey("district_groups.key"), primary_key=True),
    Column("district", Text, ForeignKey("districts.code"), primary_key=True),
)

# Satisfaction as it was found before, and as it is to be, in whole percent.
targets = Table(
    "targets",
    metadata,
    Column("odsc", Text, ForeignKey("odscs.code"), primary_key=True),
    Column("baseline", Integer, CheckConstraint("baseline between 0 and 100", name="baseline")),
    Column("target", Integer, CheckConstraint("target between 0 and 100", name="target")),
    Column("reach_by", Date),
    Column("source", Text, nullable=False),
)
