"""Registry files into the database: everything or nothing, one load at a time.

A start loads the configured folder (config/registry), a person any folder by hand, e.g. the
ministry's own. The two must not undo each other, so every load leaves one mark: the fingerprint
of the CONFIGURED folder as it was then, whichever folder was loaded. A start compares:

- the same: the configured files have not changed since the last load of either kind. Nothing to
  do, so a start is fast, and what was loaded by hand stays;
- different, or no mark at all: they were changed after the last load, or nothing was loaded yet.
  They are the newest word and are loaded, over what was loaded by hand too.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from app.registry import files
from app.storage import registry_loading as storage
from app.storage.registry_loading import Changes


def load(engine: Engine, folder: Path, *, configured: Path | None = None) -> Changes:
    """Make the database hold exactly the folder's registry, and say what changed.

    `configured` is the folder that a start loads; without it, `folder` is that folder. Raises
    RegistryError with every problem and then changes nothing.
    """
    given = files.contents(folder)
    registry = files.parse(given)
    mark = files.fingerprint(given if configured is None else _contents_if_any(configured))
    with engine.begin() as tx:
        storage.lock(tx)
        changes = storage.replace(tx, registry)
        storage.set_mark(tx, mark)
    return changes


def load_if_changed(engine: Engine, folder: Path) -> bool:
    """What a start does: load the configured folder if it changed since the last load.

    Tells whether it loaded.
    """
    mark = files.fingerprint(files.contents(folder))
    with engine.connect() as connection:
        if storage.mark(connection) == mark:
            return False
    load(engine, folder)
    return True


def _contents_if_any(folder: Path) -> dict[str, bytes]:
    """A configured folder that is not there is no reason to refuse another by hand."""
    return files.contents(folder) if folder.is_dir() else {}
