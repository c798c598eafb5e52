"""Logs: constant event names and ids; never a phone number, never what a citizen wrote.

Readable lines by default, JSON with SIANG_LOG=json. What looks like a Lao number is blotted out
even so, because an exception of a library may carry one.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

import structlog
from structlog.typing import Processor

# +856 20 5551 2345, 00856…, 020 5551 2345, 20 5551 2345, 030…, and any other E.164 with a plus.
_NUMBER = re.compile(
    r"(?:\+|00)?856[\s-]?\d[\d\s-]{7,12}\d|\+\d{8,15}|\b0?[23]0[\s-]?\d[\d\s-]{5,9}\d\b"
)
_TOKEN = re.compile(r"(token=)[^&\s\"']+")
BLOT = "<number>"


def blot(text: str) -> str:
    """A text without what looks like a phone number or a channel's token."""
    return _TOKEN.sub(r"\1<token>", _NUMBER.sub(BLOT, text))


def _blot_fields(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            event[key] = blot(value)
    return event


def where(error: BaseException) -> str:
    """The kind of an error and the line it came from: enough to find it, nothing of its words."""
    frames = traceback.extract_tb(error.__traceback__)
    line = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {line}"


def set_up(style: str = "text") -> None:
    """Send structlog and the standard library's loggers through the same line format."""
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(
            fmt="%H:%M:%S" if style != "json" else "iso", utc=style == "json"
        ),
        _blot_fields,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Once more: a library's message is put together only here.
                _blot_fields,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # These write URLs, job arguments or one line a job.
    for noisy in ("httpx", "httpcore", "rq", "rq.worker", "alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@contextmanager
def warnings_to_stderr() -> Iterator[None]:
    """For commands: stdout is theirs alone, warnings go to stderr, the rest nowhere."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, _one_line],
        # Without a handler of its own, `logging` writes warnings to stderr.
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _one_line(_logger: object, _method: str, event: MutableMapping[str, object]) -> str:
    words = [f"{key}={value}" for key, value in event.items() if key not in ("event", "level")]
    return blot(" ".join([f"[{event['level']}]", str(event["event"]), *words]))
