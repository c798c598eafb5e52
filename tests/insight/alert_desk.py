"""Centers for tests of alerts: answers are counted by hand, and the clock is put forward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, text

from app import clock
from app.clock import Week
from app.delivery.mail import Mail
from app.delivery.routing import Router
from app.feedback.cells import Cell
from app.insight import acknowledging, alert_rules, alert_texts, alerts
from app.insight.alert_signs import Rule
from app.insight.alerts import Lookout
from app.insight.figures import Figures
from app.people.vault import Vault
from app.sections import DeliverySection
from app.sentences import load_all
from app.settings import ROOT, ChannelConfig
from app.storage import people, tallies
from app.storage.levels import StaffLevel

# A Monday, 10 o'clock in Vientiane.
START = datetime(2026, 11, 23, 3, tzinfo=UTC)
CARRIER = ChannelConfig("simulator", "simulator", "http://x", ("t" * 16,))
MAIL = Mail(
    Vault(b"p" * 32, b"h" * 32),
    Router(DeliverySection(sms_channel="simulator"), {"simulator": CARRIER}),
)
WORDS = load_all(ROOT / "config" / "languages", alert_texts.FILE, alert_texts.SENTENCES)
SHIPPED = alert_rules.load(ROOT / "config")


@dataclass
class AlertDesk:
    """What is said of centers, who is told of it, and what they answer."""

    engine: Engine
    rules: Mapping[str, Rule] = field(default_factory=lambda: SHIPPED)
    now: datetime = START
    _seen: int = 0

    @property
    def today(self) -> date:
        return clock.local_day(self.now)

    # --- what citizens say -------------------------------------------------------------------

    def answers(
        self,
        score: int,
        times: int,
        *,
        odsc: str = "0103",
        ago: int = 0,
        reason: str = "",
        overcharged: bool = False,
        flagged: bool = False,
    ) -> None:
        """So many answers of this score; a negative number takes them back."""
        day = self.today - timedelta(days=ago)
        said = {"status": "complete", "score": str(score)}
        said |= {"reason": reason} if reason else {}
        said |= {"overcharged": "yes"} if overcharged else {}
        if flagged:
            said = {"status": "flagged"}
        cells = {Cell(day, odsc, "", *answer, ""): times for answer in said.items()}
        with self.engine.begin() as tx:
            tallies.move(tx, Counter(cells))

    def many_bad(self, odsc: str = "0103", ago: int = 0) -> None:
        """40 % bad scores: raises what speaks of them."""
        self.answers(1, 8, odsc=odsc, ago=ago)
        self.answers(5, 12, odsc=odsc, ago=ago)

    # --- who is on the staff -----------------------------------------------------------------

    def staff(self, level: StaffLevel = "odsc", place: str = "0103", language: str = "en") -> int:
        """A phone of its own on the staff list; its contact."""
        with self.engine.begin() as tx:
            number = tx.execute(text("SELECT count(*) FROM contacts")).scalar_one()
            sealed = MAIL.vault.seal(f"+85620555{number:05}")
            contact = people.ensure(tx, sealed.hash, sealed.cipher)
        return self.also(contact, level, place, language)

    def also(self, contact: int, level: StaffLevel, place: str, language: str = "en") -> int:
        with self.engine.begin() as tx:
            people.add_staff(tx, contact, level, place, language)
        return contact

    def chain(self) -> tuple[int, int, int, int]:
        """One phone at each level above 0103."""
        return (
            self.staff(),
            self.staff("district", "0103"),
            self.staff("province", "01"),
            self.staff("country", "LA"),
        )

    def sql(self, statement: str, **values: object) -> None:
        with self.engine.begin() as tx:
            tx.execute(text(statement), values)

    def stops(self, contact: int) -> None:
        with self.engine.begin() as tx:
            people.set_stopped(tx, contact, self.now)

    def says(self, contact: int, written: str) -> str | None:
        """What a text of this phone is answered with; None where it is an ordinary one."""
        with self.engine.begin() as tx:
            told = acknowledging.answer(WORDS, tx, contact, written, self.now)
        if told is None:
            return None
        (answer,) = told
        return answer

    # --- what happens ------------------------------------------------------------------------

    def round(self) -> None:
        """A round of a clock process."""
        alerts.look(self.engine, Lookout(self.rules, MAIL, WORDS), self.now)

    def look(self) -> None:
        """A round of the only clock process; and another, which must change nothing."""
        self.round()
        told = self.count()
        self.round()
        assert self.count() == told

    def wait(self, **time: float) -> AlertDesk:
        self.now += timedelta(**time)
        self.look()
        return self

    def without(self, *rules: str) -> None:
        self.rules = {name: rule for name, rule in self.rules.items() if name not in rules}

    # --- what there is -----------------------------------------------------------------------

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with self.engine.connect() as tx:
            return [tuple(row) for row in tx.execute(text(statement))]

    def count(self) -> tuple[object, ...]:
        (row,) = self.rows("SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM alerts)")
        return row

    def told(self) -> list[int]:
        """The phones that were told since one asked last, in that order."""
        return [contact for contact, _ in self.texts()]

    def texts(self) -> list[tuple[int, str]]:
        """Phones and what they were told since one asked last."""
        rows = self.rows(
            "SELECT contact_id, text, purpose, segments FROM outbox ORDER BY number"
            f" OFFSET {self._seen}"
        )
        self._seen += len(rows)
        assert all(row[2:] == ("alert", 1) for row in rows)
        return [(int(str(contact)), str(words)) for contact, words, *_ in rows]

    def states(self) -> list[str]:
        """Every alert, the oldest first: `rule odsc subject: open` or `over`."""
        rows = self.rows("SELECT rule, odsc, subject, cleared_at IS NULL FROM alerts ORDER BY id")
        return [
            f"{' '.join(map(str, row[:3])).rstrip()}: {'open' if row[3] else 'over'}"
            for row in rows
        ]

    def newest(self) -> int:
        return int(str(self.rows("SELECT max(id) FROM alerts")[0][0]))

    def releases(self, week: Week, answers: int, satisfied: int | None, odsc: str = "0103") -> None:
        """A week's figures are out."""
        figures = Figures(
            week=str(week),
            level="odsc",
            code=odsc,
            answers=answers,
            satisfied=satisfied,
            scores=None,
            sexes={},
            services={},
            reasons={},
            main_reason=None,
            overcharged=None,
            running=0,
            overdue=0,
        )
        self.sql(
            "INSERT INTO releases (week, made_at) VALUES (:week, :now) ON CONFLICT DO NOTHING",
            week=str(week),
            now=self.now,
        )
        self.sql(
            "INSERT INTO released_figures (week, level, code, document)"
            " VALUES (:week, 'odsc', :odsc, :document)",
            week=str(week),
            odsc=odsc,
            document=figures.as_json(),
        )
