"""What every turn needs at hand, opened once a process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from app import clock
from app.bell import Bell
from app.conversation import keywords
from app.conversation.books import Books
from app.conversation.keywords import Keywords
from app.conversation.lookups import Asker
from app.conversation.play import Play
from app.delivery.mail import Mail
from app.flows.nodes import Book
from app.people.vault import Sealed, Vault
from app.requests.filing import Registrar
from app.settings import ChannelConfig, Settings
from app.spool import Spool
from app.storage import conversations
from app.storage.people import Contact
from app.storage.places import Load
from app.text.numbers import e164
from app.words import Language, Limits, Medium

Command = Callable[[Connection, int, str, datetime], Sequence[str] | None]
"""Does what a contact's text says and answers it; None where it is no command of theirs."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Database, bell, vault, spool and flows, with the settings that turns go by.

    `mail` takes what is answered by SMS, `commands` are what staff may text.
    """

    engine: Engine
    bell: Bell
    vault: Vault
    spool: Spool
    books: Books
    keywords: Keywords
    flow: str
    language: Language
    channels: Mapping[str, ChannelConfig]
    abandon_after: timedelta
    resume_within: timedelta
    join_within: timedelta
    stale_after: timedelta
    mail: Mail
    registrar: Registrar
    commands: Sequence[Command]
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

    def asker(
        self, tx: Connection, contact: Contact, medium: Medium, registry: Load | None = None
    ) -> Asker:
        """What the lookups of a turn are answered with; `registry` where its load is known."""
        return Asker(
            tx=tx,
            contact=contact,
            medium=medium,
            registry=registry,
            now=self.now(),
            vault=self.vault,
            pace=self.registrar.pace,
            stale_after=self.stale_after,
        )

    def follow(
        self,
        tx: Connection,
        play: Play,
        contact: Contact,
        conversation: int,
        channel: str,
        now: datetime,
    ) -> None:
        """What a turn did besides answering: sealed numbers, cases, texts to send."""
        for question, number in play.secrets.items():
            sealed = self.vault.seal(number)
            conversations.seal_answer(tx, conversation, question, sealed.cipher, now)
        for kind in play.cases:
            until = now + self.join_within
            conversations.open_case(tx, conversation, contact.id, kind, now, until)
        for phrase in play.phrases:
            self.text(tx, contact, channel, play.written(phrase), now, conversation)

    def text(
        self,
        tx: Connection,
        contact: Contact,
        channel: str,
        written: str,
        now: datetime,
        conversation: int | None = None,
    ) -> None:
        """Queue an SMS that answers, on the channel that was used if it carries SMS."""
        if contact.stopped:
            return
        self.mail.queue(
            tx,
            contact_id=contact.id,
            purpose="reply",
            text=written,
            now=now,
            came_by=channel,
            conversation=conversation,
        )


def open_desk(
    settings: Settings,
    engine: Engine,
    mail: Mail,
    registrar: Registrar,
    commands: Sequence[Command],
) -> Desk:
    """Read the flows (FlowError) and open what turns need; connects to nothing."""
    languages = settings.config / "languages"
    return Desk(
        engine=engine,
        bell=Bell(settings.redis_url),
        vault=mail.vault,
        spool=Spool(settings.home / "spool", mail.vault),
        books=Books(settings.config, settings.conversation.flow, settings.service.language),
        keywords=keywords.load(languages),
        flow=settings.conversation.flow,
        language=settings.service.language,
        channels=settings.channels,
        abandon_after=timedelta(minutes=settings.conversation.abandon_after_minutes),
        resume_within=timedelta(hours=settings.conversation.resume_within_hours),
        join_within=timedelta(hours=settings.conversation.join_within_hours),
        stale_after=timedelta(days=settings.requests.stale_after_days),
        mail=mail,
        registrar=registrar,
        commands=commands,
        replies_per_hour=settings.delivery.replies_per_hour,
    )
