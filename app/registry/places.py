"""Places that somebody names by their codes: an ODSC, a district, a province, the country."""

from __future__ import annotations

from sqlalchemy import Connection

from app.errors import OperatorError
from app.storage import registry
from app.storage.levels import StaffLevel


def require(tx: Connection, level: StaffLevel, code: str) -> None:
    """Raises OperatorError where the registry has no such place."""
    if level == "odsc" and registry.odsc(tx, code) is None:
        raise OperatorError(f"There is no ODSC {code}", "See config/registry/odscs.csv")
    if level == "district" and registry.district(tx, code) is None:
        raise OperatorError(f"There is no district {code}", "See config/registry/districts.csv")
    if level == "province" and registry.province(tx, code) is None:
        raise OperatorError(f"There is no province {code}", "See config/registry/provinces.csv")


def told(level: StaffLevel, code: str) -> str:
    """The place in words for an operator."""
    if level == "country":
        return "the country"
    return f"{'ODSC' if level == 'odsc' else level} {code}".rstrip()
