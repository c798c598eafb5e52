"""Every proof that an http channel can ask for, alone and together."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.channels.base import HookRequest
from app.errors import Unauthenticated
from tests.channels.door import NEW, NOW, OLD
from tests.channels.http_rig import arriving, http

SECRET = "an-hmac-secret-of-the-gateway"
BODY = b"from=8562055512345&text=\xff\xe0\xba\x81"
BASE: Mapping[str, Any] = {"receive": {"sms": {"from": "from", "text": "text"}}}
REQUEST = arriving("sms", BODY, "id=7")
AT = int(NOW.timestamp())


def asked(request: HookRequest, proof: Mapping[str, Any] | None = None, **secrets: str) -> str:
    """ "" when the request is let in, else why not."""
    given = {**BASE, **secrets} | ({} if proof is None else {"proof": proof})
    try:
        http(given).authentic(request, NOW)
    except Unauthenticated as refusal:
        told = str(refusal)
        assert not [one for one in (SECRET, NEW, "8562055512345") if one in told]
        return told
    return ""


def with_headers(**headers: str) -> HookRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(REQUEST, headers={**REQUEST.headers, **named})


def with_token(request: HookRequest, token: str = NEW) -> HookRequest:
    return replace(request, query={**request.query, "token": token})


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_the_token_in_the_url_is_asked_for_unless_told_otherwise() -> None:
    for proof in (None, {}, {"ips": ["127.0.0.1"]}, {"basic_user": "gw"}):
        secrets = {"basic_password": SECRET}
        request = replace(REQUEST, headers={"Authorization": basic("gw", SECRET)})
        assert asked(with_token(request), proof, **secrets) == ""
        assert asked(with_token(request, OLD), proof, **secrets) == ""
        assert asked(request, proof, **secrets) == "the token is missing or wrong"


@pytest.mark.parametrize("header", ["X-Siang-Token", "x-siang-token", "X-SIANG-TOKEN"])
def test_the_token_may_come_in_a_header(header: str) -> None:
    proof = {"token_header": header}
    assert asked(with_headers(X_Siang_Token=NEW), proof) == ""
    assert asked(with_headers(X_Siang_Token=f"Bearer {OLD}"), proof) == ""
    for wrong in (REQUEST, with_token(REQUEST), with_headers(X_Siang_Token="ສະບາຍດີ")):
        assert asked(wrong, proof) == "the token is missing or wrong"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer " + basic("gw", SECRET).removeprefix("Basic "),
        basic("gw", "wrong"),
        basic("other", SECRET),
        basic("gw", SECRET + "x"),
        basic("ກ", "ຂ"),
    ],
)
def test_a_wrong_user_or_password_is_refused(authorization: str) -> None:
    proof = {"token": False, "basic_user": "gw"}
    right = with_headers(Authorization=basic("gw", SECRET))
    assert asked(right, proof, basic_password=SECRET) == ""
    wrong = with_headers(Authorization=authorization)
    assert "user or the password" in asked(wrong, proof, basic_password=SECRET)


@pytest.mark.parametrize(
    ("remote", "let_in"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("192.0.2.7", True),
        ("2001:db8::7", True),
        ("192.0.2.8", False),
        ("11.0.0.1", False),
        ("2001:db9::7", False),
        ("", False),
        ("gateway.example.la", False),
    ],
)
def test_only_the_gateways_addresses_are_let_in(remote: str, let_in: bool) -> None:
    proof = {"token": False, "ips": ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]}
    assert (asked(replace(REQUEST, remote=remote), proof) == "") == let_in


def signature(signed: bytes, algorithm: str = "sha256", secret: str = SECRET) -> hmac.HMAC:
    return hmac.new(secret.encode(), signed, getattr(hashlib, algorithm))


@pytest.mark.parametrize(
    ("how", "signed", "algorithm"),
    [
        ({}, BODY, "sha256"),
        ({"algorithm": "sha1"}, BODY, "sha1"),
        ({"algorithm": "sha512", "prefix": "v1="}, BODY, "sha512"),
        (
            {"signs": "{{method}}\n{{url}}?{{query}}\n{{body}}"},
            b"POST\nhttp://127.0.0.1:8000/channels/http/sms?id=7\n" + BODY,
            "sha256",
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_is_of_the_bytes_as_they_came(
    how: Mapping[str, str], signed: bytes, algorithm: str, encoding: str
) -> None:
    proof = {"token": False, "hmac": {"header": "X-Sign", "encoding": encoding, **how}}
    made = signature(signed, algorithm)
    good = made.hexdigest() if encoding == "hex" else base64.b64encode(made.digest()).decode()
    prefix = how.get("prefix", "")
    assert asked(with_headers(X_Sign=prefix + good), proof, hmac_secret=SECRET) == ""
    other = signature(signed, algorithm, "another-secret").hexdigest()
    for wrong in ("", prefix, good[:-1], prefix + good[:-2], prefix + other, "ສະບາຍດີ"):
        assert asked(with_headers(X_Sign=wrong), proof, hmac_secret=SECRET)
    changed = replace(with_headers(X_Sign=prefix + good), body=BODY + b"x")
    assert asked(changed, proof, hmac_secret=SECRET)


def test_capitals_in_a_hexadecimal_signature_are_no_matter() -> None:
    proof = {"token": False, "hmac": {"header": "X-Sign"}}
    good = signature(BODY).hexdigest().upper()
    assert asked(with_headers(X_Sign=good), proof, hmac_secret=SECRET) == ""


@pytest.mark.parametrize(
    ("stamp", "let_in"),
    [
        (str(AT), True),
        (str(AT - 300), True),
        (str(AT + 300), True),
        (str(AT * 1000), True),
        (str(AT - 301), False),
        (str(AT + 301), False),
        ("0", False),
        ("", False),
        ("²", False),
        ("-5", False),
        ("9" * 400, False),
        ("2026-11-22T09:00:00Z", False),
    ],
)
def test_a_signed_request_counts_for_a_while(stamp: str, let_in: bool) -> None:
    how = {"header": "X-Sign", "signs": "{{timestamp}}{{body}}", "timestamp_header": "X-Time"}
    good = signature(stamp.encode("latin-1") + BODY).hexdigest()
    request = with_headers(X_Sign=good, X_Time=stamp)
    told = asked(request, {"token": False, "hmac": how}, hmac_secret=SECRET)
    assert (told == "") == let_in
    assert let_in or "time" in told


def test_everything_that_is_asked_for_must_hold() -> None:
    proof = {"basic_user": "gw", "ips": ["127.0.0.1"], "hmac": {"header": "X-Sign"}}
    secrets = {"basic_password": SECRET, "hmac_secret": SECRET}
    headers = {"Authorization": basic("gw", SECRET), "X_Sign": signature(BODY).hexdigest()}
    good = with_token(with_headers(**headers))
    assert asked(good, proof, **secrets) == ""
    for wrong in (
        with_headers(**headers),
        replace(good, remote="127.0.0.2"),
        replace(good, headers={"Authorization": headers["Authorization"]}),
        replace(good, headers={"X-Sign": headers["X_Sign"]}),
    ):
        assert asked(wrong, proof, **secrets)
