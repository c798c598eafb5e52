"""A folder of registry files → a Registry, or everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from app.errors import Problem, RegistryError
from app.registry import layouts, references, sheets
from app.storage.registry import Registry


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
    problems = _file_problems(files)
    provinces = sheets.read(layouts.PROVINCES, files.get(layouts.PROVINCES.file))
    districts = sheets.read(layouts.DISTRICTS, files.get(layouts.DISTRICTS.file))
    aliases = sheets.read(layouts.PLACE_ALIASES, files.get(layouts.PLACE_ALIASES.file))
    odscs = sheets.read(layouts.ODSCS, files.get(layouts.ODSCS.file))
    services = sheets.read(layouts.SERVICES, files.get(layouts.SERVICES.file))
    fees = sheets.read(layouts.FEES, files.get(layouts.FEES.file))
    closed = sheets.read(layouts.CLOSED_DAYS, files.get(layouts.CLOSED_DAYS.file))
    for sheet in (provinces, districts, aliases, odscs, services, fees, closed):
        problems += sheet.problems
    problems += references.district_problems(districts, provinces)
    problems += references.alias_problems(aliases, provinces, districts)
    problems += references.odsc_problems(odscs, districts)
    problems += references.service_problems(services)
    problems += references.fee_problems(fees, services, odscs)
    problems += references.closed_day_problems(closed, odscs)
    if problems:
        raise RegistryError(sorted(problems, key=_place))
    return Registry(
        provinces=provinces.plain(),
        districts=districts.plain(),
        place_aliases=aliases.plain(),
        odscs=odscs.plain(),
        services=services.plain(),
        fees=fees.plain(),
        closed_days=closed.plain(),
    )


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
