"""What every channel keeps, whatever its gateway: run over CHANNELS and every captured payload.

What it makes of bad fields is in test_contract_fields, how it knows its gateway in
test_contract_proof.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass, replace
from datetime import timedelta
from html import unescape
from typing import Final

import pytest

from app.channels import CHANNELS, open_channels
from app.channels.base import HOOKS, Ability, Channel
from app.errors import ConfigError, Malformed, Refused
from app.settings import ChannelConfig
from app.words import (
    Arrived,
    Asked,
    Ended,
    Fate,
    Heartbeat,
    Inbound,
    Missed,
    OptOut,
    Outgoing,
    Receipt,
    Reply,
)
from tests.channels import door
from tests.channels.cases import CASES, EVERY, SAMPLES, Case, every, message, moment, samples
from tests.channels.door import NOW, Payload
from tests.channels.wire import NEW

SCREEN = 'ສະບາຍດີ ນ້ຳປະປາ\n1 <a> & "b"\n😀'
SENT = Outgoing("6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11", "any", "+8562055512345", "ຂອບໃຈ")
DONE_BY: Final[Mapping[Ability, str]] = {
    "send": "send",
    "push": "push",
    "fate": "fate",
    "status": "fate",
    "missed": "missed",
}
SECRET = re.compile("password|secret|token|key")

kinds = pytest.mark.parametrize("kind", CHANNELS)
con_or_end = pytest.mark.parametrize("kind", ["africastalking", "simulator"])


def test_every_hook_of_every_kind_has_a_payload_and_a_case() -> None:
    wanted = {(kind, hook) for kind in CHANNELS for hook in door.channel(kind).hooks}
    assert {(payload.kind, payload.hook) for payload in EVERY} == wanted
    assert set(CASES) == wanted


@every
def test_a_good_request_is_understood(payload: Payload) -> None:
    found = payload.arrives()
    assert [type(one).__name__ for one in found] == [one["is"] for one in payload.expect]
    for one, expected in zip(found, payload.expect, strict=True):
        seen = {name: _plain(getattr(one, name)) for name in expected if name != "is"}
        assert seen == {name: value for name, value in expected.items() if name != "is"}
        assert one.channel == payload.kind
        assert abs(moment(one) - NOW) < timedelta(days=3)


def _plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


@every
def test_an_unknown_field_changes_nothing(payload: Payload) -> None:
    assert payload.grown().arrives() == payload.arrives()


@every
def test_a_repeat_is_known_by_its_key_however_late_it_comes(payload: Payload) -> None:
    found, soon = payload.arrives(), payload.arrives(NOW + timedelta(minutes=2))
    assert [_key(one) for one in soon] == [_key(one) for one in found]
    later = payload.arrives(NOW + timedelta(hours=1))
    # No phone shows the session any more: nothing is a good answer too.
    in_session = bool(found) and isinstance(found[0], Ended | Inbound) and bool(found[0].session)
    assert [_key(one) for one in later] == [_key(one) for one in found] or (
        in_session and not later
    )


@samples
def test_another_message_has_another_key(payload: Payload, case: Case) -> None:
    first = [_key(one) for one in payload.arrives()]
    for name, value in case.keys.items():
        assert [_key(one) for one in payload.with_fields({name: value}).arrives()] != first, name


def _key(found: Arrived) -> tuple[object, ...]:
    match found:
        case Inbound():
            return (found.provider_id,)
        case Receipt():
            return found.message_id, found.provider_ref, found.state
        case Ended():
            return (found.session,)
        case OptOut():
            return found.phone, found.stopped, found.provider_id
        case Heartbeat():
            return (found.device,)


@every
def test_what_a_person_sent_is_in_no_repr(payload: Payload) -> None:
    request = payload.request()
    assert "55512345" not in repr(request) + repr(payload.arrives())
    assert NEW not in repr(request)


@kinds
def test_a_hook_that_the_kind_has_not_is_refused(kind: str) -> None:
    channel = door.channel(kind)
    sample = next(payload for payload in EVERY if payload.kind == kind)
    for hook in set(HOOKS) - channel.hooks:
        with pytest.raises(Malformed, match=hook):
            channel.parse(replace(sample.request(), hook=hook), NOW)


@samples
def test_what_was_taken_is_answered_200_with_a_body(payload: Payload, case: Case) -> None:
    answer = door.channel(payload.kind).answer(payload.hook)
    assert answer.status == 200
    assert answer.body


@pytest.mark.parametrize("payload", [one for one, _ in SAMPLES if one.hook == "ussd"], ids=str)
def test_a_ussd_answer_holds_the_screen_and_whether_the_session_goes_on(payload: Payload) -> None:
    channel = door.channel(payload.kind)
    stays = channel.answer("ussd", message(payload), Reply(SCREEN, ends=False))
    ends = channel.answer("ussd", message(payload), Reply(SCREEN, ends=True))
    assert (stays.status, ends.status) == (200, 200)
    if "push" in channel.abilities:
        assert SCREEN not in unescape(stays.body + ends.body)
        return
    assert stays != ends
    assert SCREEN in unescape(stays.body)
    assert SCREEN in unescape(ends.body)
    assert "charset=utf-8" in stays.content_type.lower()


@con_or_end
def test_ussd_answers_begin_with_con_or_end(kind: str) -> None:
    channel = door.channel(kind)
    answers = [channel.answer("ussd", None, Reply("ດີ", ends=ends)) for ends in (False, True)]
    assert [answer.body for answer in answers] == ["CON ດີ", "END ດີ"]
    assert answers[0].content_type == "text/plain; charset=utf-8"


@con_or_end
def test_ussd_by_get_is_refused(kind: str) -> None:
    sample = next(one for one in EVERY if one.kind == kind and one.hook == "ussd")
    moved = replace(sample, method="GET", query=sample.body.decode(), body=b"")
    with pytest.raises(Malformed, match="POST"):
        moved.arrives()


@kinds
def test_what_a_kind_cannot_do_is_refused_without_a_call(kind: str) -> None:
    channel = door.channel(kind)
    inbound = Inbound(kind, "ussd", "+8562055512345", "1", "1", NOW)
    if "send" not in channel.abilities:
        with pytest.raises(Refused, match=kind):
            channel.send(SENT)
    if "push" not in channel.abilities:
        with pytest.raises(Refused, match=kind):
            channel.push(inbound, Reply("ດີ", ends=True))
    if not {"fate", "status"} & channel.abilities:
        assert channel.fate(Asked(SENT, "", NOW)) == Fate("unknowable")
    if "missed" not in channel.abilities:
        assert channel.missed(NOW - timedelta(days=1), "", NOW) == Missed(())


@kinds
def test_an_ability_is_what_the_kind_itself_does(kind: str) -> None:
    channel = door.channel(kind)
    for ability, method in DONE_BY.items():
        assert ability not in channel.abilities or _has_own(channel, method)
    assert ("receipts" in channel.abilities) == ("receipt" in channel.hooks)


def _has_own(channel: Channel, method: str) -> bool:
    return getattr(type(channel), method) is not getattr(Channel, method)


@kinds
def test_a_key_that_the_kind_does_not_know_refuses_to_start(kind: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        open_channels({kind: door.config(kind, sendsms_urll="a-secret-value")})
    assert f"config/siang.toml: channels.{kind}.sendsms_urll: no such key" in str(refusal.value)
    assert "a-secret-value" not in str(refusal.value)


@pytest.mark.parametrize("kind", ["http", "kannel", "twilio"])
def test_a_section_without_its_keys_refuses_to_start(kind: str) -> None:
    with pytest.raises(ConfigError, match=f"channels.{kind}[.:]"):
        CHANNELS[kind](replace(door.config(kind), options={}))


@pytest.mark.parametrize("kind", door.OPTIONS)
def test_secrets_are_in_no_repr(kind: str) -> None:
    channel = door.channel(kind)
    shown = repr(channel) + repr(vars(channel)) + repr(channel.config)
    secrets = [str(value) for name, value in door.OPTIONS[kind].items() if SECRET.search(name)]
    assert secrets
    assert not [secret for secret in secrets if secret in shown]


def test_a_kind_that_does_not_exist_refuses_to_start() -> None:
    wrong = ChannelConfig("pigeons", "pigeon", "http://127.0.0.1", (NEW,))
    with pytest.raises(ConfigError) as refusal:
        open_channels({"pigeons": wrong})
    assert "channels.pigeons.kind" in str(refusal.value)
    assert all(kind in str(refusal.value) for kind in CHANNELS)


def test_every_section_is_opened_under_its_own_name() -> None:
    opened = open_channels({kind: door.config(kind) for kind in CHANNELS})
    assert {name: one.config.kind for name, one in opened.items()} == {
        kind: kind for kind in CHANNELS
    }
