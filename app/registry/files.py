"""A folder of registry files → a Registry, or everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from app.errors import Problem, RegistryError
from app.registry import layouts, references, sheets
from app.registry.layouts import Layout
from app.registry.sheets import Sheet
from app.storage.registry import (
    Alias,
    ClosedDay,
    District,
    Fee,
    Group,
    GroupDistrict,
    Odsc,
    Province,
    Registry,
    Service,
    Target,
)

R = TypeVar("R")


def contents(folder: Path) -> dict[str, bytes]:
    """Every CSV file of a folder, read once: what is fingerprinted is what is loaded."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == ".csv")
        return {path.name: path.read_bytes() for path in found}
    except OSError as error:
        reason = f"this cannot be read: {error.strerror}"
        remedy = "Name a folder with the registry files that you may read"
        raise RegistryError([Problem(str(error.filename), 1, "", reason, remedy)]) from None


def fingerprint(files: Mapping[str, bytes]) -> str:
    """The same for the same files, wherever the folder is."""
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        whole.update(f"{name}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def read(folder: Path) -> Registry:
    """The registry of a folder. Raises RegistryError with all problems of all files."""
    return parse(contents(folder))


def parse(files: Mapping[str, bytes]) -> Registry:
    """The registry in the files. Raises RegistryError with all problems of all files."""
    found = _sheets(files)
    problems = _file_problems(files)
    for sheet in found.by_name().values():
        problems += sheet.problems
    problems += _reference_problems(found)
    if problems:
        raise RegistryError(sorted(problems, key=_place))
    return Registry(**{name: sheet.plain() for name, sheet in found.by_name().items()})


@dataclass(frozen=True, slots=True)
class _Sheets:
    """What could be read of every file, each under its field of the Registry."""

    provinces: Sheet[Province]
    districts: Sheet[District]
    place_aliases: Sheet[Alias]
    odscs: Sheet[Odsc]
    services: Sheet[Service]
    fees: Sheet[Fee]
    closed_days: Sheet[ClosedDay]
    targets: Sheet[Target]
    groups: Sheet[Group]
    group_districts: Sheet[GroupDistrict]

    def by_name(self) -> dict[str, Sheet[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _sheets(files: Mapping[str, bytes]) -> _Sheets:
    return _Sheets(
        provinces=_sheet(layouts.PROVINCES, files),
        districts=_sheet(layouts.DISTRICTS, files),
        place_aliases=_sheet(layouts.PLACE_ALIASES, files),
        odscs=_sheet(layouts.ODSCS, files),
        services=_sheet(layouts.SERVICES, files),
        fees=_sheet(layouts.FEES, files),
        closed_days=_sheet(layouts.CLOSED_DAYS, files),
        targets=_sheet(layouts.TARGETS, files),
        groups=_sheet(layouts.GROUPS, files),
        group_districts=_sheet(layouts.GROUP_DISTRICTS, files),
    )


def _sheet(layout: Layout[R], files: Mapping[str, bytes]) -> Sheet[R]:
    """The file's rows; of a file that may be left out, and is, it is known that it has none."""
    if layout.file in layouts.OPTIONAL and layout.file not in files:
        return Sheet(whole=True)
    return sheets.read(layout, files.get(layout.file))


def _reference_problems(found: _Sheets) -> Iterator[Problem]:
    yield from references.district_problems(found.districts, found.provinces)
    yield from references.alias_problems(found.place_aliases, found.provinces, found.districts)
    yield from references.odsc_problems(found.odscs, found.districts)
    yield from references.service_problems(found.services)
    yield from references.fee_problems(found.fees, found.services, found.odscs)
    yield from references.closed_day_problems(found.closed_days, found.odscs)
    yield from references.target_problems(found.targets, found.odscs)
    yield from references.group_problems(found.groups, found.group_districts)
    yield from references.member_problems(found.group_districts, found.groups, found.districts)


def _file_problems(files: Mapping[str, bytes]) -> list[Problem]:
    """Files that are not there, and files that nobody would read."""
    absent = [name for name in layouts.NEEDED if name not in files]
    strange = [name for name in files if name not in layouts.FILES]
    remedy = "Add it; a header alone will do where there is nothing to say"
    known = f"Rename or remove it; read are {', '.join(layouts.FILES)}"
    return [
        *(Problem(name, 1, "", "the file is missing", remedy) for name in absent),
        *(Problem(name, 1, "", "this is no file of the registry", known) for name in strange),
    ]


def _place(problem: Problem) -> tuple[int, int]:
    known = problem.file in layouts.FILES
    return (layouts.FILES.index(problem.file) if known else len(layouts.FILES), problem.line)
