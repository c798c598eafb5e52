"""A channel of kind "africastalking" before its fake provider, and what it says of a failure."""

from __future__ import annotations

from typing import Final

import pytest

from app.channels.africastalking import AfricasTalking
from app.errors import SendError
from app.words import Outgoing, Sent
from tests.channels.door import NEW, config
from tests.channels.fakes.africastalking import FakeAfricasTalking

NUMBER: Final = "+8562055512345"
LAO: Final = "ຂອບໃຈ 😀 ລະຫັດ LA-2041 & 50%+"
KEY: Final = FakeAfricasTalking.api_key


def message(text: str = LAO, to: str = NUMBER) -> Outgoing:
    name = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
    return Outgoing(id=name, channel="africastalking", to=to, text=text)


def channel(fake: FakeAfricasTalking, **options: object) -> AfricasTalking:
    given = {"username": "siang", "api_key": KEY, "api_url": fake.url, **options}
    return AfricasTalking(config("africastalking", **given))


def send(fake: FakeAfricasTalking, text: str = LAO, **options: object) -> Sent:
    return channel(fake, **options).send(message(text))


def refused(fake: FakeAfricasTalking, error: type[SendError], words: str = "") -> SendError:
    """The error with which a message comes back; it tells nobody's number, text or secret."""
    with pytest.raises(error, match=words) as raised:
        send(fake)
    assert type(raised.value) is error
    assert_tells_nothing(raised.value)
    return raised.value


def assert_tells_nothing(error: BaseException) -> None:
    """Neither the error nor one behind it."""
    told = f"{error} {error!r} {error.args}"
    for secret in (NUMBER, "55512345", LAO, KEY, NEW):
        assert secret not in told
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
