"""deploy/grafana and deploy/prometheus ask for nothing that /metrics does not tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from app import create_app, open_office, settings
from app.settings import ROOT
from tests.phones import Gateway

DASHBOARD = ROOT / "deploy" / "grafana" / "siang.json"
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
NAME = re.compile(r"\b((?:siang|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
BY = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
# What Prometheus itself adds to every sample.
ADDED = {"instance", "job"}

Labels = Mapping[str, frozenset[str]]
"""Name of a sample → the names of its labels."""


@pytest.fixture(scope="module")
def exported(
    migrated: Engine, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Labels]:
    """What a gateway tells after some traffic."""
    home = tmp_path_factory.mktemp("home")
    office = open_office(settings.load({"SIANG_HOME": str(home)}), database_url, pool=8)
    office.desk.books.open(office.engine)
    gateway = Gateway(office)
    phone = gateway.phone("+8562099990001")
    phone.dial().press("1", "0103", "5")
    phone.sends("0103 4")
    with office.engine.begin() as tx:
        tx.execute(text("INSERT INTO releases VALUES ('2026-W40', now()) ON CONFLICT DO NOTHING"))
        tx.execute(text("INSERT INTO backups (bytes, at) VALUES (1, now())"))
    told = create_app(office).test_client().get("/metrics").text
    samples = [one for family in text_string_to_metric_families(told) for one in family.samples]
    yield {one.name: frozenset(one.labels) for one in samples} | {"up": frozenset()}
    office.engine.dispose()


def of_dashboard() -> list[tuple[str, str]]:
    """Every panel's title with one of its expressions."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [(one["title"], target["expr"]) for one in panels for target in one["targets"]]


def of_rules() -> list[tuple[str, str]]:
    """Every alert with its expression."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [(rule["alert"], rule["expr"]) for group in groups for rule in group["rules"]]


EVERY = [*of_dashboard(), *of_rules()]


@pytest.mark.parametrize(("title", "expression"), EVERY)
def test_an_expression_asks_for_what_is_told(exported: Labels, title: str, expression: str) -> None:
    asked = NAME.findall(expression)
    assert asked, expression
    labels = {"le"} & set().union(*(exported.get(name, ()) for name, _ in asked))
    for name, matchers in asked:
        assert name in exported, f"{title}: /metrics tells no {name}"
        labels |= exported[name]
        for label, _ in MATCHER.findall(matchers):
            assert label in exported[name] | ADDED, f"{title}: {name} has no label {label}"
    grouped = {one.strip() for group in BY.findall(expression) for one in group.split(",")}
    assert grouped - {""} <= labels | ADDED, f"{title}: grouped by what nothing has"
    assert expression.count("(") == expression.count(")")


def test_what_is_matched_by_name_is_what_is_told(exported: Labels) -> None:
    assert len(EVERY) > 40
    assert "siang_nothing" not in exported
    assert NAME.findall('rate(siang_turn_seconds_count{medium="ussd"}[5m])') == [
        ("siang_turn_seconds_count", 'medium="ussd"')
    ]


def test_every_alert_says_what_is_wrong_and_how_bad_it_is() -> None:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"page", "warn"}
        summary = rule["annotations"]["summary"]
        used = set(re.findall(r"\$labels\.(\w+)", summary))
        kept = {one.strip() for group in BY.findall(rule["expr"]) for one in group.split(",")}
        assert used <= kept, f"{rule['alert']} names what its expression does not keep"


def test_the_dashboard_asks_whichever_prometheus_is_chosen() -> None:
    board = json.loads(DASHBOARD.read_text("utf-8"))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    sources = {panel["datasource"]["uid"] for panel in board["panels"]}
    assert sources == {"${datasource}"}
    assert [one["name"] for one in board["templating"]["list"]] == ["datasource"]
