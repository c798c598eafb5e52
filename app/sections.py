"""The sections of config/siang.toml: every key, its type and its default."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.words import Language


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceSection(Strict):
    """What citizens dial and text, and the language they first meet."""

    ussd_code: Annotated[str, Field(pattern=r"^\*\d{2,6}#$")]
    short_code: Annotated[str, Field(pattern=r"^\d{3,6}$")]
    language: Language = "lo"
    public_url: str = ""
    # How many reverse proxies of ours stand before the gateway, each adding to X-Forwarded-For.
    proxies: Annotated[int, Field(ge=0, le=5)] = 0


class ConversationSection(Strict):
    abandon_after_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    # Who redials within this time may go on where a dropped session stood.
    resume_within_hours: Annotated[int, Field(ge=0, le=168)] = 24
    # Texts of this long after a case was opened belong to it.
    join_within_hours: Annotated[int, Field(ge=0, le=168)] = 48
    flow: str = "main"


Prefix = Annotated[str, Field(pattern=r"^\+?\d{1,12}$")]


class RouteSection(Strict):
    """Which channels carry SMS to numbers that begin so, the best first."""

    prefixes: Annotated[list[Prefix], Field(min_length=1)]
    channels: Annotated[list[str], Field(min_length=1)]


class DeliverySection(Strict):
    sms_channel: str
    # Tried in this order when `sms_channel`, or the channel that a route names, is down.
    fallbacks: list[str] = []
    routes: list[RouteSection] = []
    replies_per_hour: Annotated[int, Field(ge=1)] = 60
    # Local hours between which, and on public holidays, only answers go out.
    quiet_from: Annotated[int, Field(ge=0, le=23)] = 20
    quiet_until: Annotated[int, Field(ge=0, le=23)] = 8
    # How long a message may stay without its receipt before it counts as expired.
    receipt_hours: Annotated[int, Field(ge=1, le=720)] = 72
    # When the channels' canaries are sent, and how long they may take to return.
    canary_hour: Annotated[int, Field(ge=0, le=23)] = 9
    canary_minutes: Annotated[int, Field(ge=1, le=720)] = 30


class BudgetSection(Strict):
    """What SMS may cost, in kip; 0 sets no limit. Percent of either at which something stops."""

    daily_kip: Annotated[int, Field(ge=0)] = 0
    monthly_kip: Annotated[int, Field(ge=0)] = 0
    bulk_percent: Annotated[int, Field(ge=1, le=100)] = 80
    digest_percent: Annotated[int, Field(ge=1, le=100)] = 90
    confirmation_percent: Annotated[int, Field(ge=1, le=100)] = 100


class RequestsSection(Strict):
    """Citizens' requests: when applicants are asked, and how fast strangers may look up."""

    # After collection the applicant is asked how it was; once more, and then no more.
    invite_after_hours: Annotated[int, Field(ge=0, le=720)] = 3
    remind_after_hours: Annotated[int, Field(ge=1, le=720)] = 48
    close_after_hours: Annotated[int, Field(ge=1, le=720)] = 168
    # Of requests that are not its own a phone may miss so many numbers, and find so many.
    misses_per_hour: Annotated[int, Field(ge=1, le=100)] = 5
    misses_per_day: Annotated[int, Field(ge=1, le=1000)] = 15
    found_per_day: Annotated[int, Field(ge=1, le=1000)] = 10
    # So many misses in ten minutes from one block of phone numbers, and the block pauses.
    burst: Annotated[int, Field(ge=1, le=1000)] = 20
    # An office that has been silent on a request for longer: the citizen is told how long.
    stale_after_days: Annotated[int, Field(ge=1, le=365)] = 7


class DigestSection(Strict):
    hour: Annotated[int, Field(ge=0, le=23)] = 8


class PricesSection(Strict):
    """What the networks charge us, in kip: of a segment sent, of a USSD session."""

    sms_segment_kip: Annotated[int, Field(ge=0)] = 200
    ussd_session_kip: Annotated[int, Field(ge=0)] = 0


class LoadSection(Strict):
    """What a web process takes on at once; what comes on top is spooled, or shall come again."""

    # USSD turns under way or waiting for a thread, and how long one may wait for it.
    turns: Annotated[int, Field(ge=1, le=1000)] = 256
    turn_wait_seconds: Annotated[float, Field(ge=0.1, le=1.8)] = 1.2
    # SMS, receipts and events on their way into the database; others go into the spool.
    messages: Annotated[int, Field(ge=1, le=1000)] = 64
    # How much of each limit one source may use: a channel's gateway at one address.
    source_percent: Annotated[int, Field(ge=1, le=100)] = 75


class RetentionSection(Strict):
    """How long what is kept. Figures stay; whoever runs Siang knows their law's terms."""

    # After the last contact, when nothing is owed and nothing is open.
    numbers_days: Annotated[int, Field(ge=30, le=3650)] = 180
    # Comments, stories of problems, and offices' notes on requests.
    texts_months: Annotated[int, Field(ge=1, le=120)] = 24
    # SMS in and out; longer than a dropped session may be gone on with.
    messages_days: Annotated[int, Field(ge=10, le=3650)] = 90


class LimitsSection(Strict):
    gsm7: Annotated[int, Field(ge=60, le=182)] = 160
    ucs2: Annotated[int, Field(ge=40, le=80)] = 70


class ChannelSection(BaseModel):
    """Common keys of a [channels.NAME] section; its adapter validates the kind's own keys."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str
    ussd_limits: LimitsSection = LimitsSection()
    sms_limits: LimitsSection = LimitsSection()
    # A USSD answer later than this is given up for an SMS; Africa's Talking waits 15 s.
    deadline_seconds: Annotated[float, Field(ge=0.2, le=60)] = 8.0
    # Whether phones get a long SMS as one; else it goes out as several, cut between words.
    joins: bool = True
    # SMS a second that the provider takes; 0: as fast as it answers.
    rate: Annotated[float, Field(ge=0, le=1000)] = 0.0
    # What a segment costs on this channel, and to numbers that begin so.
    segment_kip: Annotated[int, Field(ge=0)] | None = None
    prefix_kip: dict[Prefix, Annotated[int, Field(ge=0)]] = {}
    # The same text from the same sender within this time is a repeat, where there is no id.
    repeat_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    # How long the parts of a long SMS are waited for.
    join_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    # A number of ours that gets one message a day, to see that the channel works.
    canary_to: str = ""
    # A device that is silent for longer raises an alarm; 0: it is not expected to report.
    heartbeat_minutes: Annotated[int, Field(ge=0, le=1440)] = 0


class ConfigFile(Strict):
    service: ServiceSection
    conversation: ConversationSection = ConversationSection()
    delivery: DeliverySection
    requests: RequestsSection = RequestsSection()
    digest: DigestSection = DigestSection()
    prices: PricesSection = PricesSection()
    budget: BudgetSection = BudgetSection()
    limits: LoadSection = LoadSection()
    retention: RetentionSection = RetentionSection()
    channels: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")], ChannelSection]
