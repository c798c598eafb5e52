"""The phones behind a channel of kind "android": which SIM takes a message, and the app's API.

Facts are from the source of SMS Gateway for Android 1.68 and of its server, and from their
documentation. A phone serves the API itself, or fetches from a server that has the same API under
/3rdparty/v1. A message's id is ours: a phone that has it already answers 409 and does not send it
again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import httpx
import structlog
from pydantic import BeforeValidator, Field, SecretStr

from app import clock
from app.channels.calls import NEVER_LEFT, new_client
from app.channels.forms import MAX_ID, clean, written
from app.channels.options import Options
from app.channels.waits import retry_after
from app.errors import ConfigError, FateUnknown, Refused, SendError, TryLater
from app.settings import ChannelConfig, channel_variable
from app.words import Fate, FateState, Outgoing, Sent

FATES: Final[Mapping[str, FateState]] = {
    "Delivered": "delivered",
    "Failed": "failed",
    "Cancelled": "failed",
}
"""The states after which nothing comes. In every other the phone has the message or sent it."""

TAKEN: Final = frozenset({200, 201, 202})
# Answers of something else than the app's API.
MISPLACED: Final = frozenset({404, 405, 407})
BUSY: Final = frozenset({408, 429, 503})
# The app's and the server's words for a `deviceId` they have not: the operator's to mend.
NO_SUCH_DEVICE: Final = ("Invalid device ID", "failed to select device")
MAX_DETAIL: Final = 120
_PHONE_NUMBER = re.compile(r"(?<!\w)\+?\d(?:[\s().-]*\d){5,}")

log = structlog.get_logger()


class Sim(Options):
    """A SIM by its place in the phone, and how its operator's numbers begin."""

    number: Annotated[int, Field(ge=1, le=3)]
    prefixes: list[Annotated[str, Field(pattern=r"^\+?\d{1,12}$")]] = []


def _sim(given: object) -> object:
    return {"number": given} if isinstance(given, int) else given


class Device(Options):
    """A phone: where its API is, its login there, its SIMs."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
    url: Annotated[str, Field(pattern=r"^https?://[\w.-]+(:\d{1,5})?(/[^\s?#]*)?$")]
    username: Annotated[str, Field(pattern=r"^[^\s:]+$")]
    # Needed where several phones share an account on a server.
    device_id: Annotated[str, Field(pattern=r"^[\w-]*$")] = ""
    # Without any, the phone chooses among its SIMs.
    sims: list[Annotated[Sim, BeforeValidator(_sim)]] = []


@dataclass(frozen=True, slots=True)
class Line:
    """A way out: one SIM of one phone, or a phone that chooses among its SIMs."""

    device: Device
    sim: Sim | None

    def fits(self, number: str) -> int:
        """How many digits of a number say that it is of this SIM's operator."""
        digits = number.removeprefix("+")
        known = [prefix.removeprefix("+") for prefix in (self.sim.prefixes if self.sim else [])]
        return max((len(prefix) for prefix in known if digits.startswith(prefix)), default=0)

    def lot(self, message: str) -> bytes:
        """What spreads messages evenly, and each time the same."""
        place = self.sim.number if self.sim else 0
        return hashlib.sha256(f"{message}:{self.device.name}:{place}".encode()).digest()


class Phones:
    """The devices of one channel and their passwords. Connects at the first message."""

    def __init__(
        self, config: ChannelConfig, devices: Sequence[Device], password: SecretStr, ttl: int
    ) -> None:
        self._channel = config.name
        self._variable = channel_variable(config.name, "password")
        self._passwords = _passwords(self._variable, [device.name for device in devices], password)
        self._lines = [Line(one, sim) for one in devices for sim in _sims(one)]
        self._ttl = ttl
        self._client: httpx.Client | None = None

    def send(self, outgoing: Outgoing) -> Sent:
        """The phone that suits best takes it; one that certainly has not is passed over."""
        problems: list[TryLater] = []
        for line in self._preferred(outgoing):
            try:
                return self._hand(line, outgoing)
            except TryLater as problem:
                problems.append(problem)
                log.warning("phone_passed_over", channel=self._channel, reason=str(problem))
        raise self._together(problems)

    def fate(self, outgoing: Outgoing) -> Fate:
        """Whichever phone has the message knows; `absent` only when every phone was asked."""
        problems: list[TryLater] = []
        lines = self._preferred(outgoing)
        for line in lines:
            try:
                found = self._state(line.device, outgoing.id)
            except TryLater as problem:
                problems.append(problem)
                continue
            if found is not None:
                return found
        if problems or not lines:
            raise self._together(problems)
        return Fate("absent")

    def _preferred(self, outgoing: Outgoing) -> list[Line]:
        """The best SIM of each phone, the best phone first."""
        ranked = sorted(
            self._lines, key=lambda line: (-line.fits(outgoing.to), line.lot(outgoing.id))
        )
        best: dict[str, Line] = {}
        for line in ranked:
            best.setdefault(line.device.name, line)
        return list(best.values())

    def _together(self, problems: Sequence[TryLater]) -> TryLater:
        if not problems:
            return TryLater(f"no phone is set up: add [[channels.{self._channel}.devices]]")
        waits = [problem.after for problem in problems if problem.after is not None]
        return TryLater("; ".join(map(str, problems)), min(waits, default=None))

    def _hand(self, line: Line, outgoing: Outgoing) -> Sent:
        name = line.device.name
        # The app's list of number ranges is as old as the app; ours has let this number through.
        rest = "?skipPhoneValidation=true"
        try:
            response = self._call(line.device, "POST", rest, self._body(line, outgoing))
        except NEVER_LEFT:
            raise TryLater(f"{name} cannot be reached at its url") from None
        except httpx.HTTPError as error:
            # The class alone: the error's own words and request hold more.
            raise FateUnknown(f"{name} did not answer ({type(error).__name__})") from None
        if response.status_code == 409:
            return Sent(outgoing.id)
        taken = clean(written(_object(response)).get("id", ""))[:MAX_ID]
        if response.status_code in TAKEN and taken:
            return Sent(taken)
        raise self._problem(line.device, response)

    def _body(self, line: Line, outgoing: Outgoing) -> dict[str, object]:
        body: dict[str, object] = {
            "id": outgoing.id,
            "textMessage": {"text": clean(outgoing.text)},
            "phoneNumbers": [outgoing.to],
            "withDeliveryReport": True,
            "ttl": self._ttl,
        }
        if line.sim:
            body["simNumber"] = line.sim.number
        if line.device.device_id:
            body["deviceId"] = line.device.device_id
        return body

    def _state(self, device: Device, message: str) -> Fate | None:
        """What the phone says of a message; None when it has none of that id."""
        try:
            response = self._call(device, "GET", f"/{message}")
        except httpx.HTTPError as error:
            raise TryLater(f"{device.name} did not answer ({type(error).__name__})") from None
        if response.status_code == 404:
            return None
        answer = _object(response)
        state = written(answer).get("state", "")
        if response.status_code != 200 or not state:
            raise TryLater(f"{device.name} does not say what became of it ({response.status_code})")
        fate = FATES.get(state, "sent")
        return Fate(fate, message, _error(answer) if fate == "failed" else "")

    def _call(
        self, device: Device, method: str, rest: str, body: dict[str, object] | None = None
    ) -> httpx.Response:
        password = self._passwords[device.name].get_secret_value()
        if not password:
            raise TryLater(f"the password of {device.name} is not known: set {self._variable}")
        if self._client is None:
            self._client = new_client()
        url = f"{device.url.rstrip('/')}/messages{rest}"
        return self._client.request(method, url, json=body, auth=(device.username, password))

    def _problem(self, device: Device, response: httpx.Response) -> SendError:
        """What an answer means that is not the app's for a message it took."""
        status, name = response.status_code, device.name
        if status in (401, 403):
            return TryLater(f"{name} refused our login: mend its username or {self._variable}")
        if status in MISPLACED or 300 <= status < 400:
            return TryLater(f"{name} answers {status}: its url is not that of the app; mend it")
        if status in BUSY:
            after = retry_after(response.headers.get("Retry-After"), clock.now())
            return TryLater(f"{name} cannot take messages now ({status})", after)
        if status == 400 and any(words in response.text for words in NO_SUCH_DEVICE):
            return TryLater(f"{name} is not a device that its url serves: mend its device_id")
        if 400 <= status < 500:
            return Refused(f"{name} refused the message ({status})")
        return FateUnknown(f"{name} answered {status}, which says nothing of the message")


def _sims(device: Device) -> list[Sim | None]:
    return [*device.sims] or [None]


def _passwords(variable: str, names: Sequence[str], password: SecretStr) -> dict[str, SecretStr]:
    """Each device's password: one for all, or `phone1=…,phone2=…`."""
    pairs = [part.partition("=") for part in parts(password)]
    if not any(equals and name in names for name, equals, _ in pairs):
        return dict.fromkeys(names, SecretStr(password.get_secret_value().strip()))
    each = {name: SecretStr(secret) for name, _, secret in pairs}
    if each.keys() - set(names):
        raise ConfigError(
            f"{variable} names a phone that is not in devices",
            f"Use one password for all, or name=password of {', '.join(names)}",
        )
    return {name: each.get(name, SecretStr("")) for name in names}


def parts(secret: SecretStr) -> list[str]:
    """The secrets in `one,another`."""
    return [part for part in map(str.strip, secret.get_secret_value().split(",")) if part]


def blotted(words: str) -> str:
    """A reason without phone numbers: reports name the message centre."""
    return _PHONE_NUMBER.sub("#", clean(words)[: 10 * MAX_DETAIL]).strip()[:MAX_DETAIL]


def _object(response: httpx.Response) -> Mapping[str, object]:
    """The JSON object in an answer; an empty one when there is none."""
    try:
        answer = response.json()
    # RecursionError: ten thousand brackets.
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _error(answer: Mapping[str, object]) -> str:
    """Why a message failed: it has one recipient."""
    recipients = answer.get("recipients")
    first = recipients[0] if isinstance(recipients, list) and recipients else None
    return blotted(written(first).get("error", "")) if isinstance(first, dict) else ""
