"""Tables for whoever runs Siang: which processes live, what was backed up, what was erased."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.columns import identity, metadata, moment

# Each process says every few seconds that it lives; one that is silent is gone.
processes = Table(
    "processes",
    metadata,
    Column("host", Text, primary_key=True),
    Column("pid", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    moment("started_at"),
    moment("seen_at"),
    Index(None, "seen_at"),
)

backups = Table(
    "backups",
    metadata,
    identity(),
    Column("bytes", BigInteger, nullable=False),
    moment("at"),
    # When it was restored into a scratch database and found whole.
    moment("verified_at", null=True),
)

# What was erased because its time was over: how much of what, never whose.
purges = Table(
    "purges",
    metadata,
    identity(),
    moment("at"),
    Column("numbers_before", Date, nullable=False),
    Column("texts_before", Date, nullable=False),
    Column("erased", JSONB, nullable=False),
)
