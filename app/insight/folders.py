"""A folder of files that appears when all of them are written, or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.errors import OperatorError

EVERYBODY_READS: Final = 0o755
OWNER_ALONE: Final = 0o700


@contextmanager
def appearing(out: Path, mode: int) -> Iterator[Path]:
    """A folder beside `out` that is renamed to it, with the permissions `mode`, when all went well.

    Raises OperatorError where `out` has something in it already, or cannot be made.
    """
    whole = out.resolve()
    try:
        if whole.exists() and any(whole.iterdir()):
            raise OperatorError(f"{out} is not empty", "Name a new folder, or empty this one")
        made = Path(tempfile.mkdtemp(prefix=f".{whole.name}-", dir=whole.parent))
        try:
            yield made
            made.chmod(mode)
            made.rename(whole)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        raise OperatorError(
            f"{out} cannot be written: {error.strerror}", "Name another folder"
        ) from None
