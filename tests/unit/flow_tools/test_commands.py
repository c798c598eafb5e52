"""siang flows check, test, draw and schema, without a database."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from app.cli import flows as commands
from app.cli.flows import flows
from app.flows import shapes
from tests.unit.flow_tools.tiny import CONFIG


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what is shipped, and no database to be found."""
    copied = tmp_path / "config"
    shutil.copytree(CONFIG, copied)
    monkeypatch.setenv("SIANG_CONFIG", str(copied))
    monkeypatch.setenv("SIANG_HOME", str(tmp_path / "home"))

    def away(*given: object) -> None:
        raise OSError("no database")

    monkeypatch.setattr(commands, "database", away)
    return copied


def siang(*words: str) -> Result:
    return CliRunner().invoke(flows, words)


def break_it(config: Path, old: str, new: str, file: str = "flows/main.yaml") -> None:
    path = config / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_check_of_what_is_shipped(config: Path) -> None:
    result = siang("check")
    assert result.exit_code == 0, result.output
    assert "Good: main (" in result.output
    assert "0 errors" in result.output
    heads = next(line for line in result.output.splitlines() if line.startswith("flow "))
    assert " ".join(heads.split()) == "flow language by path screens SMS out SMS in kip"


def test_check_ends_with_1_on_an_error_and_tells_all_of_it_to_programs(config: Path) -> None:
    break_it(config, "thanks: {end: thanks}", "thanks: {end: thanks}\n  lost: {end: thanks}")
    break_it(config, "{end: gave_up}", "{call: gave_up, then: home}")
    result = siang("check", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert set(told) == {"errors", "warnings", "costs"}
    wanted = {"severity", "file", "line", "node", "language", "message", "remedy"}
    assert all(set(one) == wanted for one in (*told["errors"], *told["warnings"]))
    assert told["errors"][0]["file"] == "flows/main.yaml"


def test_check_tells_a_flow_that_cannot_be_loaded(config: Path) -> None:
    break_it(config, "to: thanks}", "to: thank}")
    result = siang("check")
    assert result.exit_code == 1
    assert "there is no node 'thank'" in result.stdout


def test_the_shipped_conversations(config: Path) -> None:
    result = siang("test")
    assert result.exit_code == 0, result.output
    assert "in 3 languages: all good" in result.output


def test_a_conversation_that_goes_wrong_ends_with_1(config: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text('test: A menu\nsteps:\n  - {dial: "*1616#", see: Nothing}\n', "utf-8")
    result = siang("test", str(own))
    assert result.exit_code == 1
    assert f"{own}:3: 'A menu' in en, step 1 (dial *1616#): the screen should" in result.output


def test_drawing_without_a_database_says_so_and_draws(config: Path, tmp_path: Path) -> None:
    result = siang("draw", "--out", str(tmp_path / "flow.svg"))
    assert result.exit_code == 0
    assert "No database can be reached" in result.stderr
    ElementTree.parse(tmp_path / "flow.svg")


def test_drawing_as_mermaid_in_english(config: Path) -> None:
    result = siang("draw", "--format", "mermaid", "--language", "en", "--plain")
    assert result.exit_code == 0
    assert result.stdout.startswith("flowchart TD\n")
    assert "How much did you pay" in result.stdout


def test_the_shipped_schema_is_that_of_the_flow_language() -> None:
    result = siang("schema")
    assert json.loads(result.stdout) == shapes.json_schema()
    shipped = (CONFIG / "flows" / "schema.json").read_text("utf-8")
    assert shipped == result.stdout, "siang flows schema > config/flows/schema.json"


def test_publishing_is_among_the_commands() -> None:
    assert {"publish", "history", "diff", "rollback"} <= set(flows.commands)
