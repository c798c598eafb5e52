"""What several processes say, on one stream: each line behind its process's name."""

from __future__ import annotations

import os
from typing import BinaryIO

COLOURS = (36, 33, 32, 35, 34, 31)


class PrefixedLines:
    """Lines from all processes, each behind its process's name."""

    def __init__(self, stream: BinaryIO, names: list[str]) -> None:
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        coloured = terminal and not os.environ.get("NO_COLOR")
        width = max(map(len, names))
        self._stream: BinaryIO | None = stream
        self._prefixes: dict[str, bytes] = {}
        for number, name in enumerate(names):
            prefix = f"{name:<{width}} | "
            if coloured:
                prefix = f"\033[{COLOURS[number % len(COLOURS)]}m{prefix}\033[0m"
            self._prefixes[name] = prefix.encode()

    def write(self, name: str, line: bytes) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(self._prefixes[name] + line + b"\n")
            self._stream.flush()
        except OSError:
            # Whoever read us has gone (`make run | head`); the gateway goes on without.
            self._stream = None

    def say(self, sentence: str) -> None:
        self.write("siang", sentence.encode())
