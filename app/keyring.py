"""Secrets: from the environment, else generated once into a file only the owner can read.

In production every secret is set in the environment and the file is never made.
"""

from __future__ import annotations

import base64
import fcntl
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.errors import ConfigError

KEY_BYTES = 32
MINIMUM_TOKEN = 16
# A token stands in URLs, which gateways store and escape in their own ways.
_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{{MINIMUM_TOKEN},}}")


def open_keyring(path: Path, env: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Every named secret. What neither the environment nor the file has is made and kept."""
    given = {name: env[name] for name in names if env.get(name)}
    if len(given) == len(names):
        return given
    with _locked(path) as descriptor:
        stored = _read(descriptor)
        missing = [name for name in names if name not in given and name not in stored]
        if missing:
            made = {name: _new_secret() for name in missing}
            _append(descriptor, made)
            stored |= made
    return {**{name: stored[name] for name in names if name in stored}, **given}


def known(path: Path, env: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Every named secret, none of them made. Raises ConfigError for one that is nowhere."""
    given = {name: env[name] for name in names if env.get(name)}
    stored: dict[str, str] = {}
    if len(given) < len(names) and path.exists():
        with _locked(path) as descriptor:
            stored = _read(descriptor)
    for name in names:
        if name not in given and name not in stored:
            raise ConfigError(f"{name} is not set", f"Set it, or put it into {path}")
    return {**{name: stored[name] for name in names if name in stored}, **given}


def key_bytes(name: str, keyring: Mapping[str, str]) -> bytes:
    """A 256-bit key from its base64 form."""
    try:
        padded = keyring[name].rstrip("=") + "=" * (-len(keyring[name].rstrip("=")) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"{name} must be 32 random bytes in base64",
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return key


def tokens(name: str, keyring: Mapping[str, str]) -> tuple[str, ...]:
    """The valid tokens, newest first: `new,old` while a gateway's console is being changed."""
    parts = tuple(part.strip() for part in keyring[name].split(",") if part.strip())
    if not parts or not all(_TOKEN.fullmatch(part) for part in parts):
        raise ConfigError(
            f"{name} must hold tokens of at least {MINIMUM_TOKEN} letters, digits, - or _",
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return parts


def _new_secret() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


class _locked:
    """The file, opened for its owner alone and locked, so that two first runs make one set."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> int:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self._descriptor

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)


def _read(descriptor: int) -> dict[str, str]:
    content = os.pread(descriptor, 1 << 20, 0).decode("utf-8")
    pairs = (line.split("=", 1) for line in content.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _append(descriptor: int, made: Mapping[str, str]) -> None:
    """Add to the end: a crash in the middle costs what was being made, never an older key."""
    os.fchmod(descriptor, 0o600)
    end = os.fstat(descriptor).st_size
    joint = "\n" if end and os.pread(descriptor, 1, end - 1) != b"\n" else ""
    content = "".join(f"{name}={value}\n" for name, value in sorted(made.items()))
    os.pwrite(descriptor, (joint + content).encode(), end)
    os.fsync(descriptor)
