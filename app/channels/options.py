"""A channel section's own keys, checked against the adapter's model before anything starts."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from app.errors import ConfigError
from app.settings import ChannelConfig, channel_variable


class Options(BaseModel):
    """The keys of a kind that has none; kinds with keys inherit and add them.

    Unknown keys are refused. Values are not checked strictly for type, because one that comes
    from the environment is always a string.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyOptions = TypeVar("AnyOptions", bound=Options)


def read_options(config: ChannelConfig, model: type[AnyOptions]) -> AnyOptions:
    """The section's options. Raises ConfigError with every wrong key, and no value."""
    try:
        return model.model_validate(dict(config.options))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [
        f"config/siang.toml: channels.{config.name}.{'.'.join(map(str, problem['loc']))}: "
        f"{_sentence(problem['type'], problem['msg'])}"
        for problem in problems
    ]
    known = ", ".join(model.model_fields) or "none"
    variable = channel_variable(config.name, "<key>")
    raise ConfigError(
        "\n".join(lines),
        f'Mend it there or in the environment as {variable}; keys of kind "{config.kind}": {known}',
    )


def _sentence(kind: str, message: str) -> str:
    words = {"extra_forbidden": "no such key", "missing": "is missing"}
    return words.get(kind, message)
