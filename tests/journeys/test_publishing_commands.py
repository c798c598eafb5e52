"""siang flows publish, history, diff and rollback, and what a start publishes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from app.cli import main
from app.cli.prepare import prepare
from app.conversation import publishing
from app.conversation.books import publish_first, read_sources
from app.errors import FlowError, OperatorError
from app.flows.nodes import Book
from app.storage import flows
from tests.versions import (
    NEW_FLOW,
    OLD_FLOW,
    UNREADABLE,
    Folder,
    Opens,
    at_once,
    folder_of,
    publish_unreadable,
    published,
)

Siang = Callable[..., Result]


@pytest.fixture
def siang(
    config: Folder, engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Siang:
    """`siang flows …`."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SIANG_HOME", str(config.settings.home))
    monkeypatch.setenv("SIANG_CONFIG", str(config.path))
    return lambda *words: CliRunner().invoke(main, ["flows", *words])


def _fails(monkeypatch: pytest.MonkeyPatch, *sentences: str) -> None:
    ran = SimpleNamespace(run_all=lambda book, sources: list(sentences))
    monkeypatch.setitem(sys.modules, "app.flows.transcripts", ran)


# --- starts -----------------------------------------------------------------------------------


def test_the_first_start_publishes_and_no_later_one(config: Folder, engine: Engine) -> None:
    prepare(config.settings, engine)
    assert publishing.remark(engine, config.settings) == []
    config.write("New", NEW_FLOW)
    prepare(config.settings, engine)
    ((first, note, forced),) = published(engine)
    assert (note, forced) == ("first start", False)
    (line,) = publishing.remark(engine, config.settings)
    assert first[:8] in line
    assert "siang flows publish" in line


def test_starts_at_once_publish_once(config: Folder, engine: Engine) -> None:
    at_once(4, lambda: publish_first(engine, config.path, "main", "lo"))
    assert len(published(engine)) == 1


def test_a_broken_config_stops_the_first_start_alone(
    process: Opens, config: Folder, engine: Engine
) -> None:
    screens = config.path / "languages/en/screens.yaml"
    good = screens.read_bytes()
    screens.write_bytes(b"\xff")
    with pytest.raises(FlowError, match="UTF-8"):
        prepare(config.settings, engine)
    screens.write_bytes(good)
    prepare(config.settings, engine)
    screens.write_bytes(b"\xff")
    prepare(config.settings, engine)
    process().phone().dial().sees("Old menu")
    assert len(publishing.remark(engine, config.settings)) == 1


def test_a_flow_that_the_settings_name_must_be_there(config: Folder, engine: Engine) -> None:
    with pytest.raises(FlowError, match="'other' is not among those there are \\(main\\)"):
        publish_first(engine, config.path, "other", "lo")
    with pytest.raises(FlowError, match="service.language"):
        publish_first(engine, config.path, "main", "fr")


# --- siang flows publish ----------------------------------------------------------------------


def test_publishing_is_told_and_recorded(siang: Siang, config: Folder, engine: Engine) -> None:
    prepare(config.settings, engine)
    config.write("New", NEW_FLOW)
    told = siang("publish", "--note", "No  reasons\nany more")
    assert told.exit_code == 0, told.output
    (_, (new, note, forced)) = published(engine)
    assert f"Published {new[:8]}: main (3 nodes); languages en, lo" in told.stdout
    assert (note, forced) == ("No reasons any more", False)
    with engine.connect() as tx:
        assert flows.sources(tx, new) == read_sources(config.path)


def test_publishing_twice_changes_nothing(
    siang: Siang, config: Folder, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = siang("publish")
    _fails(monkeypatch, "This is not even walked.")
    again = siang("publish", "--note", "again", "--force")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "nothing was changed" in again.stdout
    assert [(note, forced) for _, note, forced in published(engine)] == [("", False)]


def test_a_broken_config_is_refused_with_every_problem(
    siang: Siang, config: Folder, engine: Engine
) -> None:
    config.write("Old", OLD_FLOW.replace("to: reason", "to: payed").replace("home\n", "hum\n", 1))
    told = siang("publish", "--force")
    assert told.exit_code == 2
    assert "flows/main.yaml:10: nodes.score.ask" in told.stderr
    assert "there is no node 'payed'" in told.stderr
    assert "there is no node 'hum'" in told.stderr
    assert published(engine) == []


def test_failing_tests_refuse_unless_forced(
    siang: Siang, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fails(monkeypatch, "flows/tests/rating.yaml:3: the screen should have 'Old'.")
    told = siang("publish")
    assert told.exit_code == 2
    assert told.stderr.splitlines() == [
        "flows/tests/rating.yaml:3: the screen should have 'Old'.",
        "Nothing was published: 1 thing is wrong. "
        "Mend the flow or the test, or publish all the same with --force",
    ]
    assert published(engine) == []
    forced = siang("publish", "--force", "--note", "In a hurry")
    assert forced.exit_code == 0
    assert "rating.yaml:3" in forced.stderr
    assert [(note, by_force) for _, note, by_force in published(engine)] == [("In a hurry", True)]
    assert "In a hurry [current, forced]" in siang("history").stdout


def test_tests_are_given_their_files_and_are_no_part_of_the_version(
    config: Folder, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = config.publish(engine)
    tests = config.path / "flows/tests"
    tests.mkdir()
    tests.joinpath("rating.yaml").write_text("test: rating\n", encoding="utf-8")
    given: list[object] = []

    def run_all(book: Book, sources: Mapping[str, str]) -> list[str]:
        given.append((book.hash, sources))
        return []

    ran = SimpleNamespace(run_all=run_all)
    monkeypatch.setitem(sys.modules, "app.flows.transcripts", ran)
    assert config.publish(engine) == first
    config.write("New", NEW_FLOW)
    new = config.publish(engine)
    assert given == [(new, {"flows/tests/rating.yaml": "test: rating\n"})]


def test_publications_at_once_stand_one_after_the_other(
    config: Folder, engine: Engine, home: Path, tmp_path: Path
) -> None:
    other = folder_of(tmp_path / "other", home)
    other.write("New", NEW_FLOW)
    folders = [config, other] * 3
    at_once(len(folders), lambda: folders.pop().publish(engine))
    hashes = [flow_hash for flow_hash, _, _ in published(engine)]
    assert len(set(hashes)) == 2
    assert all(one != following for one, following in zip(hashes, hashes[1:], strict=False))


def test_the_same_publication_at_once_is_one(config: Folder, engine: Engine) -> None:
    at_once(6, lambda: config.publish(engine))
    assert len(published(engine)) == 1


# --- history, diff, rollback ------------------------------------------------------------------


def test_the_history_tells_what_happened_when(
    siang: Siang,
    process: Opens,
    config: Folder,
    engine: Engine,
) -> None:
    gateway = process()
    gateway.phone().dial()
    config.write("New", NEW_FLOW)
    config.publish(engine, "Shorter")
    with engine.begin() as tx:
        tx.execute(text("UPDATE flow_publications SET at = '2026-11-20 18:30Z' WHERE note <> ''"))
    told = siang("history")
    (old, _, _), (new, _, _) = published(engine)
    assert told.stdout.splitlines() == [
        "  published         version    open  note",
        f"* 2026-11-21 01:30  {new[:8]}      0  Shorter [current]",
        f"  2026-11-21 01:30  {old[:8]}      1  first start",
    ]


def test_before_anything_is_published_that_is_said(siang: Siang) -> None:
    assert siang("history").stdout == "Nothing is published yet.\n"
    for command in ("diff", "rollback"):
        told = siang(command)
        assert told.exit_code == 2
        assert told.stderr.startswith("Nothing is published yet. ")


def test_the_diff_is_between_what_is_published_and_config(
    siang: Siang, config: Folder, engine: Engine
) -> None:
    old = config.publish(engine)
    assert siang("diff").stdout == "There is no difference.\n"
    config.write("Old", NEW_FLOW)
    config.path.joinpath("flows/more.yaml").write_text("flow: [broken\n", encoding="utf-8")
    lines = siang("diff").stdout.splitlines()
    assert lines[:2] == [f"--- {old[:8]}/flows/main.yaml", "+++ config/flows/main.yaml"]
    assert "-    ask: {kind: rating, save: score, to: reason}" in lines
    assert "+    ask: {kind: rating, save: score, to: thanks}" in lines
    assert lines[-4:-2] == ["--- /dev/null", "+++ config/flows/more.yaml"]


def test_the_diff_of_two_versions_goes_both_ways(
    siang: Siang, config: Folder, engine: Engine
) -> None:
    old = config.publish(engine)
    config.write("New")
    new = config.publish(engine)
    there, back = siang("diff", old[:6], new), siang("diff", new[:8].upper(), old[:8])
    assert "-home: Old menu\n+home: New menu" in there.stdout
    assert "-home: New menu\n+home: Old menu" in back.stdout
    assert siang("diff", old).stdout.startswith(
        f"--- {old[:8]}/languages/en/screens.yaml\n+++ config"
    )


@pytest.mark.parametrize(
    ("digits", "sentence"),
    [
        ("abcde", "Write at least 6 of the digits"),
        ("ghijkl", "'ghijkl' is no version"),
        ("%%%%%%", "is no version"),
        ("abcdef0", "There is no version abcdef0. `siang flows history` lists them"),
        ("ffffff", "2 versions begin with ffffff: "),
    ],
)
def test_digits_that_name_no_version_get_a_sentence(
    siang: Siang, config: Folder, engine: Engine, digits: str, sentence: str
) -> None:
    config.publish(engine)
    with engine.begin() as tx:
        flows.store(tx, UNREADABLE, {})
        flows.store(tx, "ffffff" + "0" * 26, {})
    for command in ("rollback", "diff"):
        told = siang(command, digits)
        assert told.exit_code == 2
        assert sentence in told.stderr
        assert len(told.stderr.splitlines()) == 1


def test_rolling_back_goes_one_step_further_each_time(
    siang: Siang, config: Folder, engine: Engine
) -> None:
    versions = []
    for age in ("Old", "New", "Newest"):
        config.write(age)
        versions.append(config.publish(engine))
    told = siang("rollback")
    assert f"Published {versions[1][:8]} again." in told.stdout
    assert "siang flows publish" in told.stderr
    siang("rollback")
    ended = siang("rollback")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert f"There is no version before {versions[0][:8]}" in ended.stderr
    siang("rollback", versions[2][:6])
    assert [row[0] for row in published(engine)[3:]] == [versions[1], versions[0], versions[2]]
    assert published(engine)[3][1:] == (f"rollback to {versions[1][:8]}", False)
    assert "nothing was changed" in siang("rollback", versions[2]).stdout


def test_a_version_that_cannot_be_read_is_not_gone_back_to(
    siang: Siang, config: Folder, engine: Engine
) -> None:
    publish_unreadable(engine)
    config.publish(engine)
    told = siang("rollback")
    assert told.exit_code == 2
    assert "Version ffffffff cannot be read by this Siang" in told.stderr
    with pytest.raises(OperatorError):
        publishing.roll_back(engine, config.settings, UNREADABLE)
    assert len(published(engine)) == 2
