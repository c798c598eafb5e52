"""Phones for tests: they dial and text a gateway through its real webhooks."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask.testing import FlaskClient
from sqlalchemy import text

from app import clock, create_app, upkeep
from app.channels.base import Hook, hook_url
from app.clock import Week
from app.insight import summaries
from app.office import Office
from app.storage import outbox, people
from app.text.encoding import encoding_of, units

SESSIONS = itertools.count(1)


def never() -> bool:
    """A drain's `stop` that never asks."""
    return False


@dataclass
class Gateway:
    """An opened office behind a test client; `work` does what its workers would."""

    office: Office
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = create_app(self.office).test_client()

    def phone(self, number: str = "+8562055512345") -> Phone:
        return Phone(self, number)

    def url(self, channel: str, hook: Hook) -> str:
        config = self.office.settings.channels[channel]
        return hook_url(config, hook).removeprefix(config.base_url)

    def takes_sms(self, number: str, content: str, message_id: str, **fields: str) -> None:
        """The webhook alone: what a worker makes of it comes with `work`."""
        sent = {"id": message_id, "from": number, "to": "1616", "text": content} | fields
        response = self.client.get(f"{self.url('simulator', 'sms')}&{urlencode(sent)}")
        assert response.status_code == 200, response.text

    def work(self) -> None:
        """Drain everything twice over: what one drain makes, the next takes."""
        for drain in (*upkeep.DRAINS.values(), *upkeep.DRAINS.values()):
            drain(self.office, never)

    def tally(self, odsc: str = "0103") -> dict[str, object]:
        """This week's figures, as `siang tally --json` prints them."""
        self.work()
        week = Week.of(clock.local_day(self.office.desk.now()))
        _, summary = summaries.of_area(self.office.engine, "odsc", odsc, week)
        return dict(json.loads(json.dumps(summary.as_json())))

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with self.office.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]


@dataclass
class Phone:
    """One phone. Verbs return it, so that a test reads like a leaflet."""

    gateway: Gateway
    number: str
    session: str = ""
    path: str = ""
    screen: str = ""
    open: bool = False
    _messages: int = 0

    # --- USSD --------------------------------------------------------------------------------

    def dial(self, code: str = "*1616#") -> Phone:
        """`*1616#`, or with keys: `*1616*0103*5#`."""
        self.session = f"ATUid_{next(SESSIONS)}"
        self.path = code.removeprefix("*1616").strip("*#")
        return self.post()

    def press(self, *keys: str) -> Phone:
        for key in keys:
            assert self.open, f"the session is over: {self.screen}"
            self.path = f"{self.path}*{key}" if self.path else key
            self.post()
        return self

    def post(self, path: str | None = None, **fields: str) -> Phone:
        """What Africa's Talking posts, with the input so far (or another `path`)."""
        form = {
            "sessionId": self.session,
            "serviceCode": "*1616#",
            "phoneNumber": self.number,
            "networkCode": "45701",
            "text": self.path if path is None else path,
        } | fields
        url = self.gateway.url("africastalking", "ussd")
        response = self.gateway.client.post(url, data=form)
        assert response.status_code == 200, response.text
        kind, _, self.screen = response.text.partition(" ")
        assert kind in {"CON", "END"}
        self.open = kind == "CON"
        return self

    def sees(self, *fragments: str) -> Phone:
        for fragment in fragments:
            assert fragment in self.screen, f"{fragment!r} is not on the screen:\n{self.screen}"
        budget = 70 if encoding_of(self.screen) == "UCS-2" else 160
        assert units(self.screen) <= budget, f"{units(self.screen)} units:\n{self.screen}"
        return self

    def ends(self, *fragments: str) -> Phone:
        self.sees(*fragments)
        assert not self.open, f"the session goes on:\n{self.screen}"
        return self

    def hangs_up(self) -> Phone:
        self.open = False
        return self

    # --- SMS ---------------------------------------------------------------------------------

    def sends(self, content: str, message_id: str | None = None) -> Phone:
        """Text the short code; the workers answer."""
        self.gateway.takes_sms(self.number, content, message_id or f"mo-{next(SESSIONS)}")
        self.gateway.work()
        return self

    @property
    def inbox(self) -> list[str]:
        sealed = self.gateway.office.desk.seal(self.number)
        with self.gateway.office.engine.connect() as connection:
            contact = people.find(connection, sealed.hash)
            if contact is None:
                return []
            return [message for _, message, _ in outbox.inbox(connection, contact, "simulator")]

    def gets(self, *fragments: str) -> Phone:
        """One more message has come, and holds these."""
        inbox = self.inbox
        assert len(inbox) == self._messages + 1, f"{len(inbox) - self._messages} new: {inbox}"
        self._messages = len(inbox)
        for fragment in fragments:
            assert fragment in inbox[-1], f"{fragment!r} is not in {inbox[-1]!r}"
        return self

    def gets_nothing(self) -> Phone:
        assert len(self.inbox) == self._messages, self.inbox
        return self
