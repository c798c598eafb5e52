"""A wrong digest.yaml refuses to load and says what to do, with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import sentences
from app.errors import FlowError
from app.insight.sentences import PLACEHOLDERS
from app.settings import ROOT
from app.text.lao import canonical

LAO = ROOT / "config" / "languages" / "lo" / "digest.yaml"


@pytest.mark.parametrize("language", ["lo", "en", "lo-Latn"])
def test_ours_load_and_are_canonical(language: str) -> None:
    path = ROOT / "config" / "languages" / language / "digest.yaml"
    assert sentences.load(path, PLACEHOLDERS).keys() == PLACEHOLDERS.keys()
    written = path.read_text(encoding="utf-8")
    assert canonical(written).split() == written.split()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ຄຳຕອບ {n}", "ຄຳຕອບ {number}", "They are: {n}"),
        ("ຄຳຕອບ {n}", "ຄຳຕອບ {n:>99}", "They are: {n}"),
        ("ຄຳຕອບ {n}", "ຄຳຕອບ", "They are: {n}"),
        ("ພະນັກງານ", "ພະນັກງານ {n}", "They are: none"),
        ("ຄຳຕອບ {n}", "ຄຳຕອບ {n", "a brace is not closed"),
        ("reason_staff:", "reason_stuff:", "nothing uses this text"),
        ("reason_staff:", "reason_stuff:", "reason_staff: the text is missing"),
        ('reason_staff: "ພະນັກງານ"', "reason_staff: [a]", "this is no text"),
        ('reason_staff: "ພະນັກງານ"', 'reason_staff: ""', "this is no text"),
        ("reason_staff:", "reason:", "the text stands here twice"),
        ('reason_staff: "', "reason_staff: '", "digest.yaml:"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    path = tmp_path / "digest.yaml"
    path.write_text(LAO.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FlowError) as error:
        sentences.load(path, PLACEHOLDERS)
    assert told in str(error.value)
    assert f"{path}:" in str(error.value)


@pytest.mark.parametrize("content", [b"- a\n", b"", b"\xff\xfe", b"a: *b\n"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "digest.yaml"
    path.write_bytes(content)
    with pytest.raises(FlowError, match="Mend the file"):
        sentences.load(path, PLACEHOLDERS)


def test_lao_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="no such file"):
        sentences.load_all(tmp_path, "digest.yaml", PLACEHOLDERS)
