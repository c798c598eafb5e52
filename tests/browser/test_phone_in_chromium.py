"""The phone page in a real browser: what a visitor presses, sees and is spared."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from werkzeug.serving import make_server

from app import create_app, open_office, settings, upkeep
from app.office import Office

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
)
PATIENCE = 20.0

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(CHROMIUM is None, reason=f"there is none of {', '.join(NAMES)} here"),
]


class Browser:
    """One tab of a headless Chromium, spoken to through two pipes: no port, no driver."""

    def __init__(self, program: str, profile: Path) -> None:
        theirs_in, self._out = _pipe()
        self._in, theirs_out = _pipe()
        quiet = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        self._process = os.posix_spawn(
            program,
            [program, *SWITCHES, f"--user-data-dir={profile}", "about:blank"],
            os.environ,
            file_actions=[
                quiet,
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, theirs_in, 3),
                (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            ],
            setpgroup=0,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._unread = b""
        self._number = 0
        self._session = ""
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def open(self, url: str, width: int = 420, height: int = 860) -> None:
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        attached = self.do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")
        self.do(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        self.do("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def do(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == self._number:
                assert "error" not in heard, heard
                result: dict[str, Any] = heard["result"]
                return result
            self._note(heard)

    def js(self, expression: str) -> object:
        result = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        value: object = result["result"].get("value")
        return value

    def wait(self, condition: str) -> None:
        until = time.monotonic() + PATIENCE
        while not self.js(condition):
            assert time.monotonic() < until, f"never became true: {condition}"
            time.sleep(0.05)

    def text(self, element: str) -> str:
        return str(self.js(f"document.getElementById('{element}').textContent"))

    def press(self, *elements: str) -> None:
        """Keys of the keypad by their sign, other buttons by their id."""
        for element in elements:
            selector = f'[data-key="{element}"]' if len(element) == 1 else f"#{element}"
            self.js(f"document.querySelector('{selector}').click()")

    def close(self) -> None:
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._out)
        os.close(self._in)

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], PATIENCE)
            read = os.read(self._in, 1 << 16) if ready else b""
            assert read, "Chromium said nothing"
            self._unread += read
        message, _, self._unread = self._unread.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        return heard

    def _note(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(told["entry"]["text"])


def _pipe() -> tuple[int, int]:
    """Ends numbered above those that Chromium is to find its own at."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]


@pytest.fixture
def office(engine: Engine, database_url: str, home: Path) -> Iterator[Office]:
    opened = open_office(settings.load({"SIANG_HOME": str(home)}), database_url)
    opened.desk.books.open(engine)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def address(office: Office) -> Iterator[str]:
    """The gateway's own web application, without its workers."""
    server = make_server("127.0.0.1", 0, create_app(office), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser(address: str, tmp_path: Path) -> Iterator[Browser]:
    assert CHROMIUM is not None
    opened = Browser(CHROMIUM, tmp_path / "profile")
    try:
        opened.open(f"{address}/phone")
        yield opened
    finally:
        opened.close()


@pytest.fixture
def drain(office: Office) -> Callable[[], None]:
    def drain_all() -> None:
        for one in upkeep.DRAINS.values():
            one(office, lambda: False)

    return drain_all


def _dial(browser: Browser) -> None:
    browser.press("call")
    browser.wait("document.getElementById('screen').textContent.indexOf('ສຽງ') === 0")


def _answer(browser: Browser, keys: str, until: str) -> None:
    browser.press(*keys, "call")
    browser.wait(f"document.getElementById('screen').textContent.indexOf('{until}') >= 0")


def test_a_whole_session_by_the_keypad(browser: Browser) -> None:
    _dial(browser)
    assert browser.text("state") == "ເຊື່ອມຕໍ່ແລ້ວ · In session"
    assert browser.text("meter").endswith("/ 70 UCS-2")
    _answer(browser, "0103", "ທ່ານພໍໃຈປານໃດ?")
    _answer(browser, "5", "ທ່ານໃຊ້ບໍລິການໃດ?")
    _answer(browser, "1", "ທ່ານຈ່າຍເທົ່າໃດ (ກີບ)?")
    _answer(browser, "1", "ເພດ?")
    _answer(browser, "3", "ຂອບໃຈທີ່ໃຫ້ຄະແນນ")
    assert browser.text("state") == "ຈົບແລ້ວ · Session ended"
    assert browser.js("document.getElementById('reply').value") == "*1616#"


def test_the_code_of_a_center_can_be_dialled_at_once(browser: Browser) -> None:
    browser.press(*"*1616*0103#", "call")
    browser.wait("document.getElementById('screen').textContent.indexOf('ທ່ານພໍໃຈປານໃດ?') > 0")


def test_another_code_never_reaches_the_gateway(browser: Browser) -> None:
    browser.press(*"*1617#", "call")
    assert "Wrong service code" in browser.text("screen")
    assert not any("/channels/" in url for url in browser.requests)


def test_a_lost_session_can_be_dialled_again(browser: Browser) -> None:
    _dial(browser)
    browser.press("drop")
    assert "lost the session" in browser.text("screen")
    _dial(browser)
    assert browser.text("state") == "ເຊື່ອມຕໍ່ແລ້ວ · In session"


def test_an_sms_is_thanked_in_the_inbox(browser: Browser, drain: Callable[[], None]) -> None:
    browser.press("tab-sms")
    browser.wait("document.getElementById('inbox').textContent.indexOf('No messages yet') > 0")
    browser.js("document.getElementById('draft').value = '0103 5 ດີຫຼາຍ'")
    browser.press("send")
    browser.wait("document.querySelectorAll('.went').length === 1")
    drain()
    browser.wait("document.querySelectorAll('.came').length === 1")
    assert "ຂອບໃຈທີ່ໃຫ້ຄະແນນ" in browser.text("inbox")


def test_what_is_no_phone_number_is_told(browser: Browser) -> None:
    browser.js("document.getElementById('number').value = '12345'")
    browser.press("call")
    browser.wait("document.getElementById('state').textContent.indexOf('no phone number') > 0")


def test_nothing_leaves_for_elsewhere_and_no_address_holds_the_number(
    browser: Browser, address: str
) -> None:
    _dial(browser)
    browser.press("tab-sms")
    browser.wait("document.getElementById('inbox').textContent !== ''")
    assert len(browser.requests) >= 5
    assert all(url.startswith(address) for url in browser.requests)
    assert not any("5551" in url for url in browser.requests)
    assert browser.js("document.cookie + localStorage.length + sessionStorage.length") == "00"
    assert "5551" not in str(browser.js("document.title + location.href"))
    assert browser.complaints == []


@pytest.mark.parametrize(("width", "height"), [(320, 640), (420, 860), (1280, 900)])
def test_no_screen_is_too_narrow(browser: Browser, width: int, height: int) -> None:
    browser.do(
        "Emulation.setDeviceMetricsOverride",
        **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    _dial(browser)
    overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert browser.js(overflow) is False
    # A whole Lao screen of the main menu is read without scrolling.
    glass = "document.getElementById('screen')"
    assert browser.js(f"{glass}.scrollHeight > {glass}.clientHeight") is False
