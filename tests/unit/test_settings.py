"""config/siang.toml and the environment → Settings, or one sentence that says what to mend."""

from __future__ import annotations

import base64
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from app import settings
from app.errors import ConfigError
from app.settings import ROOT, Settings
from app.words import Limits

SMALL = """\
[service]
ussd_code = "*1616#"
short_code = "1616"

[delivery]
sms_channel = "kannel"

[channels.kannel]
kind = "kannel"
username = "siang"
"""
KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


class Place:
    """A folder with a configuration and a SIANG_HOME."""

    def __init__(self, folder: Path) -> None:
        self.config, self.home = folder / "config", folder / "home"
        self.config.mkdir()
        self.write(SMALL)

    def write(self, toml: str) -> Place:
        (self.config / "siang.toml").write_text(toml, encoding="utf-8")
        return self

    def load(self, **variables: str) -> Settings:
        fixed = {"SIANG_CONFIG": str(self.config), "SIANG_HOME": str(self.home)}
        return settings.load({**fixed, **variables})

    def refuses(self, *fragments: str, **variables: str) -> str:
        with pytest.raises(ConfigError) as caught:
            self.load(**variables)
        for fragment in fragments:
            assert fragment in str(caught.value)
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# --- what is right ----------------------------------------------------------------------------


def test_little_must_be_said(place: Place) -> None:
    loaded = place.load()
    assert (loaded.host, loaded.port, loaded.base_url) == (
        "127.0.0.1",
        8000,
        "http://127.0.0.1:8000",
    )
    assert (loaded.service.language, loaded.conversation.flow) == ("lo", "main")
    assert loaded.conversation.abandon_after_minutes == 30
    assert (loaded.digest.hour, loaded.redis_url, loaded.phone_page_open) == (8, "", False)
    kannel = loaded.channels["kannel"]
    assert (kannel.kind, kannel.ussd_limits, kannel.options) == (
        "kannel",
        Limits(160, 70),
        {"username": "siang"},
    )


def test_the_shipped_file_is_right(tmp_path: Path) -> None:
    loaded = settings.load({"SIANG_HOME": str(tmp_path)})
    assert loaded.config == ROOT / "config"
    assert {"simulator", "africastalking", "kannel"} <= set(loaded.channels)


def test_the_environment_is_read_where_none_is_given(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIANG_CONFIG", str(place.config))
    monkeypatch.setenv("SIANG_HOME", str(place.home))
    monkeypatch.setenv("PORT", "8123")
    assert settings.load().port == 8123


def test_the_environment_wins(place: Place) -> None:
    place.write(SMALL.replace("[delivery]", 'public_url = "https://file.example/"\n[delivery]'))
    assert place.load().base_url == "https://file.example"
    loaded = place.load(
        SIANG_PUBLIC_URL="https://given.example/",
        SIANG_CHANNEL_KANNEL_USERNAME="other",
        SIANG_CHANNEL_KANNEL_PASSWORD="secret-of-bearerbox",
        SIANG_PHONE_PAGE="open",
        REDIS_URL="rediss://cache:6380/1",
        PORT="9000",
    )
    assert (loaded.base_url, loaded.port) == ("https://given.example", 9000)
    assert loaded.channels["kannel"].base_url == "https://given.example"
    assert loaded.channels["kannel"].options == {
        "username": "other",
        "password": "secret-of-bearerbox",
    }
    assert (loaded.phone_page_open, loaded.redis_url) == (True, "rediss://cache:6380/1")


@pytest.mark.parametrize(
    ("line", "by_sms", "by_ussd"),
    [("", 10, 3), ("repeat_seconds = 8", 8, 8), ("repeat_seconds = 0", 0, 0)],
)
def test_a_key_pressed_twice_is_a_repeat_for_less_long_than_an_sms_unless_it_is_said(
    place: Place, line: str, by_sms: float, by_ussd: float
) -> None:
    kannel = place.write(SMALL + line).load().channels["kannel"]
    assert (kannel.repeat_seconds, kannel.ussd_repeat_seconds) == (by_sms, by_ussd)


def test_a_channel_may_have_smaller_pages(place: Place) -> None:
    place.write(SMALL + "ussd_limits = {gsm7 = 140, ucs2 = 60}\n")
    kannel = place.load().channels["kannel"]
    assert (kannel.ussd_limits, kannel.sms_limits) == (Limits(140, 60), Limits(160, 70))


def test_secrets_are_the_same_at_the_next_start(place: Place) -> None:
    first, second = place.load(), place.load()
    assert (first.phone_key, first.hash_key) == (second.phone_key, second.hash_key)
    assert first.channels["kannel"].tokens == second.channels["kannel"].tokens
    assert first.phone_key != first.hash_key


def test_two_tokens_are_valid_while_a_console_is_changed(place: Place) -> None:
    loaded = place.load(SIANG_CHANNEL_KANNEL_TOKEN=f"{'n' * 20}, {'o' * 20}")
    assert loaded.channels["kannel"].tokens == ("n" * 20, "o" * 20)
    assert "token" not in loaded.channels["kannel"].options


def test_a_variable_of_a_channel_with_a_hyphen_has_an_underscore() -> None:
    assert settings.channel_variable("my-box", "token") == "SIANG_CHANNEL_MY_BOX_TOKEN"


def test_settings_cannot_be_changed(place: Place) -> None:
    loaded: Any = place.load()
    with pytest.raises(FrozenInstanceError):
        loaded.port = 1


def test_repr_holds_no_secret(place: Place) -> None:
    loaded = place.load(
        SIANG_PHONE_KEY=KEY,
        SIANG_CHANNEL_KANNEL_TOKEN="token-of-the-console",
        SIANG_CHANNEL_KANNEL_PASSWORD="secret-of-bearerbox",
        REDIS_URL="redis://:secret-of-redis@cache/0",
    )
    for text in (repr(loaded), str(loaded), repr(loaded.channels), f"{loaded.channels['kannel']}"):
        for secret in (KEY, "token-of", "secret-of", "k" * 32, repr(loaded.hash_key)):
            assert secret not in text


# --- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("[service]", "[service]\ncolour = 1", "service.colour: Extra inputs"),
        ("[service]", "[colours]\nred = 1\n[service]", "colours: Extra inputs"),
        ('short_code = "1616"', "", "service.short_code: Field required"),
        ('short_code = "1616"', "short_code = 1616", "service.short_code"),
        ('"*1616#"', '"1616"', "service.ussd_code"),
        ("[delivery]", "[digest]\nhour = 24\n[delivery]", "digest.hour"),
        ("[delivery]", "[conversation]\nabandon_after_minutes = 0\n[delivery]", "abandon_after"),
        ('sms_channel = "kannel"', "", "delivery.sms_channel: Field required"),
        ('kind = "kannel"', "", "channels.kannel.kind: Field required"),
        ("[channels.kannel]", '[channels.Kannel]\nkind="kannel"\n[channels.kannel]', "Kannel"),
        ('username = "siang"', "ussd_limits = {ucs2 = 10}", "channels.kannel.ussd_limits.ucs2"),
    ],
)
def test_a_wrong_key_is_named(place: Place, right: str, wrong: str, named: str) -> None:
    assert right in SMALL
    sentence = place.write(SMALL.replace(right, wrong)).refuses(named, "siang.toml")
    assert sentence.endswith("Mend config/siang.toml")


def test_all_wrong_keys_are_named_at_once(place: Place) -> None:
    wrong = SMALL.replace("[service]", "[service]\ncolour = 1").replace('kind = "kannel"', "")
    place.write(wrong).refuses("service.colour", "channels.kannel.kind")


def test_digests_need_a_channel_that_is_there(place: Place) -> None:
    wrong = SMALL.replace('sms_channel = "kannel"', 'sms_channel = "twilio"')
    place.write(wrong).refuses("'twilio', which is no channel", "Use one of kannel")


@pytest.mark.parametrize("text", ["[service", "a = ", "[service]\n[service]\n"])
def test_what_is_no_toml_is_named_with_its_line(place: Place, text: str) -> None:
    place.write(text).refuses("is not valid TOML", "line", "Mend the line it names")


def test_a_file_that_is_no_utf8_is_named(place: Place) -> None:
    (place.config / "siang.toml").write_bytes(b"[service]\nussd_code = '\xff'")
    place.refuses("is not valid TOML")


def test_a_missing_file_is_named(place: Place) -> None:
    (place.config / "siang.toml").unlink()
    place.refuses("There is no configuration at", "set SIANG_CONFIG")


@pytest.mark.parametrize(
    "variable", ["SIANG_PORT", "SIANG_CHANNEL_TWILIO_TOKEN", "SIANG_phone_key", "SIANG_"]
)
def test_an_unknown_variable_is_named(place: Place, variable: str) -> None:
    place.refuses(variable, "SIANG_HOME", "Unset it", **{variable: "secret-of-mine"})


def test_what_an_unknown_variable_holds_is_not_repeated(place: Place) -> None:
    assert "secret-of-mine" not in place.refuses("SIANG_X", SIANG_X="secret-of-mine")


def test_variables_of_others_are_none_of_our_business(place: Place) -> None:
    place.load(HOME="/", PATH="", PORTAL="x", DATABASE_URL="sqlite://")


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "80 ", "http", "8e3", "໘໐໐໐"])
def test_a_bad_port_is_named(place: Place, port: str) -> None:
    place.refuses(f"PORT is {port!r}", "from 1 to 65535", PORT=port)


@pytest.mark.parametrize("url", ["localhost:6379", "http://x", ":secret-of-redis@cache"])
def test_a_bad_redis_url_is_refused_and_not_repeated(place: Place, url: str) -> None:
    assert url not in place.refuses("REDIS_URL is no address of a Redis", REDIS_URL=url)


def test_a_bad_key_is_refused_and_not_repeated(place: Place) -> None:
    sentence = place.refuses("SIANG_HASH_KEY must be 32 random bytes", SIANG_HASH_KEY="hunter22")
    assert "hunter22" not in sentence


def test_a_short_token_is_refused(place: Place) -> None:
    place.refuses("SIANG_CHANNEL_KANNEL_TOKEN", "16", SIANG_CHANNEL_KANNEL_TOKEN="hunter22")


def test_a_home_that_cannot_be_made_is_named(place: Place) -> None:
    place.refuses("cannot be made", SIANG_HOME=str(place.config / "siang.toml" / "home"))
