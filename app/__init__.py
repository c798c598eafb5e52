"""Siang: people rate their One Door Service Center by SMS or USSD and learn what became of it.

This module is the only wiring. Imports stand in the functions, so that the pure rooms can be
used without the web framework, the database or Redis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.office import Office
    from app.settings import Settings


def open_office(settings: Settings, database_url: str, *, pool: int = 4) -> Office:
    """Database, channels and flows. Raises ConfigError or FlowError; connects to nothing."""
    from app.channels import open_channels
    from app.conversation.desk import open_desk
    from app.delivery.sending import Post
    from app.insight import sentences
    from app.office import Office
    from app.storage.database import open_engine

    engine = open_engine(database_url, pool)
    channels = open_channels(settings.channels)
    texting = frozenset(name for name, channel in channels.items() if "sms" in channel.hooks)
    desk = open_desk(settings, engine, texting)
    return Office(
        settings=settings,
        engine=engine,
        desk=desk,
        post=Post(engine, desk.vault, channels),
        channels=channels,
        sentences=sentences.load_all(settings.config / "languages"),
    )


def create_app(office: Office) -> Flask:
    """The web application: the gateways' door, the phone page, health."""
    from app.web import build

    return build(office)
