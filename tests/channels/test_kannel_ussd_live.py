"""USSD dialogues through Kannel itself, between a message centre and the shipped configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.channels.base import Channel, Hook, HookRequest
from app.words import Arrived, Ended, Inbound, Limits, Outgoing, Reply
from tests.channels import centre, door, kannel_rig, loopback
from tests.channels.centre import PSSR_REQUEST, RELEASE, USSR_CONFIRM, Centre, Submitted

pytestmark = [
    pytest.mark.kannel,
    pytest.mark.slow,
    pytest.mark.skipif(not kannel_rig.INSTALLED, reason="Kannel is not installed"),
]
PHONE = "8562055512345"
SESSION = b"\x1a\x2c"
MENU = "ສຽງ\n1 ໃຫ້ຄະແນນ\n2 ກວດຄຳຮ້ອງ\n9 ຕໍ່ໄປ 😀"
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"


@dataclass
class Site:
    """A Kannel between a message centre and a door."""

    centre: Centre
    siang: loopback.Server
    port: int

    def channel(self, **options: object) -> Channel:
        return door.channel(
            "kannel",
            sendsms_url=f"http://127.0.0.1:{self.port}/cgi-bin/sendsms",
            password="CHANGE-ME-sendsms",
            **options,
        )

    def arrived(self, count: int, hook: Hook = "sms", **options: object) -> Arrived:
        """What the last of `count` posts brings."""
        query = self.siang.wait_for(f"/channels/kannel/{hook}", count)[-1]
        fields = door.decoded(query)
        request = HookRequest("GET", hook, query=fields, form={}, raw_query=query.encode())
        (found,) = self.channel(**options).parse(request, datetime.now(UTC))
        return found

    def turn(self, count: int, hook: Hook = "sms", **options: object) -> Inbound:
        found = self.arrived(count, hook, **options)
        assert isinstance(found, Inbound)
        return found

    def show(self, inbound: Inbound, text: str, ends: bool = False, **options: object) -> Submitted:
        """Push a screen; what the centre is asked to show."""
        before = len(self.centre.submitted)
        self.channel(**options).push(inbound, Reply(text, ends))
        return self.centre.wait_for(before + 1)[-1]


@contextmanager
def running(folder: Path, changes: Mapping[str, str], *others: Centre) -> Iterator[Site]:
    with ExitStack() as stack:
        siang = stack.enter_context(loopback.serving())
        middle = stack.enter_context(centre.running())
        usual = {
            "http://127.0.0.1:8000": siang.url,
            "CHANGE-ME-smsc-host": "127.0.0.1",
            "port = 2775": f"port = {middle.port}",
            "CHANGE-ME-token": door.NEW,
        }
        port = stack.enter_context(
            kannel_rig.kannel("siang-ussd.conf", folder, {**changes, **usual})
        )
        for one in (middle, *others):
            assert one.bound.wait(10)
        yield Site(middle, siang, port)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running(tmp_path, {}) as one:
        yield one


def test_a_dialogue_from_dialling_to_the_last_screen(site: Site) -> None:
    site.centre.dial(PHONE, "1616", PSSR_REQUEST, SESSION, b"*1616*0103#")
    first = site.turn(1)
    assert (first.sender, first.to, first.text) == ("+" + PHONE, "*1616#", "0103")
    assert (first.begins, first.session, first.medium) == (True, "1a", "ussd")
    shown = site.show(first, MENU)
    assert (shown.source, shown.destination, shown.service) == ("1616", PHONE, "USSD")
    assert (shown.op, shown.session, shown.coding, shown.text) == (2, SESSION, 8, MENU)

    site.centre.dial(PHONE, "1616", USSR_CONFIRM, SESSION, b"1")
    second = site.turn(2)
    assert (second.text, second.begins, second.session) == ("1", False, "1a")
    assert site.show(second, "How was it?\n1 bad 5 good").op == 2

    site.centre.dial(PHONE, "1616", USSR_CONFIRM, SESSION, "໕".encode("utf-16-be"), coding=8)
    third = site.turn(3)
    assert third.text == "໕"
    last = site.show(third, "ຂອບໃຈ", ends=True)
    assert (last.op, last.session, last.text) == (17, SESSION, "ຂອບໃຈ")
    assert len({first.provider_id, second.provider_id, third.provider_id}) == 3


def test_hanging_up_is_an_end(site: Site) -> None:
    site.centre.dial(PHONE, "1616", PSSR_REQUEST, SESSION, b"*1616#")
    assert isinstance(site.arrived(1), Inbound)
    site.centre.dial(PHONE, "1616", RELEASE, SESSION)
    over = site.arrived(2)
    assert isinstance(over, Ended)
    assert (over.session, over.sender) == ("1a", "+" + PHONE)


def test_sms_share_the_link_and_stay_sms(site: Site) -> None:
    site.centre.deliver(PHONE, "1616", "ສະບາຍດີ".encode("utf-16-be"))
    text = site.turn(1)
    assert (text.medium, text.text, text.session) == ("sms", "ສະບາຍດີ", "")
    site.centre.dial(PHONE, "1616", USSR_CONFIRM, SESSION, b"1")
    assert site.turn(2).medium == "ussd"
    site.channel().send(Outgoing(ID, "kannel", "+" + PHONE, "ຂອບໃຈ"))
    (sent,) = site.centre.wait_for(1)
    assert (sent.service, sent.tlvs, sent.text) == ("", {}, "ຂອບໃຈ")


def test_octets_that_mean_something_in_a_url_come_and_go(site: Site) -> None:
    """A session crosses two URLs and Kannel's own notation."""
    sessions = (b"\0\0", b"&=", b"?%", b"+ ", b"#\n", b"%2", b"\xff\xfe", b"\x7f\x80", b"01")
    for count, session in enumerate(sessions, 1):
        site.centre.dial(PHONE, "1616", USSR_CONFIRM, session, b"1")
        found = site.turn(count)
        assert found.session == session[:1].hex()
        assert site.show(found, "1").session == session


def test_an_answer_in_digits_is_understood_in_any_alphabet(site: Site) -> None:
    for count, coding in enumerate((0, 1, 3, 4, 15), 1):
        site.centre.dial(PHONE, "1616", PSSR_REQUEST, SESSION, b"*1616*2#", coding)
        assert site.turn(count).text == "2", coding


def test_a_screen_of_the_usual_size_is_one_message(site: Site) -> None:
    site.centre.dial(PHONE, "1616", USSR_CONFIRM, SESSION, b"1")
    found = site.turn(1)
    for text in ("ກ" * 70, "a" * 160, "€" * 80):
        shown = site.show(found, text)
        assert units_of(shown) == len(text)
    assert len(site.centre.submitted) == 3


def units_of(shown: Submitted) -> int:
    """Letters of the screen: € is an escape and an e."""
    if shown.coding == 8:
        return len(shown.text)
    return len(shown.body.replace(b"\x1b", b""))


VENDOR = """group = smpp-tlv
name = reference
tag = 0x0204
type = integer
length = 2
smsc-id = OPERATOR

group = smpp-tlv
name = vendor_session
tag = 0x1401
type = octetstring
length = 4
smsc-id = OPERATOR

group = smsbox
"""


@pytest.mark.parametrize(
    ("tag", "octets", "options"),
    [
        (
            0x0204,
            b"\x12\x34",
            {
                "ussd_session_tlv": "reference",
                "ussd_session_type": "integer",
                "ussd_session_mask": "ffff",
            },
        ),
        (
            0x1401,
            b"\0\1\2\3",
            {"ussd_session_tlv": "vendor_session", "ussd_session_mask": "ffffffff"},
        ),
    ],
)
def test_an_operator_with_the_session_elsewhere(
    tmp_path: Path, tag: int, octets: bytes, options: Mapping[str, Any]
) -> None:
    name = options["ussd_session_tlv"]
    changes = {
        "group = smsbox\n": VENDOR,
        "session=%#smpp#its_session_info#": f"session=%#smpp#{name}#",
    }
    with running(tmp_path, changes) as site:
        tlvs = {centre.USSD_SERVICE_OP: b"\x12", tag: octets}
        site.centre.deliver(PHONE, "1616", b"1", 0, service="USSD", tlvs=tlvs)
        found = site.turn(1, **options)
        assert found.session == octets.hex()
        shown = site.show(found, MENU, **options)
        assert shown.tlvs == {centre.USSD_SERVICE_OP: b"\x02", tag: octets}


def test_an_operator_with_another_name_for_the_default_alphabet(site: Site) -> None:
    site.centre.dial(PHONE, "1616", USSR_CONFIRM, SESSION, b"1")
    found = site.turn(1)
    latin = site.show(found, "Thank you {1}", ends=True, ussd_gsm7_coding=15)
    assert (latin.coding, latin.body) == (15, b"Thank you \x1b(1\x1b)")
    assert site.show(found, MENU, ussd_gsm7_coding=15).text == MENU


LARGER = "smsc-id = OPERATOR\nallowed-smsc-id = OPERATOR\nmax-sms-octets = 160"
SECOND_LINK = """group = smsc
smsc = smpp
smsc-id = OPERATOR-SMS
allowed-smsc-id = OPERATOR-SMS
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = sms
smsc-password = sms
system-type = ""

group = smpp-tlv
name = ussd_service_op
"""
SECOND_SERVICE = """group = sms-service
keyword = default
catch-all = true
max-messages = 0
accepted-smsc = OPERATOR
get-url = "http://127.0.0.1:8000/channels/kannel/ussd?id=%I&from=%p&to=%P&text=%b&coding=%c\
&charset=%C&smsc=%i&op=%#smpp#ussd_service_op#&session=%#smpp#its_session_info#"

group = sms-service
"""


def test_ussd_on_a_link_and_with_a_service_of_its_own(tmp_path: Path) -> None:
    """As the file's comments say: each comes to its own hook and leaves by its own link."""
    with centre.running() as texts:
        changes = {
            "smsc-id = OPERATOR\nhost": LARGER + "\nhost",
            "group = smpp-tlv\nname = ussd_service_op\n": SECOND_LINK.format(port=texts.port),
            "group = sms-service\n": SECOND_SERVICE,
        }
        with running(tmp_path, changes, texts) as site:
            site.centre.dial(PHONE, "1616", PSSR_REQUEST, SESSION, b"*1616#")
            first = site.turn(1, "ussd")
            large = replace(first, limits=Limits(gsm7=182, ucs2=80))
            for screen in (MENU, "ກ" * 80, "a" * 182):
                assert site.show(large, screen, smsc="OPERATOR-SMS").text == screen
            texts.deliver(PHONE, "1616", "ສະບາຍດີ".encode("utf-16-be"))
            assert site.turn(1).medium == "sms"
            site.channel(smsc="OPERATOR-SMS").send(Outgoing(ID, "kannel", "+" + PHONE, "ຂອບໃຈ"))
            (sent,) = texts.wait_for(1)
            assert sent.text == "ຂອບໃຈ"
            assert len(site.centre.submitted) == 3
