"""config/requests.yaml → Rules, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from app.errors import FlowError, Problem
from app.flows import yaml_loader
from app.requests.statuses import Rules as Rules
from app.requests.statuses import heard
from app.words import REQUEST_STATUSES
from app.yaml_file import compose

FILE = "requests.yaml"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    transitions: dict[str, list[str]]
    needs_note: list[str]
    texted: list[str]
    words: dict[str, list[str]]


def load(config: Path) -> Rules:
    """Read the file in the folder of configuration. Raises FlowError with everything wrong."""
    path = config / FILE
    root = compose(path, "key: …")
    try:
        content = _File.model_validate(yaml_loader.content(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        lines = {str(key.value): key.start_mark.line + 1 for key, _ in root.value}
        raise FlowError(
            [
                Problem(
                    str(path),
                    lines.get(str(found["loc"][0]), 1),
                    ".".join(map(str, found["loc"])),
                    found["msg"],
                    "See the file as it was shipped",
                )
                for found in error.errors(include_url=False, include_input=False)
            ]
        ) from None
    problems = [
        Problem(str(path), 1, where, what, remedy) for where, what, remedy in _wrong(content)
    ]
    if problems:
        raise FlowError(problems)
    return Rules(
        transitions={status: frozenset(after) for status, after in content.transitions.items()},
        needs_note=frozenset(content.needs_note),
        texted=frozenset(content.texted),
        words={
            heard(word): status
            for status in REQUEST_STATUSES
            for word in (status, *content.words.get(status, ()))
        },
    )


def _wrong(content: _File) -> Iterator[tuple[str, str, str]]:
    """Where, what is wrong, what to do."""
    known = ", ".join(REQUEST_STATUSES)
    named = [
        *(("transitions", one) for one in content.transitions),
        *(("transitions", one) for after in content.transitions.values() for one in after),
        *(("needs_note", one) for one in content.needs_note),
        *(("texted", one) for one in content.texted),
        *(("words", one) for one in content.words),
    ]
    for where, status in named:
        if status not in REQUEST_STATUSES:
            yield where, f"there is no status {status!r}", f"Use one of {known}"
    for status in REQUEST_STATUSES:
        if status not in content.transitions:
            yield "transitions", f"{status} is missing", f"Write {status}: [] if nothing follows it"
    owners = {heard(status): status for status in REQUEST_STATUSES}
    for status, words in content.words.items():
        for word in words:
            owner = owners.setdefault(heard(word), status)
            if not heard(word):
                yield f"words.{status}", f"{word!r} is no word", "Write letters"
            elif owner != status:
                yield f"words.{status}", f"{word!r} stands at {owner} too", "Keep one of them"
