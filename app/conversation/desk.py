"""What every turn needs at hand, opened once a process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from app import clock
from app.bell import Bell
from app.conversation.books import Books
from app.flows.model import Book
from app.people.numbers import e164
from app.people.vault import Sealed, Vault
from app.settings import ChannelConfig, Settings
from app.storage.people import Contact
from app.words import Language, Limits


@dataclass(frozen=True, slots=True)
class Desk:
    """Database, bell, vault and flows, with the settings that turns go by."""

    engine: Engine
    bell: Bell
    vault: Vault
    books: Books
    flow: str
    language: Language
    channels: Mapping[str, ChannelConfig]
    abandon_after: timedelta
    replies_per_hour: int
    now: Callable[[], datetime] = clock.now

    def seal(self, sender: str) -> Sealed:
        """The sender's number, sealed. Raises NotAPhoneNumber."""
        return self.vault.seal(e164(sender))

    def ussd_limits(self, channel: str) -> Limits:
        config = self.channels.get(channel)
        return config.ussd_limits if config else Limits()

    def sms_limits(self, channel: str) -> Limits:
        config = self.channels.get(channel)
        return config.sms_limits if config else Limits()

    def language_of(self, contact: Contact, book: Book) -> Language:
        """The contact's language, where there is a pack for it."""
        if contact.language is not None and contact.language in book.packs:
            return contact.language
        return self.language


def open_desk(settings: Settings, engine: Engine) -> Desk:
    """Read the flows (FlowError) and open what turns need; connects to nothing."""
    return Desk(
        engine=engine,
        bell=Bell(settings.redis_url),
        vault=Vault(settings.phone_key, settings.hash_key),
        books=Books(settings.config, settings.conversation.flow, settings.service.language),
        flow=settings.conversation.flow,
        language=settings.service.language,
        channels=settings.channels,
        abandon_after=timedelta(minutes=settings.conversation.abandon_after_minutes),
        replies_per_hour=settings.delivery.replies_per_hour,
    )
