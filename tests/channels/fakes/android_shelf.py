"""A shelf of fake phones, the channel that sends through them, and strangers at their addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from app.channels.android import Android
from app.settings import ChannelConfig
from app.words import Outgoing
from tests.channels.fakes.android import KEY, PASSWORD, AndroidPhone
from tests.channels.provider import Call, Provider, Response, running

ID = "6f1c1f0e-6f0b-4c43-8f5f-0d6a4a6c8a11"
UNITEL, LTC = "+8562099912345", "+8562055512345"
LAO = "ຂອບໃຈ 😀 ລະຫັດ LA-2041"


def outgoing(to: str = LTC, text: str = LAO, message: str = ID) -> Outgoing:
    return Outgoing(id=message, channel="phones", to=to, text=text)


def channel(*devices: Mapping[str, object], **options: object) -> Android:
    config = ChannelConfig(
        name="phones",
        kind="android",
        base_url="https://siang.example",
        tokens=("a-token-0123456789",),
        options={"signing_key": KEY, "password": PASSWORD, "devices": [*devices]} | options,
    )
    return Android(config)


def device(phone: Provider, name: str = "one", **more: object) -> dict[str, object]:
    url = phone.api if isinstance(phone, AndroidPhone) else phone.url
    return {"name": name, "url": url, "username": "sms", **more}


@dataclass
class Shelf:
    """Several phones on a shelf, each with its own name."""

    phones: dict[str, AndroidPhone] = field(default_factory=dict)

    def channel(self, **sims: list[object]) -> Android:
        each = [device(one, name, sims=sims.get(name, [])) for name, one in self.phones.items()]
        return channel(*each)

    def taken(self) -> dict[str, list[str]]:
        return {name: list(phone.taken) for name, phone in self.phones.items()}


@contextmanager
def shelf(*names: str) -> Iterator[Shelf]:
    with ExitStack() as stack:
        yield Shelf({name: stack.enter_context(running(AndroidPhone())) for name in names})


def gone() -> AndroidPhone:
    """A phone that was switched off: nothing listens at its address any more."""
    with running(AndroidPhone()) as phone:
        pass
    return phone


@dataclass
class Stranger(Provider):
    """Something else at the phone's address, which answers everything alike."""

    answer: Response = field(default_factory=Response)

    def respond(self, call: Call) -> Response:
        return self.answer


def assert_tells_nothing(error: BaseException) -> None:
    """No number, text or secret in the error, and no other error behind it that has them."""
    told = f"{error} {error!r} {error.args}"
    for secret in (LTC, LTC[1:], "55512345", LAO, PASSWORD, KEY):
        assert secret not in told
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
