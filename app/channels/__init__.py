"""Gateways' formats in and out. Nobody outside this folder knows a provider's field name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from app.channels.africastalking import AfricasTalking
from app.channels.android import Android
from app.channels.base import Channel
from app.channels.http import Http
from app.channels.kannel import Kannel
from app.channels.simulator import Simulator
from app.channels.twilio import Twilio
from app.errors import ConfigError
from app.settings import ChannelConfig

CHANNELS: Final[Mapping[str, Callable[[ChannelConfig], Channel]]] = {
    "africastalking": AfricasTalking,
    "android": Android,
    "http": Http,
    "kannel": Kannel,
    "simulator": Simulator,
    "twilio": Twilio,
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
