"""Mistakes once made: what each would have done to somebody."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from app.clock import Week
from app.errors import ConfigError
from app.flows.nodes import Ask
from app.flows.reading import read
from app.keyring import key_bytes
from app.logs import blot
from app.people.vault import Sealed, Vault
from app.settings import ROOT
from tests.unit.flows.test_load import PACK, SMALL, TEXTS, problems, sources
from tests.unit.flows.walks import Paper, Walk
from tests.unit.test_settings import SMALL as TOML
from tests.unit.test_settings import Place


def rating() -> Walk:
    return Walk().press("1", "0103", "5")


def test_notice_is_seen_on_a_later_page() -> None:
    rating().press("9", "zzz").sees("ບໍ່ຖືກຕ້ອງ")


def test_no_option_is_skipped_after_a_wrong_answer() -> None:
    walk = rating().press("zzz")
    seen = walk.page
    while walk.state.page + 1 < walk.state.pages:
        walk.press("9")
        seen += "\n" + walk.page
    for number, _ in walk.step.screen.options:
        assert f"\n{number} " in seen, number


def test_the_menu_after_a_language_is_one_page() -> None:
    assert len(Walk().press("5", "1").at("home").pages) == 1


def test_the_last_center_may_be_typed_by_name() -> None:
    Walk(Paper(last="0103")).press("1", "ໄຊເສດຖາ").at("score")


def test_the_template_is_no_label() -> None:
    Walk(Paper(last="0103"), language="en").press("1", "last").at("center_last")


def test_a_request_that_went_meanwhile() -> None:
    walk = Walk().press("2", "VTE2026")
    walk.paper.requests.clear()
    walk.press("x")


def test_a_service_that_went_meanwhile() -> None:
    walk = Walk().press("3", "1")
    walk.paper.services = {}
    walk.press("x")


def test_reference_has_no_nul() -> None:
    given = read(Ask("reference", "x"), "AB\0CD")
    assert given is not None
    assert given.value == "ABCD"


@pytest.mark.parametrize("text", ["{}", "{0}", "{name.x}", "{name[0]}", "{name!q}"])
def test_placeholders_that_cannot_be_filled(text: str) -> None:
    pack = PACK + TEXTS.replace("{name}", text)
    problems(sources(lo=pack, en=pack))


def test_duplicate_text() -> None:
    problems(sources(lo=PACK + TEXTS + 'ask: "again"\n'))


def test_duplicate_node() -> None:
    problems(sources(SMALL + "  bye: {say: bye}\n"))


def test_two_comparisons() -> None:
    problems(
        sources(
            SMALL + "  b: {branch: [{answer: s, at_most: 3, at_least: 1, to: bye}], else: bye}\n"
        )
    )


def test_no_comparison() -> None:
    problems(sources(SMALL + "  b: {branch: [{answer: s, to: bye}], else: bye}\n"))


def test_circle_is_refused() -> None:
    problems(sources(SMALL + "  b: {branch: [], else: c}\n  c: {branch: [], else: b}\n"))


def test_two_files_of_one_flow() -> None:
    problems({**sources(), "flows/other.yaml": sources()["flows/small.yaml"]})


@pytest.mark.parametrize("w", ["9999-W99", "9999-W60"])
def test_week(w: str) -> None:
    with pytest.raises(ValueError, match="week"):
        Week.parse(w)


def test_key_with_rubbish() -> None:
    key = base64.urlsafe_b64encode(b"k" * 32).decode()
    for bad in (key + "AAAA", key[:10] + " !" + key[10:]):
        with pytest.raises(ConfigError):
            key_bytes("K", {"K": bad})


def test_channels_with_common_beginning(tmp_path: Path) -> None:
    place = Place(tmp_path).write(TOML + '[channels.kannel-b]\nkind = "kannel"\nusername = "b"\n')
    loaded = place.load(SIANG_CHANNEL_KANNEL_B_TOKEN="n" * 20, SIANG_CHANNEL_KANNEL_B_PASSWORD="x")
    assert loaded.channels["kannel"].options == {"username": "siang"}


def test_channels_of_one_variable(tmp_path: Path) -> None:
    place = Place(tmp_path).write(
        TOML + '[channels.a-b]\nkind = "kannel"\n[channels.a_b]\nkind = "kannel"\n'
    )
    with pytest.raises(ConfigError):
        place.load()


def test_host(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Place(tmp_path).load(SIANG_HOST="nonsense host")


def test_phone_page(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Place(tmp_path).load(SIANG_PHONE_PAGE="opne")


def test_config_empty(tmp_path: Path) -> None:
    Place(tmp_path).load(SIANG_CONFIG="")


def test_redis(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Place(tmp_path).load(REDIS_URL="redis://cache:port/0")


def test_comments_and_mode(tmp_path: Path) -> None:
    from app.keyring import open_keyring

    f = tmp_path / "s.env"
    f.write_text("# mine\nA=1\n")
    f.chmod(0o644)
    open_keyring(f, {}, ["A", "B"])
    assert "# mine" in f.read_text()
    assert f.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("length", range(0, 13))
def test_truncated(length: int) -> None:
    v = Vault(b"p" * 32, b"h" * 32)
    s = v.seal("+8562055512345")
    with pytest.raises(ConfigError):
        v.open(Sealed(s.hash, s.cipher[:length]))


def test_key_id() -> None:
    v = Vault(b"p" * 32, b"h" * 32)
    s = v.seal("+8562055512345")
    with pytest.raises(ConfigError):
        v.open(Sealed(s.hash, b"\x02" + s.cipher[1:]))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23",
        "2030-01-02",
        "2026-11-23 12:30:05",
        "20304050-6070-4856-8123-856203040506",
        "f47ac10b-58cc-4372-a567-856205551234",
        "0.2012345678",
    ],
)
def test_harmless(text: str) -> None:
    assert blot(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "ເບີ02055512345",
        "020.5551.2345",
        "(020) 5551 2345",
        "໐໒໐ ໕໕໕໑ ໒໓໔໕",
        "020%205551%202345",
        "number_02055512345",
        "tel:02055512345x",
        "+856.20.5551.2345",
        "020–5551–2345",
        "0066812345678",
    ],
)
def test_leaks(text: str) -> None:
    assert not any(part in blot(text) for part in ("5551", "໕໕໕໑", "812345678"))


SCRIPT = """
import logging, structlog, sys
from app import logs
logs.set_up(sys.argv[1])
try: raise ValueError("SECRETWORD +8562055512345")
except ValueError: logging.getLogger("flask").exception("Exception on /x")
structlog.get_logger().info("nested", given={"to": "+8562055512345"}, n=8562055512345)
"""


@pytest.mark.parametrize("style", ["text", "json"])
def test_exception_words(style: str) -> None:
    out = subprocess.run(
        [sys.executable, "-c", SCRIPT, style], capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert "SECRETWORD" not in out
    assert "55512345" not in out
