"""The shipped configurations in Kannel itself: both ways, Lao, receipts, outages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.channels.base import Channel, HookRequest
from app.words import Inbound, Outgoing, Part, Receipt, Sent
from tests.channels import centre, door, kannel_rig, loopback

pytestmark = [
    pytest.mark.kannel,
    pytest.mark.slow,
    pytest.mark.skipif(not kannel_rig.INSTALLED, reason="Kannel is not installed"),
]
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
LAO = "ສະບາຍດີ  ຂໍຂອບໃຈ 😀"
LONG = "ນ້ຳປະປາບໍ່ໄຫຼມາ ສາມມື້ແລ້ວ ບ້ານໂພນສະຫວັນ " * 3
PHONE, HOOK = "8562055512345", "/channels/kannel/sms"


@dataclass
class Site:
    """A Kannel between a message centre and a door."""

    center: centre.Centre
    siang: loopback.Server
    folder: Path
    channel: Channel

    def inbound(self, count: int = 1) -> Inbound:
        return parsed(self.channel, self.siang.wait_for(HOOK, count)[-1])


def parsed(channel: Channel, query: str) -> Inbound:
    fields = door.decoded(query)
    request = HookRequest(method="GET", hook="sms", query=fields, form={}, raw_query=query.encode())
    (found,) = channel.parse(request, datetime.now(UTC))
    assert isinstance(found, Inbound)
    return found


def adapter(siang: loopback.Server, port: int, password: str) -> Channel:
    return door.channel(
        "kannel",
        sendsms_url=f"http://127.0.0.1:{port}/cgi-bin/sendsms",
        password=password,
        callback_url=siang.url,
    )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        siang = stack.enter_context(loopback.serving())
        center = stack.enter_context(centre.running())
        changes = {
            "http://127.0.0.1:8000": siang.url,
            "CHANGE-ME-smsc-host": "127.0.0.1",
            "port = 2775": f"port = {center.port}",
            "CHANGE-ME-token": door.NEW,
            # Nobody waits a minute for a part that does not come.
            "concatenated-mo-timeout = 60": "concatenated-mo-timeout = 3",
        }
        port = stack.enter_context(kannel_rig.kannel("siang-sms.conf", tmp_path, changes))
        assert center.bound.wait(10)
        yield Site(center, siang, tmp_path, adapter(siang, port, "CHANGE-ME-sendsms"))


def test_lao_comes_in_whole_even_in_parts_that_arrive_backwards(site: Site) -> None:
    site.center.deliver(PHONE, "1616", LAO.encode("utf-16-be"))
    first = site.inbound()
    assert (first.text, first.sender, first.to) == (LAO, "+" + PHONE, "1616")
    assert door.decoded(site.siang.wait_for(HOOK)[0])["token"] == door.NEW
    for part in reversed(centre.parts(LONG)):
        site.center.deliver(PHONE, "1616", part, esm_class=centre.HAS_HEADER)
    joined = site.inbound(2)
    assert (joined.text, joined.part) == (LONG, None)


def test_a_part_whose_neighbour_never_came_says_that_it_is_one(site: Site) -> None:
    first, *_ = centre.parts(LONG)
    site.center.deliver(PHONE, "1616", first, esm_class=centre.HAS_HEADER)
    found = site.inbound()
    assert found.part == Part("42", 1, len(centre.parts(LONG)))
    assert LONG.startswith(found.text)


def test_what_siang_does_not_take_comes_again_under_the_same_id(site: Site) -> None:
    site.siang.answers = [(503, "not stored"), (loopback.DROP, ""), (200, "OK")]
    site.center.deliver(PHONE, "1616", LAO.encode("utf-16-be"))
    tries = [parsed(site.channel, query) for query in site.siang.wait_for(HOOK, 3)]
    assert {one.text for one in tries} == {LAO}
    assert len({one.provider_id for one in tries}) == 1
    logged = (site.folder / "smsbox.log").read_text(errors="replace")
    assert door.NEW not in logged
    assert "55512345" not in logged


def test_a_text_goes_out_and_its_receipts_come_back(site: Site) -> None:
    text = LAO * 5
    assert site.channel.send(Outgoing(ID, "kannel", "+" + PHONE, text)) == Sent()
    reports = site.siang.wait_for("/channels/kannel/receipt", 2)
    bodies = [one.body[6:].decode("utf-16-be") for one in site.center.submitted]
    assert "".join(bodies) == text
    assert {(one.source, one.destination) for one in site.center.submitted} == {("1616", PHONE)}
    found = [one for report in reports for one in _receipts(site.channel, report)]
    assert {(one.message_id, one.state, one.detail) for one in found} == {
        (ID, "sent", "ACK/"),
        (ID, "delivered", "DELIVRD 000"),
    }


def test_a_short_gsm_text_goes_out_as_it_is(site: Site) -> None:
    site.channel.send(Outgoing(ID, "kannel", "+" + PHONE, "Thank you {1} €"))
    site.siang.wait_for("/channels/kannel/receipt")
    assert site.center.submitted[0].body == b"Thank you \x1b(1\x1b) \x1be"


@pytest.mark.skipif(not kannel_rig.FAKESMSC.exists(), reason="kannel-extras is not installed")
def test_the_configuration_with_the_fake_centre(tmp_path: Path) -> None:
    fake = kannel_rig.free_port()
    with loopback.serving() as siang:
        changes = {"http://127.0.0.1:8000": siang.url, "13010": str(fake)}
        with kannel_rig.kannel("siang-fakesmsc.conf", tmp_path, changes) as port:
            channel = adapter(siang, port, "try-sendsms")
            with kannel_rig.phone(fake, f"+{PHONE} 1616 ucs2 %0e%aa%0e%b0"):
                found = parsed(channel, siang.wait_for(HOOK)[0])
                assert (found.text, found.sender) == ("ສະ", "+" + PHONE)
                channel.send(Outgoing(ID, "kannel", "+" + PHONE, LAO))
                siang.wait_for("/channels/kannel/receipt", 2)


def _receipts(channel: Channel, query: str) -> list[Receipt]:
    request = HookRequest(method="GET", hook="receipt", query=door.decoded(query), form={})
    return [one for one in channel.parse(request, datetime.now(UTC)) if isinstance(one, Receipt)]
