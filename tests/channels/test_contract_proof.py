"""How every channel knows its gateway: by the token in the URL, or by the gateway's signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.channels.base import hook_url
from app.errors import Unauthenticated
from tests.channels import door
from tests.channels.cases import check, every, signed, tokened
from tests.channels.door import NOW, SIGNS, Payload
from tests.channels.wire import NEW, OLD

DAY = timedelta(days=1)


@every
def test_a_good_request_has_proved_whose_it_is(payload: Payload) -> None:
    check(payload.request(), payload)
    with pytest.raises(Unauthenticated):
        check(payload.bare(), payload)


@tokened
@pytest.mark.parametrize("token", ["", "not-it", NEW + "x", "ສະບາຍດີ", "\0", "x" * 100_000])
def test_a_missing_or_wrong_token_is_refused(payload: Payload, token: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        check(payload.bare(token), payload)
    assert not token or token not in str(refusal.value)


@tokened
@pytest.mark.parametrize("token", [NEW, OLD])
def test_both_tokens_are_valid_while_one_replaces_the_other(payload: Payload, token: str) -> None:
    check(payload.bare(token), payload)


@tokened
def test_a_token_elsewhere_is_no_token(payload: Payload) -> None:
    request = payload.bare()
    form = {**request.form, "token": NEW}
    headers = {**request.headers, "Token": NEW, "Authorization": f"Bearer {NEW}"}
    with pytest.raises(Unauthenticated):
        check(replace(request, form=form, headers=headers), payload)


@signed
@pytest.mark.parametrize("wrong", ["", "0", "ສະບາຍດີ", "ff" * 32, "\0", "x" * 100_000])
def test_a_missing_or_wrong_signature_is_refused(payload: Payload, wrong: str) -> None:
    request = payload.request()
    for name in _proofs(payload):
        others = {key: value for key, value in request.headers.items() if key != name}
        for headers in (others, {**others, name: wrong}):
            with pytest.raises(Unauthenticated):
                check(replace(request, headers=headers), payload)


@signed
def test_a_signature_is_of_these_fields_alone(payload: Payload) -> None:
    signature = payload.request().headers
    with pytest.raises(Unauthenticated):
        check(replace(payload.grown().bare(), headers=signature), payload)


@signed
def test_a_signature_under_another_secret_is_refused(payload: Payload) -> None:
    secret = SIGNS[payload.kind].secret
    other = door.channel(payload.kind, **{secret: "another-secret-0123456789abcdef"})
    with pytest.raises(Unauthenticated):
        other.authentic(payload.request(), NOW)


@signed
def test_both_secrets_are_valid_while_one_replaces_the_other(payload: Payload) -> None:
    secret = SIGNS[payload.kind].secret
    known = door.config(payload.kind).options[secret]
    for pair in (f"{known},another-secret-0123456789", f"another-secret-0123456789, {known}"):
        door.channel(payload.kind, **{secret: pair}).authentic(payload.request(), NOW)


@signed
def test_without_a_secret_nothing_is_believed(payload: Payload) -> None:
    unset: dict[str, Any] = {SIGNS[payload.kind].secret: ""}
    with pytest.raises(Unauthenticated):
        door.channel(payload.kind, **unset).authentic(payload.request(**unset), NOW)


@signed
def test_a_token_is_no_signature(payload: Payload) -> None:
    with pytest.raises(Unauthenticated):
        check(payload.bare(NEW), payload)


@signed
@pytest.mark.parametrize("age", [-DAY, DAY])
def test_what_is_signed_with_a_time_counts_in_that_time(payload: Payload, age: timedelta) -> None:
    request = payload.request(NOW + age)
    if _proofs(payload, NOW + age) == _proofs(payload):
        # Without a time, the provider's id alone tells a request that is played again.
        check(request, payload)
        return
    with pytest.raises(Unauthenticated):
        check(request, payload)


def _proofs(payload: Payload, at: datetime = NOW) -> Mapping[str, str]:
    """The headers that the gateway adds when it signs."""
    bare = payload.bare().headers
    return {name: value for name, value in payload.request(at).headers.items() if name not in bare}


def test_the_url_that_is_handed_out_has_the_first_token() -> None:
    url = hook_url(door.config("simulator"), "ussd")
    assert url == f"http://127.0.0.1:8000/channels/simulator/ussd?token={NEW}"
