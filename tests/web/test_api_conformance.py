"""Schemathesis on the whole API: whatever the document says is so, and nothing else is taken."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis import Case, HookContext, engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder
from werkzeug.serving import make_server

from app import clock
from app.clock import Week
from app.insight import releases
from app.office import Office
from tests.web.system import System

pytestmark = pytest.mark.slow

CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "positive_data_acceptance",
    "negative_data_rejection",
    "ensure_resource_availability",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
}
# Unless they all came about, the run tried less than it seems to have tried.
ANSWERS = {
    *(("POST", status) for status in (201, 400, 401, 403, 409, 415, 422)),
    *(("PATCH", status) for status in (200, 401, 404, 409, 415, 422)),
    *(("GET", status) for status in (200, 401, 404, 422)),
    *((method, 405) for method in ("PUT", "DELETE", "TRACE")),
}


@dataclass
class Run:
    """What a run found, and what it had to do for it."""

    found: list[str] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def takes(self, recorder: ScenarioRecorder) -> None:
        for case_id, checks in recorder.checks.items():
            asked = recorder.cases[case_id].value.as_curl_command()
            self.checks |= {check.name for check in checks}
            self.found += [
                f"{check.name}: {check.failure_info.failure}\n{asked}"
                for check in checks
                if check.status is Status.FAILURE and check.failure_info is not None
            ]
        for one in recorder.interactions.values():
            if one.response is not None:
                self.answers[one.request.method, one.response.status_code] += 1


@pytest.fixture
def url(xaysetha: System) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, xaysetha.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_schemathesis_finds_nothing(
    office: Office, xaysetha: System, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = Week.of(clock.local_day(clock.now())).shifted(-1)
    releases.make(office.engine, week, clock.now(), {})
    # It keeps what it learns in the folder where it runs.
    monkeypatch.chdir(tmp_path)
    config = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "headers": {"Authorization": f"Bearer {xaysetha.token}"},
            "generation": {"max-examples": 25},
        }
    )
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json", config=config)
    numbers = itertools.count()

    @schema.hook
    def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
        """Every other request has a key of its own."""
        number = next(numbers)
        if number % 2:
            case.headers["Idempotency-Key"] = f"key {number}"
        return case

    run = Run()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            run.found.append(str(event.info))
        if isinstance(event, ScenarioFinished):
            run.takes(event.recorder)
    assert run.found == []
    assert run.checks >= CHECKS
    assert run.answers.keys() >= ANSWERS
