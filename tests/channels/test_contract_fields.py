"""What every channel makes of fields that are missing, huge, absurd, hostile or merely Lao."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.channels.forms import MAX_SMS_TEXT
from app.errors import Malformed
from app.words import Inbound
from tests.channels import door
from tests.channels.cases import (
    Case,
    check,
    dated,
    in_body,
    in_forms,
    in_json,
    message,
    messages,
    moment,
    samples,
    taken,
    words,
)
from tests.channels.door import NOW, Payload
from tests.channels.wire import decoded

LAO = "ສະບາຍດີ ນ້ຳປະປາບໍ່ໄຫຼ ໑໒໓"


@samples
def test_a_missing_field_is_named_without_any_value(payload: Payload, case: Case) -> None:
    for name in case.required:
        with pytest.raises(Malformed, match=rf"\b{_last(name)}\b") as refusal:
            payload.with_fields({}, without=name).arrives()
        assert "55512345" not in str(refusal.value)


@samples
def test_a_blank_identifier_is_a_missing_one(payload: Payload, case: Case) -> None:
    for name in {*case.keys, case.sender} & set(case.required) - {case.text}:
        with pytest.raises(Malformed, match=f"{_last(name)} is missing"):
            payload.with_fields({name: " \0 "}).arrives()


@samples
def test_an_identifier_that_is_far_too_long_is_refused(payload: Payload, case: Case) -> None:
    for name in case.keys:
        if name != case.text:
            with pytest.raises(Malformed, match=rf"\b{_last(name)}\b"):
                payload.with_fields({name: "x" * 201}).arrives()


def _last(path: str) -> str:
    return path.rsplit(".", 1)[-1]


@in_json
@pytest.mark.parametrize(
    "value", [None, True, 7, -0.5, float("nan"), [], ["x"], {}, {"a": {"b": 1}}], ids=repr
)
def test_a_value_of_another_type_is_a_text_or_is_missing(
    payload: Payload, case: Case, value: object
) -> None:
    number = isinstance(value, int | float)
    for name in case.fields():
        changed = payload.with_fields({name: value})
        if name in case.required and not number:
            with pytest.raises(Malformed, match=_last(name)):
                changed.arrives()
        for found in taken(changed):
            assert number or str(value) not in words(found)


@in_json
@pytest.mark.parametrize("value", [None, True, 7, "x", [], ["x"], {}], ids=repr)
def test_an_object_that_is_something_else_is_refused(
    payload: Payload, case: Case, value: object
) -> None:
    for parent in {path.rpartition(".")[0] for path in case.fields()} - {""}:
        with pytest.raises(Malformed):
            payload.with_fields({parent: value}).arrives()


@in_body
@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"7", b'"x"', b"{}", b"{", b"[" * 100_000, b"\xff\xfe", b"a=1", b"\0"],
    ids=lambda body: body[:3].hex() or "empty",
)
def test_a_body_of_another_kind_is_refused(payload: Payload, case: Case, body: bytes) -> None:
    request = replace(payload, body=body).bare()
    with pytest.raises(Malformed):
        door.channel(payload.kind).parse(request, NOW)


@in_forms
def test_a_repeated_field_counts_once_or_is_refused(payload: Payload, case: Case) -> None:
    for name in case.fields():
        if name not in decoded(payload.query) | decoded(payload.body):
            continue
        again = payload.with_more(f"{name}=again")
        check(again.request(), payload)
        assert taken(again) in ((), payload.arrives())


@dated
@pytest.mark.parametrize(
    "date",
    [
        *("", " ", "0", "-5", "yesterday", "²", "99999999999", "9" * 400, "x" * 100_000, "\0"),
        *("NaN", "2026-13-45", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "ວັນຈັນ"),
        *("0001-01-01 00:00:00", "2126-11-22T09:00:00Z", "2026-11-22T09:00:00+99:00", "\ud800"),
    ],
    ids=lambda date: ascii(date[:12]),
)
def test_a_date_that_cannot_be_or_be_read_counts_as_now(
    payload: Payload, case: Case, date: str
) -> None:
    found = payload.with_fields({case.date: date}).arrives()
    assert {moment(one) for one in found} == {NOW}


@dated
def test_a_date_that_is_missing_counts_as_now(payload: Payload, case: Case) -> None:
    found = payload.with_fields({}, without=case.date).arrives()
    assert {moment(one) for one in found} == {NOW}


@messages
def test_a_huge_text_is_cut_for_sms_and_refused_for_ussd(payload: Payload, case: Case) -> None:
    huge = payload.with_fields({case.text: "ສ" * 100_000})
    check(huge.request(), payload)
    if payload.hook == "ussd":
        with pytest.raises(Malformed, match=f"{_last(case.text)} is longer"):
            huge.arrives()
    else:
        assert message(huge).text == "ສ" * MAX_SMS_TEXT


@samples
@pytest.mark.parametrize("letter", ["ສ", "x", "7", " ", "\n", "\0", "&", "+"], ids=ascii)
def test_any_field_may_be_huge(payload: Payload, case: Case, letter: str) -> None:
    huge = letter * (100_000 // len(letter.encode()))
    for name in case.fields():
        for found in taken(payload.with_fields({name: huge})):
            assert len(words(found)) < MAX_SMS_TEXT + 2_000


@messages
@pytest.mark.parametrize(
    "text", [LAO, "👩🏽‍🌾 ດີ 😀", "a  b\n1*2#+%", "&text=x;", '{"a":"\\u0e81"}']
)
def test_text_arrives_byte_for_byte(payload: Payload, case: Case, text: str) -> None:
    changed = payload.with_fields({case.text: text})
    check(changed.request(), payload)
    assert message(changed).text.encode() == text.encode()


@messages
def test_a_nul_or_a_lone_surrogate_costs_itself_alone(payload: Payload, case: Case) -> None:
    spoilt = {case.text: "a\0\ud83db"}
    request = payload.with_fields(spoilt).request()
    if not payload.in_json:
        # The bytes of a surrogate are no UTF-8, so a form has one only where it is let through.
        in_query = case.text in request.query
        request = replace(
            request,
            query={**request.query, **spoilt} if in_query else request.query,
            form=request.form if in_query else {**request.form, **spoilt},
        )
    found = door.channel(payload.kind).parse(request, NOW)
    assert [one.text for one in found if isinstance(one, Inbound)] == ["ab"]


@messages
@pytest.mark.parametrize("raw", [b"\xff\xed\xa0\x80a", b"\xe0\xbaa", b"\xc0\x80\xf8a"])
def test_bytes_that_are_no_utf8_do_no_harm(payload: Payload, case: Case, raw: bytes) -> None:
    changed = payload.with_bytes(case.text, raw)
    check(changed.request(), payload)
    found = message(changed)
    assert found.text.endswith("a")
    assert found.text.encode()


@messages
@pytest.mark.parametrize("sender", ["1616", "LaoTelecom", "020 55 512 345", "+1", "  x  ", "ລາວ"])
def test_a_sender_that_is_no_phone_number_passes_through(
    payload: Payload, case: Case, sender: str
) -> None:
    assert message(payload.with_fields({case.sender: sender})).sender == sender.strip()


@messages
def test_a_plus_that_became_a_space_comes_back(payload: Payload, case: Case) -> None:
    changed = payload.with_fields({case.sender: " 8562055512345"})
    assert message(changed).sender == "+8562055512345"


ODD = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    ["", "1*2", "+8562055512345", "1795336492", "2026-11-22T09:00:00Z", "x" * 300, "\0", "\ud800"]
)


@samples
@settings(deadline=None)
@given(drawn=st.data())
def test_whatever_is_in_the_fields_is_taken_or_refused(
    payload: Payload, case: Case, drawn: st.DataObject
) -> None:
    """And what is taken can be stored: no NUL, no lone surrogate."""
    changes = drawn.draw(st.dictionaries(st.sampled_from(case.fields()), ODD))
    for found in taken(payload.with_fields(changes)):
        assert "\0" not in words(found)
        assert words(found).encode()
