"""Offices' files for tests: written row by row, imported as `siang requests import` does."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, text

from app.errors import ImportRefused
from app.requests import importing
from app.requests.filing import Registrar
from app.requests.import_rows import COLUMNS
from app.requests.importing import Imported
from app.storage import requests as storage
from app.storage.requests import Change, Request
from app.storage.schema import metadata
from tests.requests.desk import NOW

Row = Mapping[str, str]


def row(own_number: str = "KS1", **given: str) -> Row:
    """A request for an identity card at 0103, unless it says otherwise."""
    return {"own_number": own_number, "odsc": "0103", "service": "id_card"} | given


def written(rows: Sequence[Row], columns: Sequence[str] = COLUMNS) -> bytes:
    """As a spreadsheet saves it."""
    content = io.StringIO()
    sheet = csv.DictWriter(content, columns, restval="")
    sheet.writeheader()
    sheet.writerows(rows)
    return content.getvalue().encode()


@dataclass
class Files:
    """An office's folder beside a gateway; the clock is put forward by hand."""

    registrar: Registrar
    engine: Engine
    folder: Path
    now: datetime = NOW
    odsc: str = ""

    def imported(self, *rows: Row) -> Imported:
        return self.takes(written(rows))

    def takes(self, content: bytes) -> Imported:
        path = self.folder / "requests.csv"
        path.write_bytes(content)
        return importing.import_file(
            self.registrar, self.engine, path, self.odsc, self.now, lambda _: None
        )

    def refuses(self, *rows: Row) -> list[str]:
        return self.refuses_content(written(rows))

    def refuses_content(self, content: bytes) -> list[str]:
        """The problems that are told; nothing may have changed."""
        before = self.everything()
        try:
            done = self.takes(content)
        except ImportRefused as refused:
            assert self.everything() == before
            return [str(problem) for problem in refused.problems]
        raise AssertionError(f"{done} was taken")

    def request(self, own_number: str = "KS1", odsc: str = "0103") -> Request:
        with self.engine.connect() as tx:
            (found,) = storage.by_alias(tx, own_number, odsc)
            return found

    def history(self, own_number: str = "KS1") -> list[Change]:
        with self.engine.connect() as tx:
            return storage.history(tx, self.request(own_number).id)

    def texts(self) -> list[str]:
        with self.engine.connect() as tx:
            return list(tx.execute(text("SELECT text FROM outbox ORDER BY number")).scalars())

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table."""
        with self.engine.connect() as tx:
            return {
                table.name: sorted((tuple(found) for found in tx.execute(table.select())), key=repr)
                for table in metadata.sorted_tables
            }

    def sql(self, statement: str) -> None:
        with self.engine.begin() as tx:
            tx.execute(text(statement))
