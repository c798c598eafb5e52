"""How every YAML file is read: by libyaml where PyYAML has it, which is ten times as fast."""

from __future__ import annotations

from typing import Final

import yaml

LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
PLAIN_LOADER: Final = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
"""Leaves every value the text that was written."""


def content(text: str) -> object:
    """What a document holds: plain values alone. Raises yaml.YAMLError."""
    loader = LOADER(text)
    try:
        found: object = loader.get_single_data()
        return found
    finally:
        loader.dispose()
