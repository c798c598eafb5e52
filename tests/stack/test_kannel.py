"""The whole path through Debian's Kannel: message centre → bearerbox → smsbox → Siang and back."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from tests.channels import centre, kannel_rig
from tests.channels.centre import PSSR_REQUEST, RELEASE, USSR_CONFIRM, Centre, Submitted
from tests.stack.running import PROMISE, Stack, free_port

pytestmark = [
    pytest.mark.kannel,
    pytest.mark.slow,
    pytest.mark.skipif(not kannel_rig.INSTALLED, reason="Kannel is not installed"),
]

PHONE = "+8562055512345"
GOT = re.compile(rb"Got message \d+: <(\S+) (\S+) (\S+) (\S*)>")


@dataclass
class Handset:
    """A phone at Kannel's own fake message centre."""

    port: int
    folder: Path
    number: str = PHONE
    said: int = 0

    def texts(self, written: str) -> bytes:
        """Send an SMS in UCS-2 and wait for the answer: the octets that reached the centre."""
        coded = "".join(f"%{octet:02x}" for octet in written.encode("utf-16-be"))
        self.said += 1
        log = self.folder / f"fakesmsc-{self.said}.log"
        message = f"{self.number} 1616 ucs2 {coded}"
        command = [str(kannel_rig.FAKESMSC), "-H", "127.0.0.1", "-r", str(self.port), "-m", "1"]
        with (
            log.open("wb") as out,
            subprocess.Popen([*command, message], stdout=out, stderr=out) as process,
        ):
            try:
                return self._answer(log)
            finally:
                process.terminate()

    def _answer(self, log: Path) -> bytes:
        deadline = time.monotonic() + PROMISE
        while time.monotonic() < deadline:
            found = GOT.search(log.read_bytes())
            if found is not None:
                sender, receiver, coding, text = found.groups()
                assert (sender, receiver, coding) == (b"1616", self.number.encode(), b"ucs-2")
                # A space octet is written "+", a plus "%2B".
                return unquote_to_bytes(text.replace(b"+", b" "))
            time.sleep(0.05)
        raise AssertionError(f"no answer: {log.read_text(errors='replace')}")


@dataclass
class Dialogue:
    """A phone that speaks USSD at a message centre of ours."""

    centre: Centre
    session: bytes
    number: str = PHONE

    def dials(self, written: str) -> Submitted:
        return self._step(PSSR_REQUEST, written)

    def presses(self, written: str) -> Submitted:
        return self._step(USSR_CONFIRM, written)

    def hangs_up(self) -> None:
        self.centre.dial(self.number.removeprefix("+"), "1616", RELEASE, self.session)

    def _step(self, op: int, written: str) -> Submitted:
        """One step, and the screen that it is answered with."""
        before = len(self.centre.submitted)
        phone = self.number.removeprefix("+")
        coding = 0 if written.isascii() else 8
        body = written.encode("ascii" if written.isascii() else "utf-16-be")
        self.centre.dial(phone, "1616", op, self.session, body, coding)
        shown = self.centre.wait_for(before + 1)[-1]
        assert (shown.destination, shown.session) == (phone, self.session)
        assert shown.service == "USSD"
        return shown


@pytest.fixture(scope="module")
def kannel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Handset]]:
    folder = tmp_path_factory.mktemp("kannel")
    stack, centre = Stack(folder / "home"), free_port()
    changes = {"127.0.0.1:8000": f"127.0.0.1:{stack.port}", "port = 13010": f"port = {centre}"}
    with kannel_rig.kannel("siang-fakesmsc.conf", folder, changes) as sendsms:
        stack.extra = {
            "SIANG_CHANNEL_KANNEL_SENDSMS_URL": f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms",
            "SIANG_CHANNEL_KANNEL_PASSWORD": "try-sendsms",
            "SIANG_CHANNEL_KANNEL_TOKEN": "try-token-0123456789",
        }
        stack.start()
        yield stack, Handset(centre, folder)
        stack.stop()


def utf16(text: str) -> bytes:
    return text.encode("utf-16-be")


def test_one_line_is_counted_and_thanked_in_lao(kannel: tuple[Stack, Handset]) -> None:
    stack, handset = kannel
    answer = handset.texts("0103 5 ດີຫຼາຍ")
    assert answer == utf16("ຂອບໃຈທີ່ໃຫ້ຄະແນນ. ສູນບໍ່ເຫັນເບີຂອງທ່ານ")
    stack.until("counted", lambda: stack.tally()["complete"] == 1, PROMISE)
    assert stack.tally()["scores"]["5"] == 1


def test_a_whole_conversation_in_lao(kannel: tuple[Stack, Handset]) -> None:
    stack, handset = kannel
    handset.number = "+8562077712345"
    expected = {
        "ສະບາຍດີ": "ສຽງ\n1 ໃຫ້ຄະແນນ\n2 ກວດຄຳຮ້ອງ\n3 ຄ່າທຳນຽມ-ເອກະສານ\n4 ແຈ້ງບັນຫາ\n5 ພາສາ\n6 ABC",
        "໑": "ປ້ອນລະຫັດສູນ 4 ຕົວ ຫຼື ຊື່ເມືອງ\n1 ບໍ່ຮູ້ລະຫັດ\n0 ກັບຄືນ",
        "໐໑໐໓": "ໄຊເສດຖາ: ທ່ານພໍໃຈປານໃດ?\n1=ບໍ່ດີເລີຍ 5=ດີຫຼາຍ\n0 ກັບຄືນ 00 ເມນູ",
        "໒": "ທ່ານໃຊ້ບໍລິການໃດ?\n1 ບັດປະຈຳຕົວ\n2 ສຳມະໂນຄົວ\n9 ຕໍ່ໄປ 0 ກັບຄືນ 00 ເມນູ",
        "ບັດປະຈຳຕົວ": "ບັນຫາຫຼັກ?\n1 ເວລາລໍຖ້າ\n2 ພະນັກງານ\n3 ເງິນ\n4 ເອກະສານ\n5 ອື່ນໆ\n0 ກັບຄືນ",
        "3": "ທ່ານຈ່າຍເທົ່າໃດ (ກີບ)?\n1 ຂ້າມ\n2 ບໍ່ເສຍຄ່າ\n0 ກັບຄືນ 00 ເມນູ",
        "50.000 ກີບ": "ເພດ?\n1 ຍິງ\n2 ຊາຍ\n3 ຂ້າມ\n0 ກັບຄືນ 00 ເມນູ",
        "ຍິງ": "ຂອບໃຈທີ່ໃຫ້ຄະແນນ. ສູນບໍ່ເຫັນເບີຂອງທ່ານ",
    }
    answers = {written: handset.texts(written).decode("utf-16-be") for written in expected}
    assert answers == expected
    stack.until("counted", lambda: stack.tally()["complete"] == 2, PROMISE)
    tally = stack.tally()
    assert (tally["women"], tally["reasons"]["money"], tally["services"]) == (1, 1, {"id_card": 1})


def test_the_receipts_of_the_network_came_back(kannel: tuple[Stack, Handset]) -> None:
    stack, _ = kannel
    # Kannel's fake centre reports each message as taken, then as delivered.
    waiting = "SELECT count(*) FROM outbox WHERE state <> 'delivered'"
    stack.until("delivered", lambda: stack.value(waiting) == 0, PROMISE)
    assert stack.value("SELECT count(*) FROM outbox") == 9
    assert stack.value("SELECT count(*) FROM receipts") == 18
    assert "request_refused" not in stack.log


def test_the_recount_agrees(kannel: tuple[Stack, Handset]) -> None:
    assert kannel[0].siang("recount", "--check")


@pytest.fixture(scope="module")
def ussd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Centre]]:
    folder = tmp_path_factory.mktemp("kannel-ussd")
    stack = Stack(folder / "home")
    with centre.running() as one:
        changes = {
            "127.0.0.1:8000": f"127.0.0.1:{stack.port}",
            "CHANGE-ME-smsc-host": "127.0.0.1",
            "port = 2775": f"port = {one.port}",
            "CHANGE-ME-token": "try-token-0123456789",
        }
        with kannel_rig.kannel("siang-ussd.conf", folder, changes) as sendsms:
            stack.extra = {
                "SIANG_CHANNEL_KANNEL_SENDSMS_URL": f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms",
                "SIANG_CHANNEL_KANNEL_PASSWORD": "CHANGE-ME-sendsms",
                "SIANG_CHANNEL_KANNEL_TOKEN": "try-token-0123456789",
            }
            stack.start()
            assert one.bound.wait(10)
            yield stack, one
            stack.stop()


def test_a_rating_by_ussd_from_dialling_to_the_tally(ussd: tuple[Stack, Centre]) -> None:
    stack, middle = ussd
    phone = Dialogue(middle, b"\x1a\x2c")
    screens = [
        phone.dials("*1616#"),
        *(phone.presses(keys) for keys in ("1", "໐໑໐໓", "5", "1", "2")),
    ]
    for screen, seen in zip(
        screens,
        ["1 ໃຫ້ຄະແນນ", "ລະຫັດສູນ", "ໄຊເສດຖາ", "1 ບັດປະຈຳຕົວ", "2 ບໍ່ເສຍຄ່າ", "1 ຍິງ"],
        strict=True,
    ):
        assert (screen.op, screen.coding) == (2, 8)
        assert seen in screen.text
    last = phone.presses("1")
    assert last.op == 17
    assert "ຂອບໃຈ" in last.text
    stack.until("counted", lambda: stack.tally()["complete"] == 1, PROMISE)
    assert (stack.tally()["scores"]["5"], stack.tally()["women"]) == (1, 1)


def test_what_is_dialled_behind_the_code_is_played_at_once(ussd: tuple[Stack, Centre]) -> None:
    _, middle = ussd
    shown = Dialogue(middle, b"\x1b\x00", "+8562077712345").dials("*1616*1*0103#")
    assert shown.op == 2
    assert "ໄຊເສດຖາ" in shown.text


def test_a_session_number_is_used_again_by_another_phone(ussd: tuple[Stack, Centre]) -> None:
    _, middle = ussd
    first = Dialogue(middle, b"\x1c\x00", "+8562077700001")
    second = Dialogue(middle, b"\x1c\x00", "+8562077700002")
    assert "1 ໃຫ້ຄະແນນ" in first.dials("*1616#").text
    assert "1 ໃຫ້ຄະແນນ" in second.dials("*1616#").text
    assert "ລະຫັດສູນ" in first.presses("1").text
    assert "1 ໃຫ້ຄະແນນ" not in second.presses("3").text


def test_after_hanging_up_the_next_call_begins_again(ussd: tuple[Stack, Centre]) -> None:
    _, middle = ussd
    phone = Dialogue(middle, b"\x1d\x00", "+8562077700003")
    assert "1 ໃຫ້ຄະແນນ" in phone.dials("*1616#").text
    phone.hangs_up()
    again = phone.dials("*1616#")
    assert (again.op, again.coding) == (2, 8)


def test_an_sms_on_the_same_link_is_counted_too(ussd: tuple[Stack, Centre]) -> None:
    stack, middle = ussd
    before = stack.tally()["complete"]
    sent = len(middle.submitted)
    middle.deliver("8562077700004", "1616", utf16("0103 5 ດີຫຼາຍ"))
    answer = middle.wait_for(sent + 1)[-1]
    assert (answer.service, answer.tlvs) == ("", {})
    assert "ຂອບໃຈ" in answer.text
    stack.until("counted", lambda: stack.tally()["complete"] == before + 1, PROMISE)
