"""Logs: constant event names and ids; never a phone number, never what a citizen wrote.

Readable lines by default, JSON with SIANG_LOG=json. What looks like a Lao number is blotted out
even so, because an exception of a library may carry one. Lines about a conversation name it, from
the first turn to the last receipt.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

import structlog
from structlog import contextvars
from structlog.typing import Processor

from app.text.lao import digits

# +856 20 5551 2345, 00856…, 020 5551 2345, 20 5551 2345, 030…, and any other E.164 with a plus.
_GAP = r"(?:[\s\u00a0().\u2010-\u2015-]|%20){0,3}"
# What may look like a number and is none: UUIDs and ISO dates.
_KEEP = (
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:[0-2]\d|3[01])(?!\d)"
)
# ASCII, so that a Lao letter before a number is no part of a word with it.
_NUMBER = re.compile(
    rf"(?P<keep>{_KEEP})"
    rf"|(?:\+|%2B|(?<![^\W_])(?:00)?)856(?:{_GAP}\d){{8,11}}(?!\d)"
    rf"|(?<![^\W_])(?<!\.)0?(?:20(?:{_GAP}\d){{8}}|30(?:{_GAP}\d){{7}})(?!\d)"
    r"|\+\d{8,15}|(?<![^\W_])00[1-9]\d{7,13}(?!\d)",
    re.ASCII | re.IGNORECASE,
)
_TOKEN = re.compile(r"(token=)[^&\s\"']+")
BLOT = "<number>"
# Every number that is blotted out has at least so many.
FEWEST_DIGITS = 8
CONVERSATION = "conversation"


def blot(text: str) -> str:
    """A text without what looks like a phone number or a channel's token."""
    # Most of what is logged is short: a turn's line would cost half as much again.
    if sum(map(str.isdigit, text)) < FEWEST_DIGITS and "token=" not in text:
        return text
    left: list[str] = []
    at = 0
    for found in _NUMBER.finditer(digits(text)):
        if not found["keep"]:
            left += [text[at : found.start()], BLOT]
            at = found.end()
    return _TOKEN.sub(r"\1<token>", "".join([*left, text[at:]]))


def _blot_fields(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    for key, value in event.items():
        # Structlog's own begin with "_". A list or an integer may hold a number too.
        if key == "timestamp" or key.startswith("_"):
            continue
        written = str(value)
        if blot(written) != written:
            event[key] = blot(written)
    return event


def _place_of_error(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Never a traceback: its last line is the error's words, which may be a citizen's."""
    error = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["cause"] = where(error)
    return event


@contextmanager
def one_conversation(known: int | None = None) -> Iterator[None]:
    """Lines written within name the conversation: if it is `known`, or from `of_conversation` on.

    What this thread does next is about another. An error that leaves takes the id along.
    """
    contextvars.unbind_contextvars(CONVERSATION)
    of_conversation(known)
    try:
        yield
    except Exception as error:
        bound = contextvars.get_contextvars().get(CONVERSATION)
        if bound is not None:
            error.add_note(f"{CONVERSATION}={bound}")
        raise
    finally:
        contextvars.unbind_contextvars(CONVERSATION)


def of_conversation(conversation: int | None) -> None:
    """From here on lines are about this one; None leaves it at what is known."""
    if conversation is not None:
        contextvars.bind_contextvars(**{CONVERSATION: conversation})


def whose(error: BaseException) -> dict[str, int]:
    """The conversation out of whose turn the error came, for a line about it."""
    parted = (note.partition("=") for note in getattr(error, "__notes__", ()))
    return {key: int(value) for key, _, value in parted if key == CONVERSATION}


def where(error: BaseException) -> str:
    """The kind of an error and the line it came from: enough to find it, nothing of its words."""
    frames = traceback.extract_tb(error.__traceback__)
    line = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {line}"


def set_up(style: str = "text", *, for_good: bool = True) -> None:
    """Send structlog and the standard library's loggers through the same line format.

    Loggers that have spoken keep it `for_good`, which is quicker; not where another set-up follows.
    """
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    shared: list[Processor] = [
        contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(
            fmt="%H:%M:%S" if style != "json" else "iso", utc=style == "json"
        ),
        _place_of_error,
        _blot_fields,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=for_good,
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
    _listen(handler)


def _listen(handler: logging.Handler) -> None:
    """All loggers write there, and there alone."""
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
