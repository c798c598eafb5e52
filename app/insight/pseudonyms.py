"""Names for people, conversations and packages that lead back to nobody.

Each package has keys of its own, derived from the gateway's secret and from what the package is:
the same package gets the same names again, and two packages share none.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from app.storage.results import Masks, Pads

# Phone numbers are hashed with the same secret: nothing that begins so is one.
PURPOSE: Final = b"flow results\n"
_BLOCK: Final = 64
_INNER: Final = 0x36
_OUTER: Final = 0x5C


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """What one package calls whom. `package` has the form of a random UUID, version 4."""

    package: UUID
    masks: Masks


def derive(secret: bytes, identity: str) -> Pseudonyms:
    """Those of the package that `identity` tells from every other."""
    key = _derived(secret, PURPOSE + identity.encode())
    return Pseudonyms(
        package=UUID(bytes=_derived(key, b"package")[:16], version=4),
        masks=Masks(
            session=_pads(_derived(key, b"session")), contact=_pads(_derived(key, b"contact"))
        ),
    )


def _derived(key: bytes, what: bytes) -> bytes:
    return hmac.digest(key, what, sha256)


def _pads(key: bytes) -> Pads:
    """HMAC's two (RFC 2104), for a key that is shorter than a block."""
    padded = key.ljust(_BLOCK, b"\0")
    return Pads(
        inner=bytes(octet ^ _INNER for octet in padded),
        outer=bytes(octet ^ _OUTER for octet in padded),
    )
