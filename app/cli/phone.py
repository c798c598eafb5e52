"""siang dial and siang sms: a phone in the terminal, on the simulator's own webhooks.

What is asked goes through the real routes of an application of this process, so the gateway may
run or not; what has to follow is drained here, beside the gateway's workers when there are any.
Screens and messages are all there is on stdout; remarks and warnings go to stderr.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import click
from flask.testing import FlaskClient

from app import create_app, open_office, settings, upkeep
from app.channels.base import Hook
from app.cli.context import database
from app.cli.prepare import prepare
from app.errors import NotAPhoneNumber, OperatorError
from app.office import Office
from app.text.numbers import e164
from app.web.phone import first_simulator, messages, simulators

WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.2
FIRST_NUMBER = "02055512345"
DROP = "drop"


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone on a simulator: its number, its network, the gateway behind it."""

    office: Office
    client: FlaskClient
    channel: str
    number: str = field(repr=False)
    wishes: Mapping[str, str] = field(default_factory=dict)

    def post(self, hook: Hook, fields: dict[str, str]) -> str:
        """What the gateway answers to a webhook. Raises OperatorError with its reason."""
        token = self.office.channels[self.channel].config.tokens[0]
        path = f"/channels/{self.channel}/{hook}"
        answer = self.client.post(path, query_string={"token": token}, data=fields)
        body = answer.get_data(as_text=True)
        if answer.status_code != 200:
            raise OperatorError(f"The gateway did not take it: {body.strip()}")
        return body

    def inbox(self, after: int = 0) -> list[tuple[int, str]]:
        """Number and text of what the phone was sent after message number `after`."""
        rows = messages(self.office, self.channel, self.number)
        return [(number, text) for number, text, _ in rows if number > after]


_from = click.option(
    "--from", "sender", default=FIRST_NUMBER, show_default=True, help="The phone's own number."
)
_channel = click.option(
    "--channel", default=None, help="A channel of kind simulator; the first one by default."
)


@click.command("dial")
@click.argument("code")
@_from
@click.option("--keys", help="Answers to play, such as 1,0103,4; without it you are asked.")
@click.option("--language", help="lo, lo-Latn, en …: the language that the phone keeps from now.")
@click.option("--ucs2", type=click.IntRange(40, 80), help="Lao characters that fit a screen.")
@click.option("--gsm7", type=click.IntRange(60, 182), help="Latin characters that fit a screen.")
@_channel
def dial(
    code: str,
    sender: str,
    keys: str | None,
    language: str | None,
    ucs2: int | None,
    gsm7: int | None,
    channel: str | None,
) -> None:
    """Dial a USSD CODE such as '*1616#' and walk through its screens.

    The answer `drop` loses the session, as networks do, and dials again.
    """
    played = None if keys is None else _split(keys)
    wishes = {"language": language, "ucs2": ucs2, "gsm7": gsm7}
    with _phone(sender, channel, wishes) as phone:
        opening = _opening(_clean(code), phone.office.settings.service.ussd_code)
        try:
            _session(phone, _clean(code), opening, played)
        finally:
            # Half a session counts too, and the next `siang tally` shall show it.
            upkeep.DRAINS["responses"](phone.office, lambda: False)


@click.command("sms")
@click.argument("to")
@click.argument("text")
@_from
@_channel
def sms(to: str, text: str, sender: str, channel: str | None) -> None:
    """Send TEXT to the short code and print what comes back."""
    with _phone(sender, channel) as phone:
        short_code = phone.office.settings.service.short_code
        if to != short_code:
            raise OperatorError("Nobody reads messages to that number", f"Send to {short_code}")
        before = max((number for number, _ in phone.inbox()), default=0)
        fields = {"id": uuid4().hex, "from": phone.number, "to": to, "text": _clean(text)}
        phone.post("sms", fields)
        answers = _answers(phone, before)
    for _, answer in answers:
        click.echo(answer)
    if not answers:
        click.echo(
            f"No answer came within {WAIT_SECONDS:.0f} seconds. "
            "A phone that has sent STOP gets none until it sends START."
        )


@contextmanager
def _phone(
    sender: str, channel: str | None, wishes: Mapping[str, str | int | None] | None = None
) -> Iterator[Phone]:
    try:
        number = e164(sender)
    except NotAPhoneNumber as error:
        raise OperatorError(f"--from: {error}") from None
    loaded = settings.load()
    with database(loaded) as engine:
        prepare(loaded, engine)
        office = open_office(loaded, engine.url.render_as_string(hide_password=False))
        try:
            chosen = _chosen(office, channel)
            wished = {name: str(wish) for name, wish in (wishes or {}).items() if wish}
            _require_language(loaded, wished.get("language"))
            yield Phone(office, create_app(office).test_client(), chosen, number, wished)
        finally:
            office.engine.dispose()


def _require_language(loaded: settings.Settings, language: str | None) -> None:
    known = sorted(path.parent.name for path in loaded.config.glob("languages/*/screens.yaml"))
    if language is not None and language not in known:
        raise OperatorError(f"There is no language {language!r}", f"Use one of {', '.join(known)}")


def _chosen(office: Office, channel: str | None) -> str:
    """A simulator and no other kind: behind those are real phones and real bills."""
    known = simulators(office)
    if not known:
        raise OperatorError(
            "There is no channel of kind simulator",
            'Add [channels.simulator] with kind = "simulator" to config/siang.toml',
        )
    if channel is not None and channel not in known:
        raise OperatorError(f"{channel!r} is no simulator", f"Use one of {', '.join(known)}")
    return channel or first_simulator(office)


def _split(keys: str) -> list[str]:
    if not keys.strip():
        return []
    split = [_clean(key.strip()) for key in keys.split(",")]
    if not all(split):
        raise OperatorError("--keys has an empty answer", "Write it like 1,0103,4")
    return split


def _clean(text: str) -> str:
    """Octets of the terminal that were no UTF-8 become a mark: they could not be sent."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _opening(dialled: str, code: str) -> str:
    """What was dialled with the service code: "0103" of *1616*0103#."""
    stem = code.removesuffix("#")
    rest = dialled.removeprefix(stem).removesuffix("#")
    if not (dialled.startswith(stem) and dialled.endswith("#")) or rest[:1] not in ("", "*"):
        raise OperatorError("That is the wrong service code", f"Dial '{code}'")
    return rest[1:]


def _session(phone: Phone, code: str, text: str, keys: list[str] | None) -> None:
    """Screen after screen until the gateway ends the session or nothing more is typed."""
    session = f"dial-{uuid4().hex}"
    click.echo(f"> {code}")
    over = _hop(phone, session, text)
    lines = _typed() if keys is None else iter(keys)
    while not over and (line := next(lines, None)) is not None:
        if line == DROP:
            # The bare code again, in a session of its own.
            session, text = f"dial-{uuid4().hex}", ""
            click.echo(f"> {DROP}\n> {phone.office.settings.service.ussd_code}")
            over = _hop(phone, session, text)
            continue
        if keys is not None:
            click.echo(f"> {line}")
        text = f"{text}*{line}" if text else line
        over = _hop(phone, session, text)
    click.echo("(The session has ended.)" if over else "(The session is still open.)", err=True)
    if keys is not None and (left := list(lines)):
        click.echo(f"({len(left)} of the keys came after its end.)", err=True)


def _hop(phone: Phone, session: str, text: str) -> bool:
    """Post the input so far, print the screen; whether the session is over."""
    fields = {
        "sessionId": session,
        "serviceCode": phone.office.settings.service.ussd_code,
        "phoneNumber": phone.number,
        "networkCode": "99999",
        "text": text,
        **phone.wishes,
    }
    kind, _, screen = phone.post("ussd", fields).partition(" ")
    click.echo(screen)
    return kind != "CON"


def _typed() -> Iterator[str]:
    """Lines from the keyboard until Ctrl-D; an empty one asks again."""
    while True:
        try:
            line = input("> ")
        except EOFError:
            click.echo()
            return
        if not sys.stdin.isatty():
            # A terminal shows what is typed; what is piped in would be missing.
            click.echo(line)
        if line.strip():
            yield _clean(line.strip())


def _answers(phone: Phone, before: int) -> list[tuple[int, str]]:
    """What the phone is sent after message number `before`, as soon as there is any."""
    until = time.monotonic() + WAIT_SECONDS

    def late() -> bool:
        return time.monotonic() > until

    while True:
        for drain in upkeep.DRAINS.values():
            drain(phone.office, late)
        answers = phone.inbox(before)
        if answers or late():
            return answers
        time.sleep(LOOK_SECONDS)
