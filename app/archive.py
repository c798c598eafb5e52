"""What a backup is made of: records in a compressed stream in a sealed file.

record = kind (1 octet) + length (8, big-endian) + content

S  a spooled file: its name, NUL, its content (which is encrypted already)
M  the manifest, JSON
D  a piece of pg_dump's script
E  the end, empty
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import TypeAdapter, ValidationError

from app.errors import OperatorError
from app.people.sealed_files import SealedWriter, opened

Kind = Literal[b"S", b"M", b"D", b"E"]
PREFIX = 9
# zlib's middle: a third of the size of the script at the speed at which it comes.
LEVEL = 4
_SPOOLED = re.compile(r"[0-9a-z][0-9a-z.-]{0,120}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, as its snapshot had it.

    `probe_hash` and `probe_cipher` are a made-up number sealed with the keys of the gateway: where
    it does not open, no number in the backup will. `server` is PostgreSQL's major version.
    """

    at: datetime
    server: int
    revision: str
    rows: Mapping[str, int]
    probe_hash: str = field(repr=False)
    probe_cipher: str = field(repr=False)


_MANIFEST = TypeAdapter(Manifest)


class ArchiveWriter:
    """Writes records in their order; the file is whole only after `close`."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._sealed, self._squeeze = SealedWriter(file, key), zlib.compressobj(LEVEL)

    def spooled(self, name: str, content: bytes) -> None:
        self._put(b"S", name.encode() + b"\0" + content)

    def manifest(self, manifest: Manifest) -> None:
        self._put(b"M", _MANIFEST.dump_json(manifest))

    def script(self, piece: bytes) -> None:
        self._put(b"D", piece)

    def close(self) -> None:
        self._put(b"E", b"")
        self._sealed.write(self._squeeze.flush())
        self._sealed.close()

    def _put(self, kind: Kind, content: bytes) -> None:
        prefix = kind + len(content).to_bytes(8, "big")
        self._sealed.write(self._squeeze.compress(prefix + content))


@dataclass(frozen=True, slots=True)
class Contents:
    """What a whole archive holds beside pg_dump's script, of which only the length is known."""

    manifest: Manifest
    spooled: Mapping[str, bytes] = field(repr=False)
    script_octets: int


def examine(path: Path, key: bytes) -> Contents:
    """Read all of it, to its end. Raises OperatorError where it is not whole and untouched."""
    manifest: Manifest | None = None
    spooled: dict[str, bytes] = {}
    octets = 0
    for kind, content in _records(path, key):
        if kind == b"S":
            name, _, kept = content.partition(b"\0")
            spooled[_name(path, name)] = kept
        elif kind == b"M":
            manifest = _manifest(path, content)
        octets += len(content) if kind == b"D" else 0
    if manifest is None:
        raise _unknown(path)
    return Contents(manifest, spooled, octets)


def script(path: Path, key: bytes) -> Iterator[bytes]:
    """pg_dump's script, piece by piece."""
    return (content for kind, content in _records(path, key) if kind == b"D")


def _records(path: Path, key: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every record but the end, which must be there."""
    rest, kind = bytearray(), b""
    with path.open("rb") as file:
        for piece in _unsqueezed(opened(file, key, path.name), path):
            rest += piece
            while (end := _end(rest)) <= len(rest):
                kind = bytes(rest[:1])
                if kind != b"E":
                    yield kind, bytes(rest[PREFIX:end])
                del rest[:end]
    if kind != b"E" or rest:
        raise _unknown(path)


def _end(rest: bytearray) -> int:
    """Where the first record ends, as far as can be told."""
    return PREFIX + int.from_bytes(rest[1:PREFIX], "big") if len(rest) >= PREFIX else PREFIX


def _unsqueezed(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    widen = zlib.decompressobj()
    try:
        for piece in pieces:
            yield widen.decompress(piece)
    except zlib.error:
        raise _unknown(path) from None
    if not widen.eof:
        raise _unknown(path)


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        return _MANIFEST.validate_json(content)
    except ValidationError:
        raise _unknown(path) from None


def _name(path: Path, name: bytes) -> str:
    """A spooled file's name, which may lead nowhere but into the spool."""
    written = name.decode("ascii", errors="replace")
    if not _SPOOLED.fullmatch(written):
        raise _unknown(path)
    return written


def _unknown(path: Path) -> OperatorError:
    return OperatorError(
        f"{path.name} is written in a way that this version of Siang does not know",
        "Restore it with the version that made it, or a newer one",
    )
