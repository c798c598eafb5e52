"""Contacts and staff."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

from app.words import Language


@dataclass(frozen=True, slots=True)
class Contact:
    """One phone, as its owner left it; the number itself stays in its cipher.

    `first_heard` is the first conversation in which the person pressed a key or wrote something:
    who only dialled and saw a screen that could not be read has not been heard.
    """

    id: int
    language: Language | None
    last_odsc: str | None
    stopped: bool
    first_heard: int | None = None


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A registered staff phone; `place` is an ODSC's or a district's code, "" for an operator."""

    id: int
    contact_id: int
    level: str
    place: str
    language: Language
    added_at: datetime
    stopped: bool
    phone_hash: bytes = field(repr=False)
    phone_cipher: bytes = field(repr=False)


_CONTACT = (
    "SELECT id, language, last_odsc, stopped_at IS NOT NULL, "
    "(SELECT min(heard.id) FROM conversations AS heard WHERE heard.contact_id = contacts.id "
    "AND (heard.medium = 'sms' OR heard.path_length > 0 OR heard.turned_at > heard.started_at)) "
    "FROM contacts "
)
# NO KEY UPDATE: rows that point here may still be written by others meanwhile.
_LOCK = text(_CONTACT + "WHERE phone_hash = :hash FOR NO KEY UPDATE OF contacts")
_BY_ID = text(_CONTACT + "WHERE id = :id")
_FIND = text("SELECT id FROM contacts WHERE phone_hash = :hash")
_ENSURE = text(
    "INSERT INTO contacts (phone_hash, phone_cipher) VALUES (:hash, :cipher) "
    "ON CONFLICT (phone_hash) DO NOTHING"
)


def lock(tx: Connection, phone_hash: bytes, phone_cipher: bytes) -> Contact:
    """The contact, made if new, locked to the end of the transaction."""
    row = tx.execute(_LOCK, {"hash": phone_hash}).first()
    if row is None:
        tx.execute(_ENSURE, {"hash": phone_hash, "cipher": phone_cipher})
        row = tx.execute(_LOCK, {"hash": phone_hash}).one()
    return Contact(*row)


def ensure(tx: Connection, phone_hash: bytes, phone_cipher: bytes) -> int:
    """The contact's id, made if new; not locked."""
    found = find(tx, phone_hash)
    if found is not None:
        return found
    tx.execute(_ENSURE, {"hash": phone_hash, "cipher": phone_cipher})
    return int(tx.execute(_FIND, {"hash": phone_hash}).scalar_one())


def find(tx: Connection, phone_hash: bytes) -> int | None:
    """The id of a contact that is known already."""
    return tx.execute(_FIND, {"hash": phone_hash}).scalar()


def by_id(tx: Connection, contact_id: int) -> Contact:
    """The contact, which the caller has locked."""
    return Contact(*tx.execute(_BY_ID, {"id": contact_id}).one())


def lock_known(tx: Connection, phone_hash: bytes) -> int | None:
    """The id of a contact that is known already, locked to the end of the transaction."""
    row = tx.execute(_LOCK, {"hash": phone_hash}).first()
    return None if row is None else int(row.id)


def set_stopped(tx: Connection, contact_id: int, at: datetime | None) -> None:
    """From `at` on nothing is sent to this phone; None: messages are welcome again."""
    tx.execute(
        text("UPDATE contacts SET stopped_at = :at WHERE id = :id"), {"id": contact_id, "at": at}
    )


def add_staff(
    tx: Connection, contact_id: int, odsc: str | None, district: str | None, language: Language
) -> bool:
    """Register a staff phone; False if it already is there (its language is then updated).

    With neither an ODSC nor a district it is an operator's.
    """
    level = "odsc" if odsc else "district" if district else "operator"
    values = {"contact": contact_id, "odsc": odsc, "district": district, "language": language}
    values["level"] = level
    changed = tx.execute(
        text(
            "UPDATE staff SET language = :language WHERE contact_id = :contact "
            "AND level = :level AND odsc IS NOT DISTINCT FROM CAST(:odsc AS text) "
            "AND district IS NOT DISTINCT FROM CAST(:district AS text) AND removed_at IS NULL"
        ),
        values,
    )
    if changed.rowcount:
        return False
    tx.execute(
        text(
            "INSERT INTO staff (contact_id, level, odsc, district, language) "
            "VALUES (:contact, :level, :odsc, :district, :language)"
        ),
        values,
    )
    return True


def remove_staff(tx: Connection, staff_id: int, now: datetime) -> bool:
    """Take a staff phone off the list; False if there is none of that id."""
    removed = tx.execute(
        text("UPDATE staff SET removed_at = :now WHERE id = :id AND removed_at IS NULL"),
        {"id": staff_id, "now": now},
    )
    return bool(removed.rowcount)


def staff(tx: Connection, contact_id: int | None = None) -> list[StaffMember]:
    """Everybody registered, by place; or the entries of one phone."""
    rows = tx.execute(
        text(
            "SELECT s.id, s.contact_id, s.level, "
            "coalesce(s.odsc, s.district, ''), s.language, s.added_at, c.stopped_at IS NOT NULL, "
            "c.phone_hash, c.phone_cipher FROM staff s JOIN contacts c ON c.id = s.contact_id "
            "WHERE s.removed_at IS NULL "
            "AND (CAST(:contact AS bigint) IS NULL OR s.contact_id = :contact) ORDER BY 4, s.id"
        ),
        {"contact": contact_id},
    )
    return [StaffMember(*row) for row in rows]


def sealed(tx: Connection, contact_id: int) -> tuple[bytes, bytes]:
    """A contact's number as it is stored: keyed hash and ciphertext."""
    row = tx.execute(
        text("SELECT phone_hash, phone_cipher FROM contacts WHERE id = :id"), {"id": contact_id}
    ).one()
    return bytes(row.phone_hash), bytes(row.phone_cipher)
