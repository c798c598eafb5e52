"""PURE but for reading config/languages/*/tables.yaml: what the words of the tables mean, for
people (dictionary.csv) and for programs (datapackage.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app import sentences
from app.feedback.cells import REASONS, SEXES
from app.insight.dimensions import NAMES
from app.insight.figures import LEVELS
from app.insight.observations import NO_ANSWERS, TOO_FEW
from app.sentences import Placeholders, Sentences
from app.words import Language

FILE: Final = "tables.yaml"
DESCRIPTOR: Final = "datapackage.json"
FORMULA: Final = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet may take for the beginning of a formula."""

_SHARE: Final = "share, 0 to 1"
_ANSWERS: Final = "answers"
_SATISFACTION: Final = "SDG 16.6.2"
UNITS: Final[Mapping[str, tuple[str, str]]] = {
    "answers": (_ANSWERS, ""),
    "satisfied": (_ANSWERS, _SATISFACTION),
    "satisfaction": (_SHARE, _SATISFACTION),
    "score": (_ANSWERS, ""),
    "mean": ("score, 1 to 5", ""),
    "reason": (_ANSWERS, ""),
    "overcharged": (_ANSWERS, ""),
    **{name: (_SHARE, f"SUFS: {name}") for name in NAMES},
    "requests_running": ("requests", ""),
    "requests_overdue": ("requests", ""),
    "districts_left_out": ("districts", ""),
    "extra": (_ANSWERS, ""),
}
"""Of every measure its unit, and the indicator or survey that it belongs to."""

_NOTES: Final = (TOO_FEW, NO_ANSWERS)
_COLUMNS: Final = (
    *("week", "from", "to", "level", "code", "name_lo", "name_en", "province", "district"),
    *("districts", "measure", "answer", "sex", "service", "value", "n", "low", "high", "note"),
    *("kind", "name", "meaning_lo", "meaning_en", "unit", "indicator"),
)
_KINDS: Final[Mapping[str, Sequence[str]]] = {
    "column": _COLUMNS,
    "level": LEVELS,
    "measure": tuple(UNITS),
    "reason": REASONS,
    "sex": SEXES,
    "note": _NOTES,
}
MEANINGS: Final[Placeholders] = {
    f"{kind}_{name.replace(' ', '_')}": () for kind, names in _KINDS.items() for name in names
}


@dataclass(frozen=True, slots=True)
class Table:
    """A file of the package."""

    name: str
    columns: Sequence[str]
    key: Sequence[str]

    @property
    def path(self) -> str:
        return f"{self.name}.csv"


def meanings(languages: Path) -> dict[Language, Sentences]:
    """What columns and measures mean, in every language that has it. Raises FlowError."""
    return sentences.load_all(languages, FILE, MEANINGS)


def dictionary(
    said: Mapping[Language, Sentences], services: Iterable[tuple[str, str, str]]
) -> Iterator[tuple[str, ...]]:
    """Rows: kind, name, what it means in Lao and in English, unit, indicator."""
    for kind, names in _KINDS.items():
        for name in names:
            key = f"{kind}_{name.replace(' ', '_')}"
            unit, indicator = UNITS[name] if kind == "measure" else ("", "")
            yield kind, name, said["lo"][key], said["en"][key], unit, indicator
    for key, lao, english in services:
        yield "service", key, lao, english, "", ""


def descriptor(files: Sequence[tuple[Table, tuple[int, str]]], said: Sentences) -> bytes:
    """datapackage.json of tables, each with its octets and their SHA-256."""
    package = {
        "profile": "tabular-data-package",
        "name": "siang-figures",
        "title": "Satisfaction with One Door Service Centers of Lao PDR, by ISO week",
        "resources": [_resource(table, *written, said) for table, written in files],
    }
    return f"{json.dumps(package, ensure_ascii=False, indent=2)}\n".encode()


def _resource(table: Table, octets: int, digest: str, said: Sentences) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "fields": [_field(name, said) for name in table.columns],
        "missingValues": [""],
        "primaryKey": list(table.key),
    }
    if table.name == "figures":
        place = ["level", "code"]
        schema["foreignKeys"] = [
            {"fields": place, "reference": {"resource": "areas", "fields": place}}
        ]
    return {
        "profile": "tabular-data-resource",
        "name": table.name,
        "path": table.path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": octets,
        "hash": f"sha256:{digest}",
        "schema": schema,
    }


_TYPES: Final = {"from": "date", "to": "date", "n": "integer"} | dict.fromkeys(
    ("value", "low", "high"), "number"
)
_CONSTRAINTS: Final[Mapping[str, Mapping[str, object]]] = {
    "week": {"required": True, "pattern": "[0-9]{4}-W[0-9]{2}"},
    "level": {"required": True, "enum": list(LEVELS)},
    "code": {"required": True},
    "sex": {"enum": list(SEXES)},
    "note": {"enum": list(_NOTES)},
    "n": {"minimum": 0},
    "low": {"minimum": 0, "maximum": 1},
    "high": {"minimum": 0, "maximum": 1},
    "value": {"minimum": 0},
}


def _field(name: str, said: Sentences) -> dict[str, Any]:
    described = {
        "name": name,
        "type": _TYPES.get(name, "string"),
        "description": said[f"column_{name}"],
    }
    constraints = _CONSTRAINTS.get(name)
    return described if constraints is None else {**described, "constraints": constraints}
