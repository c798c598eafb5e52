"""Asking, pushing and logging in by kind "http", against an aggregator on loopback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app.errors import FateUnknown, Refused, SendError, TryLater
from app.words import Asked, Fate, FateState, Inbound, Reply, Sent
from tests.channels.door import NOW
from tests.channels.fakes.http import PASSWORD, Aggregator, options
from tests.channels.http_rig import ID, LAO, NUMBER, SMS, assert_tells_nothing, http
from tests.channels.provider import Fault, Response, running

ASKED = Asked(SMS, "agg-1", NOW)
STATES: list[tuple[str, FateState]] = [
    ("SENT", "sent"),
    ("ENROUTE", "sent"),
    ("EXPIRED", "expired"),
    ("DELIVRD", "delivered"),
]


# --- asking -------------------------------------------------------------------------------------


def fate(fake: Aggregator, asked: Asked = ASKED, **changes: Mapping[str, object]) -> Fate:
    return http(options(fake.url, **changes)).fate(asked)


def test_a_provider_says_what_became_of_a_message() -> None:
    with running(Aggregator()) as fake:
        assert fate(fake) == Fate("absent")
        http(options(fake.url)).send(SMS)
        for status, state in STATES:
            fake.states[ID] = status
            assert fate(fake) == Fate(state, "agg-1", "to #")


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "<html>no such page</html>"), (500, '{"code": 0}'), (401, ""), (429, ""), (301, "")],
)
def test_an_answer_about_something_else_says_nothing(status: int, body: str) -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(status, body))
        with pytest.raises(TryLater) as raised:
            fate(fake, ask={"found": [{"status": [200], "path": "code"}]})
        assert_tells_nothing(raised.value)


@pytest.mark.parametrize("fault", ["error", "hang", "drop", "busy"])
def test_a_question_that_failed_is_asked_later(fault: Fault) -> None:
    with running(Aggregator()) as fake:
        fake.faults.append(fault)
        with pytest.raises(TryLater) as raised:
            fate(fake, ask={"timeout_seconds": 0.3})
        assert_tells_nothing(raised.value)


def test_an_answer_that_says_neither_is_no_answer() -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(200, '{"code": 7}'))
        assert fate(fake) == Fate("unknowable")


def test_who_can_only_say_whether_it_has_a_message_is_believed() -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(200, '{"code": 0}'))
        table = {"url": f"{fake.url}/x", "needs": "id", "found": [{"path": "code", "in": [0]}]}
        given = {"send": {"url": fake.url}, "ask": table}
        assert http(given).fate(ASKED) == Fate("sent")


@pytest.mark.parametrize(
    ("ask", "receipts", "abilities"),
    [
        ({"needs": "id"}, True, {"send", "receipts", "fate"}),
        ({"needs": "id"}, False, {"send", "fate", "status"}),
        ({"needs": "ref"}, True, {"send", "receipts", "status"}),
        ({"needs": "ref"}, False, {"send", "status"}),
        (None, True, {"send", "receipts"}),
        (None, False, {"send"}),
    ],
)
def test_abilities_are_what_is_described(
    ask: dict[str, str] | None, receipts: bool, abilities: set[str]
) -> None:
    given: dict[str, Any] = {"send": {"url": "http://127.0.0.1:9", "ref": "id"}}
    if ask is not None:
        given["ask"] = {"url": "http://127.0.0.1:9", "state": "s", **ask}
    if receipts:
        given["receive"] = {"receipt": options()["receive"]["receipt"]}
    assert http(given).abilities == abilities


# --- pushing ------------------------------------------------------------------------------------


def pushed(fake: Aggregator, **push: object) -> None:
    ussd = {key: value for key, value in options()["receive"]["ussd"].items() if key != "screen"}
    table = {
        "url": f"{fake.url}/{{{{session}}}}",
        "body": {"t": "{{text}}", "a": "{{action}}", "f": "{{from}}", "to": "{{to}}"},
        "goes_on": 1,
        "ends": 2,
        **push,
    }
    inbound = Inbound("http", "ussd", NUMBER, "1", "8821:1", NOW, to="1616", session="8821")
    channel = http({"sender": "ODSC", "receive": {"ussd": ussd}, "push": table})
    channel.push(inbound, Reply(LAO, ends=True))


def test_a_screen_is_pushed_as_the_table_says() -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(200))
        pushed(fake)
        (call,) = fake.calls
    assert call.path == "/8821"
    assert json.loads(call.body) == {"t": LAO, "a": 2, "f": "1616", "to": NUMBER}


@pytest.mark.parametrize(
    ("status", "error"), [(503, TryLater), (410, Refused), (500, FateUnknown), (403, TryLater)]
)
def test_a_screen_that_cannot_be_shown_is_an_error(status: int, error: type[SendError]) -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(status, f"{NUMBER} {LAO}"))
        with pytest.raises(error) as raised:
            pushed(fake)
        assert_tells_nothing(raised.value)


# --- tokens -------------------------------------------------------------------------------------


def oauth(fake: Aggregator) -> dict[str, Any]:
    return {
        "client_id": "siang",
        "client_secret": PASSWORD,
        "oauth": {"url": f"{fake.url}/token"},
        "send": {"url": f"{fake.url}/send", "headers": {"Authorization": "Bearer {{token}}"}},
    }


def test_a_token_is_asked_for_as_oauth_says() -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(Response(200, '{"access_token": "t-1", "expires_in": 3600}'))
        fake.answers.append(Response(200))
        http(oauth(fake)).send(SMS)
        token, sending = fake.calls
    assert token.form == {
        "grant_type": "client_credentials",
        "client_id": "siang",
        "client_secret": PASSWORD,
    }
    assert sending.headers["Authorization"] == "Bearer t-1"


def test_threads_share_one_token() -> None:
    with running(Aggregator()) as fake:
        token = Response(200, '{"access_token": "t-1", "expires_in": 3600}')
        fake.answers.extend([token, *[Response(200)] * 8])
        channel = http(oauth(fake))
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(channel.send, [SMS] * 8)) == [Sent()] * 8
        assert [call.path for call in fake.calls].count("/token") == 1


@pytest.mark.parametrize(
    "answer",
    [
        Response(401, f'{{"error": "{PASSWORD}"}}'),
        Response(200, "{}"),
        Response(200, "<html>"),
        Response(500),
        Response(429, headers={"Retry-After": "7"}),
    ],
)
def test_without_a_token_messages_wait(answer: Response) -> None:
    with running(Aggregator()) as fake:
        fake.answers.append(answer)
        with pytest.raises(TryLater, match=r"oauth\.url gave no token") as raised:
            http(oauth(fake)).send(SMS)
        assert_tells_nothing(raised.value)
        assert [call.path for call in fake.calls] == ["/token"]
    wait = answer.headers.get("Retry-After")
    assert raised.value.after == (timedelta(seconds=int(wait)) if wait else None)


@pytest.mark.parametrize("fault", ["hang", "drop"])
def test_a_token_that_does_not_come_leaves_no_fate_unknown(fault: Fault) -> None:
    with running(Aggregator()) as fake:
        fake.faults.append(fault)
        given = oauth(fake)
        given["oauth"]["timeout_seconds"] = 0.3
        with pytest.raises(TryLater, match=r"oauth\.url did not answer"):
            http(given).send(SMS)


def test_a_login_that_is_refused_with_a_new_token_too_is_the_operators_to_mend() -> None:
    with running(Aggregator()) as fake:
        token = Response(200, '{"access_token": "t"}')
        fake.answers.extend([token, Response(401), token, Response(401)])
        with pytest.raises(TryLater, match="refused our login"):
            http(oauth(fake)).send(SMS)
        assert len(fake.calls) == 4
