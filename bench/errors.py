"""What ends a benchmark before its time."""

from __future__ import annotations


class BenchError(Exception):
    """A wrong answer, or something that did not start: its figures would mean nothing."""
