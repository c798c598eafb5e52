"""/metrics: what Prometheus is told, and whom it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, Engine, text

from app import create_app, open_office, settings
from app.errors import ConfigError
from app.storage import alarms, channels
from app.web.metrics_database import DatabaseFigures, Reading, gauge
from app.web.metrics_readings import readings
from tests.phones import Gateway

TOKEN = "t0ken-of-the-ministry"
OUTSIDE = {"REMOTE_ADDR": "192.0.2.7"}
NUMBER = "+8562055512345"

Labels = frozenset[tuple[str, str]]
Scrape = dict[str, dict[Labels, float]]
"""Name of a sample → its labels → its value."""


@pytest.fixture
def gateway(engine: Engine, database_url: str, home: Path) -> Iterator[Gateway]:
    environment = {"SIANG_HOME": str(home), "SIANG_METRICS_TOKEN": TOKEN}
    office = open_office(settings.load(environment), database_url, pool=8)
    office.desk.books.open(office.engine)
    yield Gateway(office)
    office.engine.dispose()


@pytest.fixture
def away(home: Path) -> Iterator[Gateway]:
    """A gateway whose database is not there."""
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    office = open_office(settings.load({"SIANG_HOME": str(home)}), nowhere)
    yield Gateway(office)
    office.engine.dispose()


def scrape(gateway: Gateway) -> Scrape:
    """A new process's first scrape: nothing is remembered."""
    response = create_app(gateway.office).test_client().get("/metrics")
    assert response.status_code == 200
    found: Scrape = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def value(scraped: Scrape, name: str, **labels: str) -> float:
    return scraped.get(name, {}).get(frozenset(labels.items()), 0.0)


def grown(before: Scrape, after: Scrape, name: str, **labels: str) -> float:
    return value(after, name, **labels) - value(before, name, **labels)


# --- what is told -----------------------------------------------------------------------------


def test_turns_are_counted_by_channel_and_medium_with_how_long_they_took(gateway: Gateway) -> None:
    before = scrape(gateway)
    gateway.phone().dial().press("1", "0103", "5")
    gateway.phone().sends("0103 5")
    after = scrape(gateway)
    ussd = {"channel": "africastalking", "medium": "ussd"}
    assert grown(before, after, "siang_turn_seconds_count", **ussd) == 4
    assert grown(before, after, "siang_turn_seconds_sum", **ussd) > 0
    assert grown(before, after, "siang_turn_seconds_bucket", le="+Inf", **ussd) == 4
    sms = {"channel": "simulator", "medium": "sms"}
    assert grown(before, after, "siang_turn_seconds_count", **sms) == 1
    kept = {"channel": "simulator", "kind": "sms", "kept": "database"}
    assert grown(before, after, "siang_arrivals_total", **kept) == 1


def test_a_refused_request_is_counted_by_its_status(gateway: Gateway) -> None:
    before = scrape(gateway)
    gateway.client.post("/channels/kannel/sms?token=wrong", data={"id": "1", "from": NUMBER})
    gateway.client.get(f"/channels/{NUMBER}/sms")
    after = scrape(gateway)
    refused = {"channel": "kannel", "hook": "sms", "status": "403"}
    assert grown(before, after, "siang_requests_total", **refused) == 1
    # What anybody may make up is no label.
    unknown = {"channel": "unknown", "hook": "sms", "status": "404"}
    assert grown(before, after, "siang_requests_total", **unknown) == 1


def test_the_outbox_is_told_by_state_and_purpose_and_what_it_cost(gateway: Gateway) -> None:
    gateway.takes_sms(NUMBER, "0103 5", "mo-metrics-1")
    waiting = scrape(gateway)
    assert value(waiting, "siang_queue_length", drain="turns") == 1
    assert value(waiting, "siang_queue_length", drain="outbox") == 0
    gateway.work()
    after = scrape(gateway)
    assert value(after, "siang_queue_length", drain="turns") == 0
    sent = {"state": "delivered", "purpose": "reply"}
    assert value(after, "siang_outbox_messages", **sent) == 1, after["siang_outbox_messages"]
    assert value(after, "siang_kip_spent", period="today") > 0
    assert value(after, "siang_kip_spent", period="month") > 0


def test_the_oldest_that_waits_is_told_in_seconds(gateway: Gateway) -> None:
    gateway.takes_sms(NUMBER, "0103 5", "mo-metrics-2")
    with gateway.office.engine.begin() as tx:
        tx.execute(text("UPDATE inbound SET next_at = now() - interval '5 minutes'"))
    found = scrape(gateway)
    assert 300 <= value(found, "siang_queue_oldest_seconds", drain="turns") < 360
    assert value(found, "siang_queue_oldest_seconds", drain="responses") == 0


def test_responses_and_where_people_stop_are_told(gateway: Gateway) -> None:
    gateway.phone().dial().press("1", "0103", "5")
    gateway.phone("+8562055512346").dial("*1616*0103*5#")
    with gateway.office.engine.begin() as tx:
        tx.execute(text("UPDATE conversations SET status = 'abandoned', due_at = now()"))
    gateway.work()
    found = scrape(gateway)
    assert value(found, "siang_responses_stored", period="hour") == 2
    assert value(found, "siang_responses_stored", period="today") == 2
    left = found["siang_screen_left"]
    assert sum(left.values()) == 2
    assert all(value <= found["siang_screen_shown"][screen] for screen, value in left.items())


def test_what_went_wrong_is_told_by_kind(gateway: Gateway) -> None:
    office = gateway.office
    now = office.desk.now()
    gateway.phone().sends("0103 5").sends("ສະບາຍດີ")
    with office.engine.begin() as tx:
        for _ in range(channels.BREAKS_AT):
            channels.failed(tx, "kannel", now)
        alarms.notice(tx, kind="spool", subject="corrupt", detail="Look", now=now)
        tx.execute(text("UPDATE inbound SET state = 'aside'"))
        tx.execute(text("UPDATE outbox SET state = 'dead', sent_at = NULL"))
    found = scrape(gateway)
    assert value(found, "siang_channel_up", channel="kannel") == 0
    assert value(found, "siang_channel_up", channel="simulator") == 1
    assert value(found, "siang_alarms_open", kind="spool") == 1
    assert value(found, "siang_dead_letters", direction="in") == 2
    assert value(found, "siang_dead_letters", direction="out") == 2
    failed = {"channel": "simulator", "cause": "given_up"}
    assert value(found, "siang_outbox_failures", **failed) == 2


def test_a_process_that_is_silent_is_not_alive(gateway: Gateway) -> None:
    with gateway.office.engine.begin() as tx:
        tx.execute(
            text(
                "INSERT INTO processes (host, pid, name, started_at, seen_at) VALUES "
                "('a', 1, 'upkeep', now(), now()), ('a', 2, 'outbox', now(), now()), "
                "('b', 2, 'outbox', now(), now()), "
                "('b', 3, 'turns', now(), now() - interval '5 minutes')"
            )
        )
    alive = scrape(gateway)["siang_processes_alive"]
    told = {dict(labels)["name"]: int(count) for labels, count in alive.items()}
    assert told == {"web": 0, "turns": 0, "responses": 0, "upkeep": 1, "outbox": 2}


def test_the_newest_backup_is_told_by_its_age_and_none_by_nothing(gateway: Gateway) -> None:
    assert "siang_backup_age_seconds" not in scrape(gateway)
    with gateway.office.engine.begin() as tx:
        for hours in (30, 5):
            age = f"now() - interval '{hours} hours'"
            tx.execute(text(f"INSERT INTO backups (bytes, at) VALUES (1, {age})"))
    told = value(scrape(gateway), "siang_backup_age_seconds")
    assert 5 * 3600 <= told < 6 * 3600


# --- what is not ------------------------------------------------------------------------------


def test_no_label_holds_a_number_or_a_text(gateway: Gateway) -> None:
    phone = gateway.phone()
    phone.dial().press("1", "0103", "2", "1", "3")
    phone.sends("0103 1 ຊ້າຫຼາຍ")
    client = create_app(gateway.office).test_client()
    told = client.get("/metrics").text
    assert NUMBER[4:] not in told
    assert "ຊ້າ" not in told


def test_a_database_that_is_away_takes_only_its_own_figures_along(away: Gateway) -> None:
    found = scrape(away)
    assert value(found, "siang_database_up") == 0
    assert "siang_queue_length" not in found
    assert set(found["siang_reading_up"].values()) == {0}
    assert "siang_spool_files" in found
    assert "process_resident_memory_bytes" in found
    assert found["siang_build_info"]


def slow(tx: Connection) -> Sequence[Metric]:
    tx.execute(text("SELECT pg_sleep(30)"))
    return [gauge("siang_slow", "Slow.")]


def test_a_figure_that_takes_too_long_is_left_out_and_the_others_come(gateway: Gateway) -> None:
    every = [Reading("slow", slow), *readings(gateway.office)]
    short = timedelta(milliseconds=500)
    told = {
        one.name: one for one in DatabaseFigures(gateway.office, every, statement=short).collect()
    }
    up = {sample.labels["reading"]: sample.value for sample in told["siang_reading_up"].samples}
    assert up.pop("slow") == 0
    assert set(up.values()) == {1}
    assert told["siang_database_up"].samples[0].value == 1
    assert "siang_slow" not in told
    assert "siang_kip_spent" in told


def test_the_database_is_asked_again_after_ten_seconds_and_not_before(gateway: Gateway) -> None:
    times, asked = [0.0], []

    def read(tx: Connection) -> Sequence[Metric]:
        asked.append(times[-1])
        return []

    figures = DatabaseFigures(gateway.office, [Reading("once", read)], clock=lambda: times[-1])
    for now in (0.0, 5.0, 9.9, 10.0, 19.0, 21.0):
        times.append(now)
        list(figures.collect())
    assert asked == [0.0, 10.0, 21.0]


# --- whom -------------------------------------------------------------------------------------

HEADERS = [
    {"Authorization": f"Bearer {TOKEN}"},
    {"Authorization": f"bearer {TOKEN}"},
]
WRONG: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer "},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": "Bearer ທ"},
    {"X-Forwarded-For": "127.0.0.1"},
]


@pytest.mark.parametrize("headers", HEADERS)
def test_another_machine_reads_with_the_token(gateway: Gateway, headers: dict[str, str]) -> None:
    response = gateway.client.get("/metrics", headers=headers, environ_base=OUTSIDE)
    assert response.status_code == 200


@pytest.mark.parametrize("headers", WRONG)
def test_another_machine_is_refused_without_it(gateway: Gateway, headers: dict[str, str]) -> None:
    response = gateway.client.get("/metrics", headers=headers, environ_base=OUTSIDE)
    assert response.status_code == 403
    assert "siang_" not in response.text


def test_a_proxy_on_this_machine_opens_nothing(gateway: Gateway) -> None:
    behind = gateway.client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})
    assert behind.status_code == 403


def test_without_a_token_in_the_environment_none_is_good(away: Gateway) -> None:
    for given in ("Bearer ", "Bearer", f"Bearer {TOKEN}"):
        headers = {"Authorization": given}
        response = away.client.get("/metrics", headers=headers, environ_base=OUTSIDE)
        assert response.status_code == 403


def test_a_token_that_can_be_guessed_refuses_to_start(home: Path) -> None:
    with pytest.raises(ConfigError, match="SIANG_METRICS_TOKEN"):
        settings.load({"SIANG_HOME": str(home), "SIANG_METRICS_TOKEN": "short"})
