"""A folder of registry files that tests may spoil."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.registry.folders import GOOD, Folder, Table, as_csv


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Write a good registry; a keyword replaces a file, or adds one, by rows, text or bytes."""

    def write(**changed: Table | str | bytes) -> Path:
        for name, content in {**GOOD, **changed}.items():
            if isinstance(content, list):
                content = as_csv(content)
            raw = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{name}.csv").write_bytes(raw)
        return tmp_path

    return write
