"""Contacts and staff."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

from app.storage.levels import Level, StaffLevel, columns
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
    """A registered staff phone; `place` is the code of its level's place, "" for an operator."""

    id: int
    contact_id: int
    level: StaffLevel
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
LOCKING = _CONTACT + "WHERE phone_hash = :hash FOR NO KEY UPDATE OF contacts"
"""Finds a contact by `hash`, the columns as `Contact` has them, and locks it."""
_LOCK = text(LOCKING)
_BY_ID = text(_CONTACT + "WHERE id = :id")
_FIND = text("SELECT id FROM contacts WHERE phone_hash = :hash")
# Held, as a row that points there holds it too: it is not erased before that row is committed.
_HOLD = text(
    "SELECT id, phone_cipher = '' AS bare FROM contacts WHERE phone_hash = :hash FOR KEY SHARE"
)
# A STOP that has outlived its number; whoever comes back can be answered again.
_KNOW_AGAIN = text(
    "UPDATE contacts SET phone_cipher = :cipher WHERE phone_hash = :hash AND phone_cipher = ''"
)
MAKING = (
    "INSERT INTO contacts (phone_hash, phone_cipher) VALUES (:hash, :cipher) "
    "ON CONFLICT (phone_hash) DO NOTHING"
)
"""Makes a contact of `hash` and `cipher`, unless another turn has just done so."""
_ENSURE = text(MAKING)


def lock(tx: Connection, phone_hash: bytes, phone_cipher: bytes) -> Contact:
    """The contact, made if new, locked to the end of the transaction."""
    row = tx.execute(_LOCK, {"hash": phone_hash}).first()
    if row is None:
        tx.execute(_ENSURE, {"hash": phone_hash, "cipher": phone_cipher})
        row = tx.execute(_LOCK, {"hash": phone_hash}).one()
    contact = Contact(*row)
    if contact.stopped:
        know_again(tx, phone_hash, phone_cipher)
    return contact


def know_again(tx: Connection, phone_hash: bytes, phone_cipher: bytes) -> None:
    """Keep the number of a contact of whom a purge left the STOP alone."""
    tx.execute(_KNOW_AGAIN, {"hash": phone_hash, "cipher": phone_cipher})


def ensure(tx: Connection, phone_hash: bytes, phone_cipher: bytes) -> int:
    """The contact's id, made if new; not locked."""
    values = {"hash": phone_hash, "cipher": phone_cipher}
    row = tx.execute(_HOLD, values).first()
    if row is None:
        tx.execute(_ENSURE, values)
        row = tx.execute(_HOLD, values).one()
    if row.bare:
        tx.execute(_KNOW_AGAIN, values)
    return int(row.id)


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


_ADD_STAFF = text(
    "INSERT INTO staff (contact_id, level, odsc, district, province, language) "
    "VALUES (:contact, :level, :odsc, :district, :province, :language) "
    "ON CONFLICT (contact_id, level, (coalesce(odsc, district, province, ''))) "
    "WHERE removed_at IS NULL DO UPDATE SET language = excluded.language "
    # Of a row that was there already, this is the transaction that updates it now.
    "RETURNING xmax = 0"
)


def add_staff(
    tx: Connection, contact_id: int, level: StaffLevel, place: str, language: Language
) -> bool:
    """Register a staff phone; False if it already is there (its language is then updated).

    `place` is the code of an ODSC, a district, a province or the country, "" for an operator.
    """
    values = {"contact": contact_id, **columns(level, place), "language": language}
    return bool(tx.execute(_ADD_STAFF, values).scalar_one())


def remove_staff(tx: Connection, staff_id: int, now: datetime) -> bool:
    """Take a staff phone off the list; False if there is none of that id."""
    removed = tx.execute(
        text("UPDATE staff SET removed_at = :now WHERE id = :id AND removed_at IS NULL"),
        {"id": staff_id, "now": now},
    )
    return bool(removed.rowcount)


_MEMBERS = (
    "SELECT staff.id, staff.contact_id, staff.level, coalesce(staff.odsc, staff.district, "
    "staff.province, CASE staff.level WHEN 'country' THEN 'LA' ELSE '' END) AS place, "
    "staff.language, staff.added_at, contacts.stopped_at IS NOT NULL, contacts.phone_hash, "
    "contacts.phone_cipher FROM staff JOIN contacts ON contacts.id = staff.contact_id "
)
_STAFF = text(
    _MEMBERS + "WHERE staff.removed_at IS NULL "
    "AND (CAST(:contact AS bigint) IS NULL OR staff.contact_id = :contact) "
    "ORDER BY place, staff.id"
)
_RESPONSIBLE = text(
    _MEMBERS + "JOIN odscs ON odscs.code = :odsc JOIN districts ON districts.code = odscs.district "
    "WHERE staff.removed_at IS NULL AND contacts.stopped_at IS NULL AND staff.level = :level "
    "AND (staff.level = 'country' OR staff.odsc = odscs.code OR staff.district = districts.code "
    "OR staff.province = districts.province) ORDER BY staff.id"
)


def staff(tx: Connection, contact_id: int | None = None) -> list[StaffMember]:
    """Everybody registered, by place; or the entries of one phone."""
    return [StaffMember(*row) for row in tx.execute(_STAFF, {"contact": contact_id})]


def responsible(tx: Connection, odsc: str, level: Level) -> list[StaffMember]:
    """Those of a level who answer for an ODSC and have not stopped messages.

    They are its own staff, its district's, its province's or the country's.
    """
    return [StaffMember(*row) for row in tx.execute(_RESPONSIBLE, {"odsc": odsc, "level": level})]


def sealed(tx: Connection, contact_id: int) -> tuple[bytes, bytes]:
    """A contact's number as it is stored: keyed hash and ciphertext."""
    row = tx.execute(
        text("SELECT phone_hash, phone_cipher FROM contacts WHERE id = :id"), {"id": contact_id}
    ).one()
    return bytes(row.phone_hash), bytes(row.phone_cipher)
