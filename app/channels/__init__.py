"""Gateways' formats in and out. Nobody outside this folder knows a provider's field name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from app.channels.base import Channel
from app.errors import ConfigError
from app.settings import ChannelConfig


def _adapter(module: str, name: str) -> Callable[[ChannelConfig], Channel]:
    """Imported with the first section of its kind: SDKs are large."""

    def open_one(config: ChannelConfig) -> Channel:
        channel = getattr(import_module(f"app.channels.{module}"), name)(config)
        if not isinstance(channel, Channel):
            raise TypeError(f"{name} is no channel")
        return channel

    return open_one


CHANNELS: Final[Mapping[str, Callable[[ChannelConfig], Channel]]] = {
    "africastalking": _adapter("africastalking", "AfricasTalking"),
    "android": _adapter("android", "Android"),
    "http": _adapter("http", "Http"),
    "kannel": _adapter("kannel", "Kannel"),
    "simulator": _adapter("simulator", "Simulator"),
    "twilio": _adapter("twilio", "Twilio"),
}
"""Every kind of channel. `kind` in a [channels.NAME] section is a key of this."""


def open_channels(configs: Mapping[str, ChannelConfig]) -> dict[str, Channel]:
    """One adapter for each section. Connects to nothing; raises ConfigError."""
    return {name: _open(config) for name, config in configs.items()}


def _open(config: ChannelConfig) -> Channel:
    adapter = CHANNELS.get(config.kind)
    if adapter is None:
        raise ConfigError(
            f"config/siang.toml: channels.{config.name}.kind: "
            f"there is no kind of channel called {config.kind!r}",
            f"Use one of {', '.join(CHANNELS)}",
        )
    return adapter(config)
