"""A YAML file of `key: …` lines, with the line of every key; what cannot be read is a sentence."""

from __future__ import annotations

from pathlib import Path

import yaml

from app.errors import FlowError, Problem
from app.flows.yaml_loader import LOADER


def compose(path: Path, lines: str) -> yaml.MappingNode:
    """The file's keys and values as nodes. `lines` says what it must hold; raises FlowError."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=LOADER)
    except OSError as error:
        raise _unreadable(path, 1, error.strerror or "it cannot be read") from None
    except UnicodeDecodeError:
        raise _unreadable(path, 1, "it is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _unreadable(path, line, error.problem or "it is no YAML") from None
    if not isinstance(root, yaml.MappingNode):
        raise _unreadable(path, 1, f"it must hold `{lines}` lines")
    return root


def _unreadable(path: Path, line: int, message: str) -> FlowError:
    return FlowError([Problem(str(path), line, "", message, "Mend the file")])
