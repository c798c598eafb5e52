"""What all tables share: the metadata with its naming rules, and columns written often."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, MetaData, Text, func

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def moment(name: str, *, now: bool = False, null: bool = False) -> Column[object]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=null, server_default=default)


def identity() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def contact(*, null: bool = False) -> Column[int]:
    return Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=null)


def odsc_column(*, null: bool = False) -> Column[str]:
    return Column("odsc", Text, ForeignKey("odscs.code"), nullable=null)
