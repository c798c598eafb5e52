"""Siang: people rate their One Door Service Center by SMS or USSD and learn what became of it.

This module is the only wiring. Imports stand in the functions, so that the pure rooms can be
used without the web framework, the database or Redis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.channels.base import Channel
    from app.delivery.mail import Mail
    from app.office import Office
    from app.settings import Settings


def open_office(settings: Settings, database_url: str, *, pool: int = 4) -> Office:
    """Database, channels and flows. Raises ConfigError or FlowError; connects to nothing."""
    from app import sentences
    from app.channels import open_channels
    from app.conversation.desk import open_desk
    from app.delivery import watch
    from app.delivery.post import Post
    from app.insight import sentences as digest
    from app.office import Office
    from app.storage.database import open_engine

    engine = open_engine(database_url, pool)
    channels = open_channels(settings.channels)
    languages = settings.config / "languages"
    mail = open_mail(settings, channels)
    return Office(
        settings=settings,
        engine=engine,
        desk=open_desk(settings, engine, mail),
        post=Post(
            engine=engine,
            mail=mail,
            channels=channels,
            delivery=settings.delivery,
            budget=settings.budget,
            sentences=sentences.load_all(languages, watch.FILE, watch.SENTENCES),
        ),
        channels=channels,
        sentences=digest.load_all(languages),
    )


def open_mail(settings: Settings, channels: Mapping[str, Channel]) -> Mail:
    """Where messages to phones are handed in."""
    from app.delivery.mail import Mail
    from app.delivery.routing import Router
    from app.people.vault import Vault

    carriers = {name: one.config for name, one in channels.items() if "send" in one.abilities}
    return Mail(Vault(settings.phone_key, settings.hash_key), Router(settings.delivery, carriers))


def create_app(office: Office) -> Flask:
    """The web application: the gateways' door, the phone page, health."""
    from app.web import build

    return build(office)
