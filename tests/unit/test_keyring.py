"""Secrets: given by the environment, or made once into a file for its owner alone."""

from __future__ import annotations

import base64
import stat
import threading
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.keyring import KEY_BYTES, MINIMUM_TOKEN, key_bytes, open_keyring, tokens

NAMES = ["SIANG_PHONE_KEY", "SIANG_HASH_KEY", "SIANG_CHANNEL_KANNEL_TOKEN"]
KEY = base64.urlsafe_b64encode(bytes(range(KEY_BYTES))).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.env"


def lines(file: Path) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in file.read_text().splitlines())
    return {line[0]: line[1] for line in pairs}


def test_secrets_are_made_once(file: Path) -> None:
    first = open_keyring(file, {}, NAMES)
    assert sorted(first) == sorted(NAMES)
    assert len(set(first.values())) == len(NAMES)
    assert open_keyring(file, {}, NAMES) == first


def test_made_secrets_are_long_enough_for_what_they_are(file: Path) -> None:
    made = open_keyring(file, {}, NAMES)
    assert len(key_bytes("SIANG_PHONE_KEY", made)) == KEY_BYTES
    assert len(tokens("SIANG_CHANNEL_KANNEL_TOKEN", made)[0]) >= MINIMUM_TOKEN


def test_only_the_owner_can_read_the_file(file: Path) -> None:
    open_keyring(file, {}, NAMES)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_with_every_secret_in_the_environment_no_file_is_made(file: Path) -> None:
    given = {name: f"given-{name}" for name in NAMES}
    assert open_keyring(file, {**given, "OTHER": "x"}, NAMES) == given
    assert not file.exists()


def test_the_environment_wins_over_the_file_and_leaves_it_alone(file: Path) -> None:
    made = open_keyring(file, {}, NAMES)
    before = file.read_bytes()
    found = open_keyring(file, {NAMES[0]: KEY}, NAMES)
    assert found == {**made, NAMES[0]: KEY}
    assert file.read_bytes() == before


def test_a_secret_of_the_environment_is_not_written_down(file: Path) -> None:
    open_keyring(file, {NAMES[0]: KEY}, NAMES)
    assert sorted(lines(file)) == sorted(NAMES[1:])
    assert KEY not in file.read_text()


def test_an_empty_variable_gives_nothing(file: Path) -> None:
    assert open_keyring(file, {NAMES[0]: ""}, NAMES)[NAMES[0]]


def test_a_new_channel_gets_a_token_and_the_old_secrets_stay(file: Path) -> None:
    before = open_keyring(file, {}, NAMES)
    after = open_keyring(file, {}, [*NAMES, "SIANG_CHANNEL_TWILIO_TOKEN"])
    assert {name: after[name] for name in NAMES} == before
    assert lines(file) == after


def test_first_runs_at_once_make_one_set(file: Path) -> None:
    found: list[dict[str, str]] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        found.append(open_keyring(file, {}, NAMES))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(one == found[0] for one in found)
    assert lines(file) == found[0]


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [KEY, KEY.rstrip("=")])
def test_a_key_is_32_octets_with_or_without_its_padding(written: str) -> None:
    assert key_bytes("K", {"K": written}) == bytes(range(KEY_BYTES))


@pytest.mark.parametrize("written", ["x", "password", KEY[:-4], "AAAA" + KEY, "ກ" * 44, "=" * 44])
def test_a_bad_key_is_named_with_a_remedy_and_never_repeated(written: str) -> None:
    with pytest.raises(ConfigError, match="SIANG_PHONE_KEY must be 32 random bytes") as caught:
        key_bytes("SIANG_PHONE_KEY", {"SIANG_PHONE_KEY": written})
    assert "secrets.token_urlsafe(32)" in caught.value.remedy
    assert len(written) == 1 or written not in str(caught.value)


# --- tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "valid"),
    [
        ("n" * 16, ("n" * 16,)),
        (f"{'n' * 16},{'o' * 20}", ("n" * 16, "o" * 20)),
        (f" {'n' * 16} , {'o' * 20} ,", ("n" * 16, "o" * 20)),
    ],
)
def test_the_newest_token_stands_first_and_old_ones_are_valid_still(
    written: str, valid: tuple[str, ...]
) -> None:
    assert tokens("T", {"T": written}) == valid


@pytest.mark.parametrize(
    "written", ["", ",", "short", "n" * 15, f"{'n' * 16},short", f"a short {'n' * 16}"]
)
def test_a_token_too_short_or_with_other_signs_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="at least 16 letters") as caught:
        tokens("SIANG_CHANNEL_KANNEL_TOKEN", {"SIANG_CHANNEL_KANNEL_TOKEN": written})
    assert "SIANG_CHANNEL_KANNEL_TOKEN" in str(caught.value)
    assert "short" not in str(caught.value)
