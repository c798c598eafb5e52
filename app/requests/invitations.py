"""Asking applicants how it was: once some hours after collection, and at most once more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from app.requests import notices
from app.requests.filing import Registrar
from app.sentences import FALLBACK
from app.storage import invitations, people, registry
from app.storage import requests as storage
from app.storage.invitations import Invitation

AT_ONCE = 200
# A phone is asked about one request at a time: "5" must mean one of them.
NEXT_IN_LINE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Patience:
    """When a silent applicant is reminded, and when nothing more is expected."""

    remind_after: timedelta = timedelta(hours=48)
    close_after: timedelta = timedelta(hours=168)


def look(engine: Engine, registrar: Registrar, patience: Patience, now: datetime) -> int:
    """Ask, remind and close what is due; how many texts were queued."""
    with engine.begin() as tx:
        return send_due(registrar, patience, tx, now)


def send_due(registrar: Registrar, patience: Patience, tx: Connection, now: datetime) -> int:
    """One batch of what is due; how many texts were queued."""
    queued = 0
    for one in invitations.due(tx, now, AT_ONCE):
        if one.stopped or _over(one, patience, now):
            invitations.move(tx, one.request_id, "closed", now, None)
        elif one.state == "waiting" and invitations.open_of(tx, one.contact_id):
            invitations.postpone(tx, one.request_id, now + NEXT_IN_LINE)
        elif one.state == "waiting":
            _write(registrar, tx, one, "invitation", now)
            invitations.move(tx, one.request_id, "sent", now, now + patience.remind_after)
            queued += 1
        elif one.asked_at is None or one.asked_at + patience.remind_after > now:
            # Nights and holidays kept the question back.
            again = (one.asked_at or now) + patience.remind_after
            invitations.postpone(tx, one.request_id, again)
        else:
            _write(registrar, tx, one, "reminder", now)
            invitations.move(tx, one.request_id, "reminded", now, now + patience.close_after)
            queued += 1
    return queued


def _over(one: Invitation, patience: Patience, now: datetime) -> bool:
    """Whether no answer is waited for any more; also where the question never went out."""
    if one.state == "reminded":
        return True
    if one.sent_at is None or one.asked_at is not None:
        return False
    return now >= one.sent_at + patience.close_after


def _write(registrar: Registrar, tx: Connection, one: Invitation, key: str, now: datetime) -> None:
    contact = people.by_id(tx, one.contact_id)
    request = storage.lock(tx, one.request_id)
    service, odsc = registry.service(tx, one.service), registry.odsc(tx, one.odsc)
    language = contact.language or registrar.language
    sentences = registrar.sentences.get(language) or registrar.sentences[FALLBACK]
    names = service.names if service else {}
    # A romanised text with one Lao name in it would cost as much as a Lao one.
    spoken = language if odsc and language in odsc.names else "en"
    values = {
        "what": notices.what(sentences, language, request, names),
        "place": (odsc.names[spoken] if odsc else one.odsc),
    }
    written = sentences[key].format(**values)
    registrar.tell(tx, one.contact_id, "notice", written, now, f"{key}:{one.request_id}")
