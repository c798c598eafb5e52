"""Every worked example of config/examples, opened as it stands and tried on its provider."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from app import settings
from app.channels import open_channels
from app.channels.base import HookAnswer, hook_path
from app.channels.http import Http
from app.errors import ConfigError, FateUnknown, Refused, TryLater, Unauthenticated
from app.settings import ROOT, channel_variable
from app.words import Asked, Ended, Fate, Inbound, Outgoing, Receipt, Reply, Sent
from tests.channels.door import JSON, NOW
from tests.channels.fakes import jasmin, laotel, telbiz
from tests.channels.fakes.jasmin import Jasmin
from tests.channels.fakes.laotel import LaoTelecom
from tests.channels.fakes.telbiz import Telbiz
from tests.channels.http_rig import arriving
from tests.channels.provider import Call, Provider, Response, running

EXAMPLES = ROOT / "config" / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.toml"))
BASE = """\
[service]
ussd_code = "*1616#"
short_code = "1616"

[delivery]
sms_channel = "simulator"

[channels.simulator]
kind = "simulator"

"""
SECRETS: Mapping[str, Mapping[str, str]] = {
    "laotel": {"api_key": laotel.KEY},
    "telbiz": {"client_secret": telbiz.SECRET},
    "jasmin": {"password": jasmin.PASSWORD},
    "generic-ussd-sync": {},
    "generic-ussd-async": {
        "password": "a-password-of-the-gateway",
        "hmac_secret": "a-secret-of-the-gateway",
    },
}
ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
NUMBER = "+8562055512345"
LAO = 'ຂອບໃຈ 😀 <ລະຫັດ> "LA-2041" & 50%+\n'
FIRST = "ສະບາຍດີ\n1 <ນ້ຳປະປາ> & 2"


def variables(name: str) -> dict[str, str]:
    """The example's secrets as the environment has them."""
    section = name.removeprefix("generic-")
    return {channel_variable(section, key): value for key, value in SECRETS[name].items()}


def opened(folder: Path, name: str, *, at: tuple[str, str] = ("", ""), bare: bool = False) -> Http:
    """The example's channel; `at` is its provider's address and the one to use instead."""
    example = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    before, after = at
    assert before in example
    config = folder / "config"
    config.mkdir()
    toml = BASE + (example.replace(before, after) if before else example)
    (config / "siang.toml").write_text(toml, encoding="utf-8")
    fixed = {"SIANG_CONFIG": str(config), "SIANG_HOME": str(folder / "home")}
    loaded = settings.load(fixed | ({} if bare else variables(name))).channels
    (section,) = (one for one in loaded.values() if one.name != "simulator")
    channel = open_channels({section.name: section})[section.name]
    assert isinstance(channel, Http)
    return channel


def outgoing(text: str = LAO) -> Outgoing:
    return Outgoing(ID, "any", NUMBER, text)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_opens_as_it_stands_with_its_secrets(name: str, tmp_path: Path) -> None:
    channel = opened(tmp_path, name)
    assert channel.hooks or channel.abilities
    example = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    for variable in variables(name):
        assert variable in example


@pytest.mark.parametrize("name", [name for name in NAMES if SECRETS[name]])
def test_an_example_without_its_secrets_says_what_is_missing(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        opened(tmp_path, name, bare=True)
    for key in SECRETS[name]:
        assert f"{key} is not set in the environment" in str(refusal.value)
    assert channel_variable(name.removeprefix("generic-"), "<key>") in str(refusal.value)


# --- Lao Telecom --------------------------------------------------------------------------------


@contextmanager
def lao_telecom(folder: Path) -> Iterator[tuple[LaoTelecom, Http]]:
    with running(LaoTelecom()) as fake:
        yield fake, opened(folder, "laotel", at=("https://apicenter.laotel.com:9443", fake.url))


def test_lao_telecom_takes_a_message_and_says_later_that_it_arrived(tmp_path: Path) -> None:
    with lao_telecom(tmp_path) as (fake, channel):
        assert channel.abilities == {"send", "status"}
        sent = channel.send(outgoing())
        assert fake.taken[sent.provider_ref] == {
            "transaction_id": ID,
            "header": "ODSC",
            "phoneNumber": "8562055512345",
            "message": LAO,
        }
        asked = Asked(outgoing(), sent.provider_ref, NOW)
        assert channel.fate(asked).state == "sent"
        fake.delivered.add(sent.provider_ref)
        assert channel.fate(asked) == Fate("delivered", detail="0")


def test_a_message_whose_smid_is_not_known_cannot_be_asked_for(tmp_path: Path) -> None:
    with lao_telecom(tmp_path) as (fake, channel):
        assert channel.fate(Asked(outgoing(), "", NOW)) == Fate("unknowable")
        assert fake.calls == []


def test_lao_telecoms_refusals_wait_until_somebody_learns_what_they_mean(tmp_path: Path) -> None:
    with lao_telecom(tmp_path) as (fake, channel):
        fake.refusals.append("40300")
        with pytest.raises(TryLater, match="cannot take it now"):
            channel.send(outgoing())
        assert channel.send(outgoing()).provider_ref in fake.taken


# --- Telbiz -------------------------------------------------------------------------------------


@contextmanager
def a_telbiz(folder: Path, expire: int | None = 1800) -> Iterator[tuple[Telbiz, Http]]:
    with running(Telbiz(expire=expire)) as fake:
        yield fake, opened(folder, "telbiz", at=("https://api.telbiz.la", fake.url))


def test_telbiz_gives_a_token_that_many_messages_use(tmp_path: Path) -> None:
    with a_telbiz(tmp_path) as (fake, channel):
        first, second = channel.send(outgoing()), channel.send(outgoing("2"))
        assert fake.taken[first.provider_ref] == {
            "Title": "Info",
            "Phone": "2055512345",
            "Message": LAO,
        }
        assert second.provider_ref in fake.taken
        assert len(fake.tokens) == 1


@pytest.mark.parametrize(("expire", "tokens"), [(None, 1), (59, 2)])
def test_a_token_in_its_last_minute_is_replaced(
    expire: int | None, tokens: int, tmp_path: Path
) -> None:
    with a_telbiz(tmp_path, expire) as (fake, channel):
        for text in ("1", "2"):
            channel.send(outgoing(text))
        assert len(fake.tokens) == tokens


def test_a_token_that_was_revoked_is_asked_for_once_more(tmp_path: Path) -> None:
    with a_telbiz(tmp_path) as (fake, channel):
        channel.send(outgoing("1"))
        fake.revoke()
        assert channel.send(outgoing("2")).provider_ref in fake.taken
        paths = [call.path.rsplit("/", 1)[-1] for call in fake.calls]
        assert paths == ["token", "newtransaction", "newtransaction", "token", "newtransaction"]


def test_without_credit_messages_wait_and_a_wrong_number_is_refused(tmp_path: Path) -> None:
    with a_telbiz(tmp_path) as (fake, channel):
        fake.refusals.append("CREDIT_NOT_SUFFICIENT")
        with pytest.raises(TryLater, match="code is CREDIT_NOT_SUFFICIENT"):
            channel.send(outgoing())
        with pytest.raises(Refused, match=r"response\.success is false"):
            channel.send(replace(outgoing(), to="+66812345678"))
        assert fake.taken == {}


# --- Jasmin -------------------------------------------------------------------------------------


@dataclass
class Thrown:
    """Jasmin's throwers on our door: what arrived, in order."""

    channel: Http
    arrived: list[object] = field(default_factory=list)

    def post(self, url: str, body: bytes) -> HookAnswer:
        hook = "sms" if "/sms" in url else "receipt"
        request = arriving("sms" if hook == "sms" else "receipt", body)
        request = replace(request, query=jasmin.query_of(url))
        self.channel.authentic(request, NOW)
        self.arrived += self.channel.parse(request, NOW)
        return self.channel.answer(request.hook)


@contextmanager
def a_jasmin(folder: Path) -> Iterator[tuple[Jasmin, Http]]:
    with running(Jasmin()) as fake:
        yield fake, opened(folder, "jasmin", at=("http://127.0.0.1:1401", fake.url))


@pytest.mark.parametrize(("text", "coding"), [("Thank you, LA-2041", 0), (LAO, 8)])
def test_jasmin_takes_a_text_in_the_coding_that_it_needs(
    text: str, coding: int, tmp_path: Path
) -> None:
    with a_jasmin(tmp_path) as (fake, channel):
        sent = channel.send(outgoing(text))
        (taken,) = fake.taken
        assert sent == Sent(taken.id)
        assert (taken.coding, taken.text, taken.to) == (coding, text, "8562055512345")


def test_jasmins_receipts_come_back_and_are_acknowledged_at_once(tmp_path: Path) -> None:
    with a_jasmin(tmp_path) as (fake, channel):
        channel.send(outgoing())
        (taken,) = fake.taken
        thrown = Thrown(channel)
        for status in ("ESME_ROK", "DELIVRD", "DELIVRD", "ENROUTE"):
            fields = jasmin.receipt(taken, status)
            assert jasmin.throw(thrown.post, taken.receipt_url, fields) == 1
    receipts = [one for one in thrown.arrived if isinstance(one, Receipt)]
    assert [one.state for one in receipts] == ["sent", "delivered", "delivered"]
    assert {one.provider_ref for one in receipts} == {taken.id}
    assert {one.detail for one in receipts} == {"000"}


@pytest.mark.parametrize(("text", "coding"), [("ນ້ຳປະປາບໍ່ໄຫຼ 😀", 8), ("no water", 0), ("déjà vu", 3)])
def test_what_citizens_send_to_jasmin_arrives(text: str, coding: int, tmp_path: Path) -> None:
    channel = opened(tmp_path, "jasmin")
    thrown = Thrown(channel)
    url = f"{hook_path(channel.config, 'sms')}?token={channel.config.tokens[0]}"
    assert jasmin.throw(thrown.post, url, jasmin.message("m-1", text, coding)) == 1
    (found,) = thrown.arrived
    assert isinstance(found, Inbound)
    assert (found.text, found.provider_id, found.sender) == (text, "m-1", "8562055512345")


@pytest.mark.parametrize(
    ("status", "words", "error"),
    [
        (412, "No route found", TryLater),
        (500, "Cannot send submit_sm, check SMPPClientManagerPB log file for details", TryLater),
        (500, "something else", FateUnknown),
        (403, "Authentication failure for username:siang", TryLater),
        (400, "Argument to has an invalid value: x.", Refused),
    ],
)
def test_jasmins_errors_are_understood(
    status: int, words: str, error: type[Exception], tmp_path: Path
) -> None:
    with a_jasmin(tmp_path) as (fake, channel):
        fake.errors.append((status, words))
        with pytest.raises(error):
            channel.send(outgoing())
        assert fake.taken == []


# --- USSD ---------------------------------------------------------------------------------------


def posted(kind: str, typed: str) -> bytes:
    return (
        f"<ussd><session>8821</session><msisdn>8562055512345</msisdn><type>{kind}</type>"
        f"<code>1616</code><input>{typed}</input><id>40017</id></ussd>"
    ).encode()


def test_a_synchronous_gateway_shows_what_it_is_answered(tmp_path: Path) -> None:
    channel = opened(tmp_path, "generic-ussd-sync")
    dialled, typed, over = (
        channel.parse(arriving("ussd", posted(*one), content_type="text/xml"), NOW)[0]
        for one in (("begin", "*1616#"), ("continue", "1"), ("timeout", ""))
    )
    assert isinstance(dialled, Inbound)
    assert (dialled.begins, dialled.text, dialled.session) == (True, "", "8821")
    assert isinstance(typed, Inbound)
    assert (typed.begins, typed.text, typed.to) == (False, "1", "1616")
    assert typed.provider_id == "8821:40017"
    assert isinstance(over, Ended)
    assert over.reason == "timeout"
    answer = channel.answer("ussd", dialled, Reply(FIRST, ends=False))
    assert answer.content_type == "text/xml; charset=utf-8"
    assert answer.body == (
        '<?xml version="1.0" encoding="UTF-8"?><ussd><session>8821</session>'
        "<type>continue</type><text>ສະບາຍດີ\n1 &lt;ນ້ຳປະປາ&gt; &amp; 2</text></ussd>"
    )
    assert "<type>end</type>" in channel.answer("ussd", typed, Reply("ຂອບໃຈ", ends=True)).body


def test_a_synchronous_gateway_is_known_by_token_and_address(tmp_path: Path) -> None:
    channel = opened(tmp_path, "generic-ussd-sync")
    request = arriving("ussd", posted("begin", ""), content_type="text/xml", remote="10.20.9.9")
    token = {"token": channel.config.tokens[0]}
    channel.authentic(replace(request, query=token), NOW)
    for wrong in (request, replace(request, query=token, remote="10.21.0.1")):
        with pytest.raises(Unauthenticated):
            channel.authentic(wrong, NOW)


@dataclass
class UssdGateway(Provider):
    """An asynchronous gateway: takes screens for the dialogues that are open."""

    open: set[str] = field(default_factory=set)
    shown: list[Mapping[str, object]] = field(default_factory=list)

    def respond(self, call: Call) -> Response:
        if not call.headers.get("Authorization", "").startswith("Basic "):
            return Response(401)
        screen = json.loads(call.body)
        if screen["dialogue"]["id"] not in self.open:
            return Response(200, '{"status": "no such dialogue"}')
        self.shown.append(screen)
        return Response(200, '{"status": "ok"}')


def signed(content: object, at: int) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(content, ensure_ascii=False).encode()
    secret = SECRETS["generic-ussd-async"]["hmac_secret"].encode()
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {"X-Timestamp": str(at), "X-Signature": f"sha256={digest}"}


def dialogue(number: int, kind: int, typed: str) -> dict[str, object]:
    return {
        "dialogue": {"id": "8821", "seq": number, "type": kind},
        "msisdn": "8562055512345",
        "shortCode": "1616",
        "input": typed,
        "linkId": "a-7",
    }


def test_an_asynchronous_gateway_is_called_with_the_screen(tmp_path: Path) -> None:
    with running(UssdGateway(open={"8821"})) as gateway:
        at = ("http://127.0.0.1:8085", gateway.url)
        channel = opened(tmp_path, "generic-ussd-async", at=at)
        assert channel.abilities == {"push"}
        body, headers = signed(dialogue(1, 1, "*1616*2#"), int(NOW.timestamp()))
        request = arriving("ussd", body, content_type=JSON, headers=headers)
        channel.authentic(request, NOW)
        (found,) = channel.parse(request, NOW)
        assert isinstance(found, Inbound)
        assert (found.text, found.provider_id, dict(found.context)) == (
            "2",
            "8821:1",
            {"link": "a-7"},
        )
        assert channel.answer("ussd", found).body == '{"status": "ok"}'
        channel.push(found, Reply(FIRST, ends=False))
        channel.push(found, Reply("ຂອບໃຈ", ends=True))
        gateway.open.clear()
        with pytest.raises(Refused, match="status is no such dialogue"):
            channel.push(found, Reply("ຂອບໃຈ", ends=True))
    assert gateway.shown == [
        {
            "dialogue": {"id": "8821", "type": kind},
            "msisdn": "8562055512345",
            "linkId": "a-7",
            "text": text,
        }
        for kind, text in ((2, FIRST), (3, "ຂອບໃຈ"))
    ]


def test_an_asynchronous_gateways_old_or_changed_request_is_refused(tmp_path: Path) -> None:
    channel = opened(tmp_path, "generic-ussd-async")
    body, headers = signed(dialogue(2, 2, "1"), int(NOW.timestamp()))
    old_body, old = signed(dialogue(2, 2, "1"), int(NOW.timestamp()) - 301)
    good = arriving("ussd", body, content_type=JSON, headers=headers)
    channel.authentic(good, NOW)
    for wrong in (
        replace(good, body=body + b" "),
        replace(good, headers={}),
        arriving("ussd", old_body, content_type=JSON, headers=old),
    ):
        with pytest.raises(Unauthenticated):
            channel.authentic(wrong, NOW)
