"""What one row says of another: codes that lead nowhere, fees that overlap, halves of a pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from app.errors import Problem
from app.registry.sheets import Located, Sheet
from app.storage.registry import (
    Alias,
    ClosedDay,
    District,
    Fee,
    Group,
    GroupDistrict,
    Odsc,
    Province,
    Service,
    Target,
)


def district_problems(sheet: Sheet[District], provinces: Sheet[Province]) -> Iterator[Problem]:
    for found in sheet.rows:
        yield from _dangling(found, "province", found.row.province, provinces, "provinces.csv")
        if not found.row.code.startswith(found.row.province):
            message = f"the code {found.row.code} is not of province {found.row.province}"
            remedy = "A district's code begins with its province's: mend one of the two"
            yield found.at.problem("code", message, remedy)


def alias_problems(
    sheet: Sheet[Alias], provinces: Sheet[Province], districts: Sheet[District]
) -> Iterator[Problem]:
    for found in sheet.rows:
        if found.row.level == "province":
            yield from _dangling(found, "code", found.row.code, provinces, "provinces.csv")
        else:
            yield from _dangling(found, "code", found.row.code, districts, "districts.csv")


def odsc_problems(sheet: Sheet[Odsc], districts: Sheet[District]) -> Iterator[Problem]:
    for found in sheet.rows:
        yield from _dangling(found, "district", found.row.district, districts, "districts.csv")


def service_problems(sheet: Sheet[Service]) -> Iterator[Problem]:
    for found in sheet.rows:
        if bool(found.row.papers_lo) != bool(found.row.papers_en):
            column = "papers_en" if found.row.papers_lo else "papers_lo"
            message = "the papers are named in one language alone"
            yield found.at.problem(column, message, "Name them in both, or in neither")


def fee_problems(
    sheet: Sheet[Fee], services: Sheet[Service], odscs: Sheet[Odsc]
) -> Iterator[Problem]:
    for found in sheet.rows:
        fee = found.row
        yield from _dangling(found, "service", fee.service, services, "services.csv")
        if fee.odsc is not None:
            yield from _dangling(found, "odsc", fee.odsc, odscs, "odscs.csv")
        if fee.fee_kip is None and fee.charge_kip is None:
            remedy = "Write the amount, 0 if it is free, or leave the row out"
            yield found.at.problem("fee_kip", "there is neither a fee nor a charge", remedy)
        if fee.valid_to is not None and fee.valid_to < fee.valid_from:
            message = f"{fee.valid_to} is before valid_from, {fee.valid_from}"
            yield found.at.problem("valid_to", message, "Mend one of the two dates")
    yield from _overlaps(sheet.rows)


def closed_day_problems(sheet: Sheet[ClosedDay], odscs: Sheet[Odsc]) -> Iterator[Problem]:
    for found in sheet.rows:
        if found.row.odsc is not None:
            yield from _dangling(found, "odsc", found.row.odsc, odscs, "odscs.csv")


def target_problems(sheet: Sheet[Target], odscs: Sheet[Odsc]) -> Iterator[Problem]:
    for found in sheet.rows:
        target = found.row
        yield from _dangling(found, "odsc", target.odsc, odscs, "odscs.csv")
        if target.target is None and target.baseline is None:
            message = "there is neither a baseline nor a target"
            yield found.at.problem("target", message, "Write one of them, or leave the row out")
        elif target.target is None and target.reach_by is not None:
            message = f"nothing is to be reached by {target.reach_by}"
            yield found.at.problem("target", message, "Write the target, or leave reach_by empty")


def group_problems(sheet: Sheet[Group], members: Sheet[GroupDistrict]) -> Iterator[Problem]:
    for found in sheet.rows:
        if members.whole and found.row.key not in members.keys:
            remedy = "Name its districts in group_districts.csv, or leave the row out"
            yield found.at.problem("key", f"the group {found.row.key} has no district", remedy)


def member_problems(
    sheet: Sheet[GroupDistrict], groups: Sheet[Group], districts: Sheet[District]
) -> Iterator[Problem]:
    for found in sheet.rows:
        yield from _dangling(found, "group", found.row.group, groups, "groups.csv")
        yield from _dangling(found, "district", found.row.district, districts, "districts.csv")


def _overlaps(rows: Iterable[Located[Fee]]) -> Iterator[Problem]:
    """Two fees of one service and place on one day: nobody could say which holds."""
    longest: dict[tuple[str, str], Located[Fee]] = {}
    for found in sorted(rows, key=lambda found: found.row.valid_from):
        fee = found.row
        before = longest.setdefault((fee.service, fee.odsc or ""), found)
        # Equal beginnings are reported as doubles of a key already.
        if before.row.valid_from < fee.valid_from <= _last_day(before.row):
            until = before.row.valid_to or "no end"
            message = f"row {before.at.row} holds from {before.row.valid_from} to {until} already"
            remedy = "End that one by valid_to on the day before this one begins"
            yield found.at.problem("valid_from", message, remedy)
        if _last_day(fee) > _last_day(before.row):
            longest[fee.service, fee.odsc or ""] = found


def _last_day(fee: Fee) -> date:
    return fee.valid_to or date.max


def _dangling(
    found: Located[Any], column: str, code: str, target: Sheet[Any], file: str
) -> Iterator[Problem]:
    # Of a file that could not be read nothing is known; that it could not is reported once.
    if target.whole and code not in target.keys:
        message = f"{code} is not in {file}"
        yield found.at.problem(column, message, f"Add it there, or mend the {column}")
