"""Siang: people rate their One Door Service Center by SMS or USSD and learn what became of it.

This module is the only wiring. Imports stand in the functions, so that the pure rooms can be
used without the web framework, the database or Redis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask
    from sqlalchemy import Connection

    from app.channels.base import Channel
    from app.conversation.desk import Command
    from app.delivery.mail import Mail
    from app.insight.alerts import Lookout
    from app.office import Office
    from app.requests.filing import Registrar
    from app.settings import Settings
    from app.storage.outbox import Letter
    from app.words import Purpose


def open_office(settings: Settings, database_url: str, *, pool: int = 4) -> Office:
    """Database, channels and flows. Raises ConfigError or FlowError; connects to nothing."""
    from app import sentences
    from app.channels import open_channels
    from app.conversation.desk import open_desk
    from app.delivery import watch
    from app.delivery.post import Post
    from app.insight import rules
    from app.insight import sentences as digest
    from app.office import Office
    from app.storage.database import open_engine

    engine = open_engine(database_url, pool)
    channels = open_channels(settings.channels)
    languages = settings.config / "languages"
    mail = open_mail(settings, channels)
    registrar = open_registrar(settings, mail)
    return Office(
        settings=settings,
        engine=engine,
        desk=open_desk(settings, engine, mail, registrar, _commands(settings, registrar)),
        post=Post(
            engine=engine,
            mail=mail,
            channels=channels,
            delivery=settings.delivery,
            budget=settings.budget,
            sentences=sentences.load_all(languages, watch.FILE, watch.SENTENCES),
        ),
        registrar=registrar,
        channels=channels,
        sentences=digest.load_all(languages),
        insight=rules.load(settings.config),
        lookout=open_lookout(settings, mail),
    )


def _commands(settings: Settings, registrar: Registrar) -> Sequence[Command]:
    """What staff may text, in the order in which it is tried."""
    from app import sentences
    from app.insight import acknowledging, alert_texts, digest_command
    from app.insight import sentences as digests
    from app.requests import clerks

    languages = settings.config / "languages"
    alerts = sentences.load_all(languages, alert_texts.FILE, alert_texts.SENTENCES)
    wording = sentences.load_all(languages, clerks.FILE, clerks.SENTENCES)
    digest_words = digests.load_all(languages)

    def clerk(tx: Connection, contact_id: int, text: str, now: datetime) -> Sequence[str] | None:
        told = clerks.answer(registrar, wording, tx, contact_id, text, now)
        return None if told is None else (told,)

    def ok(tx: Connection, contact_id: int, text: str, now: datetime) -> Sequence[str] | None:
        return acknowledging.answer(alerts, tx, contact_id, text, now)

    def digest(tx: Connection, contact_id: int, text: str, now: datetime) -> Sequence[str] | None:
        return digest_command.answer(digest_words, settings.digest.hour, tx, contact_id, text, now)

    return clerk, ok, digest


def open_lookout(settings: Settings, mail: Mail) -> Lookout:
    """What alerts are raised by and told with."""
    from app import sentences
    from app.insight import alert_rules, alert_texts
    from app.insight.alerts import Lookout

    wording = sentences.load_all(
        settings.config / "languages", alert_texts.FILE, alert_texts.SENTENCES
    )
    return Lookout(alert_rules.load(settings.config), mail, wording)


def open_mail(settings: Settings, channels: Mapping[str, Channel]) -> Mail:
    """Where messages to phones are handed in."""
    from app.delivery.mail import Mail
    from app.delivery.routing import Router
    from app.people.vault import Vault

    carriers = {name: one.config for name, one in channels.items() if "send" in one.abilities}
    vault = Vault(settings.phone_key, settings.hash_key, settings.old_phone_key)
    return Mail(vault, Router(settings.delivery, carriers))


def open_registrar(settings: Settings, mail: Mail) -> Registrar:
    """What filing requests needs: rules, notices, and how its news are texted."""
    from datetime import timedelta

    from app import sentences
    from app.requests import notices, rules
    from app.requests.filing import Registrar
    from app.requests.looking import Pace

    def tell(
        tx: Connection, contact_id: int, purpose: Purpose, text: str, now: datetime, once_key: str
    ) -> object:
        return mail.queue(
            tx, contact_id=contact_id, purpose=purpose, text=text, now=now, once_key=once_key
        )

    def tell_all(tx: Connection, letters: Sequence[Letter], now: datetime) -> None:
        mail.queue_all(tx, letters, purpose="notice", now=now)

    languages, pace = settings.config / "languages", settings.requests
    return Registrar(
        vault=mail.vault,
        rules=rules.load(settings.config),
        sentences=sentences.load_all(languages, notices.FILE, notices.SENTENCES),
        language=settings.service.language,
        tell=tell,
        tell_all=tell_all,
        invite_after=timedelta(hours=pace.invite_after_hours),
        pace=Pace(
            misses_per_hour=pace.misses_per_hour,
            misses_per_day=pace.misses_per_day,
            found_per_day=pace.found_per_day,
            burst=pace.burst,
        ),
    )


def create_app(office: Office) -> Flask:
    """The web application: the gateways' door, the phone page, health."""
    from app.web.application import build

    return build(office)
