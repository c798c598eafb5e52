"""The spool: what arrived while the database was away is on the disk, in order, and in no clear."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.people.vault import Vault
from app.spool import KEPT, LEAST_FREE, MOST_LOOKED_AT, SET_ASIDE, UNFINISHED, Spool, free_octets
from app.words import Arrived, Ended, Heartbeat, Inbound, Limits, OptOut, Part, Receipt

AT = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)
NUMBER, OTHER = "+8562055512345", "+8562077712345"
VAULT = Vault(b"p" * 32, b"h" * 32)
EVERY: tuple[Arrived, ...] = (
    Inbound("kannel", "sms", NUMBER, "ຊ້າຫຼາຍ\n😀", "id-1", AT),
    Inbound(
        channel="http",
        medium="sms",
        sender=NUMBER,
        text="part",
        provider_id="",
        received_at=AT,
        to="1616",
        part=Part("7", 2, 3),
        context={"smsc": "ltc"},
        language="lo",
        limits=Limits(160, 67),
    ),
    Receipt("kannel", "delivered", AT, message_id="m", phone=NUMBER, detail="000"),
    OptOut("twilio", NUMBER, AT, stopped=False),
    Ended("africastalking", "s-1", NUMBER, AT, "Incomplete"),
    Heartbeat("android", "phone-1", AT, "battery 80"),
)


def said(number: int) -> Inbound:
    return Inbound("kannel", "sms", NUMBER, f"text {number}", f"id-{number}", AT)


def never() -> bool:
    return False


def nothing() -> None:
    """Nobody is told."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Spool:
    return Spool(folder, VAULT)


def into(taken: list[Arrived]) -> Callable[[Arrived], bool]:
    def take(arrival: Arrived) -> bool:
        taken.append(arrival)
        return True

    return take


def flushed(spool: Spool) -> list[Arrived]:
    """Everything, as it is taken."""
    taken: list[Arrived] = []
    spool.flush(into(taken), nothing, never)
    return taken


def files(folder: Path, suffix: str = KEPT) -> list[Path]:
    return sorted(folder.glob(f"*{suffix}"))


def test_everything_that_may_arrive_comes_out_as_it_went_in(spool: Spool) -> None:
    for arrival in EVERY:
        assert spool.put("whoever", arrival)
    assert flushed(spool) == list(EVERY)
    assert flushed(spool) == []


def test_the_oldest_comes_first_whatever_the_clock_does(folder: Path) -> None:
    moments = iter([5, 5, 9, 3, 8, 10])
    spool = Spool(folder, VAULT, clock=lambda: next(moments))
    for number in range(6):
        assert spool.put(NUMBER, said(number))
    assert flushed(spool) == [said(number) for number in range(6)]


def test_threads_at_once_lose_nothing(spool: Spool) -> None:
    def put(first: int) -> None:
        for number in range(first, first + 25):
            assert spool.put(NUMBER, said(number))

    threads = [threading.Thread(target=put, args=(first,)) for first in range(0, 200, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = [one.text for one in flushed(spool) if isinstance(one, Inbound)]
    assert sorted(texts) == sorted(f"text {number}" for number in range(200))


def test_nobody_reads_anything_on_the_disk(spool: Spool, folder: Path) -> None:
    for arrival in EVERY:
        spool.put(NUMBER, arrival)
    assert len(files(folder)) == len(EVERY)
    for path in files(folder):
        content = path.read_bytes() + path.name.encode()
        for secret in (NUMBER, NUMBER[-8:], "ຊ້າຫຼາຍ", "Inbound", "kannel"):
            assert secret.encode() not in content
        assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_names_tell_one_phone_from_another_and_nothing_else(spool: Spool) -> None:
    assert not spool.holds(NUMBER)
    spool.put(NUMBER, said(1))
    assert spool.holds(NUMBER)
    assert not spool.holds(OTHER)
    flushed(spool)
    assert not spool.holds(NUMBER)


def test_among_very_many_files_a_phone_may_have_one(spool: Spool, folder: Path) -> None:
    spool.put(OTHER, said(1))
    for number in range(MOST_LOOKED_AT):
        (folder / f"{number}-x{SET_ASIDE}").touch()
    assert spool.holds(NUMBER)


def test_what_waits_is_counted_and_timed(folder: Path) -> None:
    moments = iter([1_000_000_000, 2_000_000_000, 61_000_000_000])
    spool = Spool(folder, VAULT, clock=lambda: next(moments))
    assert spool.pending().count == 0
    spool.put(NUMBER, said(1))
    spool.put(NUMBER, said(2))
    pending = spool.pending()
    assert (pending.count, pending.oldest_seconds) == (2, 60.0)


# --- when it cannot ---------------------------------------------------------------------------


def test_a_full_disk_refuses(folder: Path) -> None:
    full = Spool(folder, VAULT, free=lambda path: LEAST_FREE - 1)
    assert not full.put(NUMBER, said(1))
    assert not full.usable()
    assert files(folder) == []


def test_a_folder_that_cannot_be_made_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = Spool(tmp_path / "file" / "spool", VAULT)
    assert not spool.put(NUMBER, said(1))
    assert not spool.usable()
    assert not spool.holds(NUMBER)
    assert spool.pending().count == 0
    assert flushed(spool) == []


def test_a_file_that_cannot_be_written_leaves_nothing(folder: Path) -> None:
    def vanish(path: Path) -> int:
        # The volume goes away between the look and the file.
        path.rmdir()
        return LEAST_FREE

    assert not Spool(folder, VAULT, free=vanish).put(NUMBER, said(1))
    assert not folder.exists()


def test_so_many_files_are_enough(folder: Path) -> None:
    spool = Spool(folder, VAULT, most=3)
    assert [spool.put(NUMBER, said(number)) for number in range(5)] == [True] * 3 + [False] * 2
    assert not spool.usable()
    assert len(files(folder)) == 3
    assert not Spool(folder, VAULT, most=3).put(NUMBER, said(6))


def test_a_usable_spool_leaves_no_trace_of_the_question(spool: Spool, folder: Path) -> None:
    assert spool.usable()
    assert list(folder.iterdir()) == []
    assert free_octets(folder) > 0


# --- flushing ---------------------------------------------------------------------------------


def test_a_database_that_is_away_ends_the_flush_and_keeps_the_rest(spool: Spool) -> None:
    for number in range(4):
        spool.put(NUMBER, said(number))
    answers = iter([True, True, False])
    assert spool.flush(lambda one: next(answers), nothing, never) == 2
    assert flushed(spool) == [said(2), said(3)]


def test_a_kill_between_commit_and_removal_brings_it_once_more(spool: Spool) -> None:
    spool.put(NUMBER, said(1))

    def killed(arrival: Arrived) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spool.flush(killed, nothing, never)
    assert flushed(spool) == [said(1)]


def test_a_flush_that_is_told_to_stop_stops(spool: Spool) -> None:
    for number in range(3):
        spool.put(NUMBER, said(number))
    told = iter([False, True])
    assert spool.flush(lambda one: True, nothing, lambda: next(told)) == 1
    assert spool.pending().count == 2


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def _changed(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def _of_the_future(path: Path) -> None:
    path.write_bytes(VAULT.wrap(json.dumps({"kind": "Dove", "said": {}}).encode()))


def _of_another_kind(path: Path) -> None:
    path.write_bytes(VAULT.wrap(b"[1, 2]"))


def _of_another_key(path: Path) -> None:
    path.write_bytes(Vault(b"q" * 32, b"h" * 32).wrap(b"{}"))


@pytest.mark.parametrize(
    "spoil",
    [_cut, _changed, _of_the_future, _of_another_kind, _of_another_key, Path.touch],
    ids=lambda spoil: spoil.__name__,
)
def test_what_cannot_be_read_is_kept_aside_and_told(
    spool: Spool, folder: Path, spoil: Callable[[Path], None]
) -> None:
    for number in range(3):
        spool.put(NUMBER, said(number))
    first = files(folder)[1]
    if spoil is Path.touch:
        first.write_bytes(b"")
    spoil(first)
    told: list[int] = []
    taken: list[Arrived] = []
    spool.flush(into(taken), lambda: told.append(1), never)
    assert taken == [said(0), said(2)]
    assert told == [1]
    assert [path.name for path in files(folder, SET_ASIDE)] == [first.name + SET_ASIDE]


def test_who_cannot_tell_of_it_sets_nothing_aside(spool: Spool, folder: Path) -> None:
    spool.put(NUMBER, said(1))
    _cut(files(folder)[0])

    def away() -> None:
        raise ConfigError("the database is away")

    with pytest.raises(ConfigError):
        spool.flush(lambda one: True, away, never)
    assert len(files(folder)) == 1
    assert files(folder, SET_ASIDE) == []


def test_what_a_killed_process_was_writing_is_nothing(spool: Spool, folder: Path) -> None:
    spool.put(NUMBER, said(1))
    half = folder / f".0-x-y{KEPT}{UNFINISHED}"
    half.write_bytes(b"half")
    assert flushed(spool) == [said(1)]
    assert half.exists()


def test_two_flushes_at_once_are_one(spool: Spool, folder: Path) -> None:
    spool.put(NUMBER, said(1))
    inner: list[int] = []

    def meanwhile(arrival: Arrived) -> bool:
        other = Spool(folder, VAULT)
        inner.append(other.flush(lambda one: True, nothing, never))
        return True

    assert spool.flush(meanwhile, nothing, never) == 1
    assert inner == [0]


# --- what is wrapped --------------------------------------------------------------------------


def test_what_is_wrapped_opens_and_shows_nothing() -> None:
    wrapped = VAULT.wrap(NUMBER.encode())
    assert VAULT.unwrap(wrapped) == NUMBER.encode()
    assert NUMBER.encode() not in wrapped
    assert VAULT.wrap(NUMBER.encode()) != wrapped


def test_a_sealed_number_does_not_pass_for_something_wrapped() -> None:
    sealed = VAULT.seal(NUMBER)
    with pytest.raises(ConfigError) as caught:
        VAULT.unwrap(sealed.cipher)
    assert "SIANG_PHONE_KEY" in str(caught.value)
    assert caught.value.__cause__ is None
