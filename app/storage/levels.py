"""At which level of the country somebody stands, and how a row of staff or of tokens says so.

A place is a level and a code. A row has a column with a foreign key for each of the levels that
have codes, and at most one of them is filled.
"""

from __future__ import annotations

from typing import Literal

Level = Literal["odsc", "district", "province", "country"]
StaffLevel = Literal["odsc", "district", "province", "country", "operator"]


def columns(level: StaffLevel, place: str) -> dict[str, str | None]:
    """The values of a row's columns: level, odsc, district, province."""
    filled = {name: place if name == level else None for name in ("odsc", "district", "province")}
    return {"level": level, **filled}
