"""Conversation tests as files: shipped ones pass, wrong ones fail with a sentence."""

from __future__ import annotations

import pytest

from app.flows.transcripts import run, run_all
from tests.unit.flow_tools.tiny import book, shipped, shipped_tests

GOOD = """\
test: A happy citizen
medium: ussd
steps:
  - dial: "*1616#"
    see: {en: 1 Rate}
  - press: 1
  - press: 0103
    see: [Xaysetha, 1 to 5]
  - press: 5
    exactly: Thank you
answers: {odsc: 0103, score: 5}
ends: true
screens: 4
"""


def failures(*changes: tuple[str, str]) -> list[str]:
    text = GOOD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return run_all(book(), {"flows/tests/happy.yaml": text})


def failure(*changes: tuple[str, str]) -> str:
    (one,) = failures(*changes)
    return one


def test_the_shipped_conversations_go_as_they_are_written() -> None:
    report = run(shipped(), shipped_tests())
    assert not report.failures, "\n".join(report.failures)
    assert report.languages == set(shipped().packs)
    assert str(report) == f"{report.conversations} conversations in 3 languages: all good"


def test_the_shipped_conversations_use_both_media_and_every_language() -> None:
    texts = shipped_tests().values()
    for word in ("medium: ussd", "medium: sms", "lo:", "en:", "lo-Latn:"):
        assert any(word in text for text in texts), word


def test_a_good_one_passes() -> None:
    assert failures() == []
    assert (
        str(run(book(), {"flows/tests/x.yaml": GOOD})) == "1 conversation in 1 language: all good"
    )


def test_a_wrong_fragment_is_told_with_file_line_step_and_screen() -> None:
    assert failure(("[Xaysetha, 1 to 5]", "Pek")) == (
        "flows/tests/happy.yaml:7: 'A happy citizen' in en, step 3 (press 0103): "
        "the screen should have 'Pek'. The screen is:\n"
        "    Xaysetha: how was it, 1 to 5?\n"
        "    0 back 00 menu"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("exactly: Thank you", "exactly: Thanks", "the screen should be exactly 'Thanks'"),
        ("exactly: Thank you", "unseen: Thank", "the screen should not have 'Thank'"),
        ("score: 5}", "score: 4}", "y.yaml:11: 'A happy citizen' in en: the answer score should"),
        ("score: 5}", 'score: ""}', "the answer score should not be given, and is '5'"),
        ("score: 5}", "paid: 5}", "the answer paid should be '5', and is 'not given'"),
        ("ends: true", "ends: false", "the conversation should not have ended"),
        ("screens: 4", "screens: 3", "happy.yaml:13: 'A happy citizen' in en: 4 screens are more"),
        ("screens: 4", "case: problem", "a case 'problem' should have been opened"),
        ("screens: 4", "sms: Hello", "an SMS with 'Hello' should have been sent (sent: none)"),
        ("screens: 4", "remembers: lo", "the phone's language should be lo, and is en"),
        ("- press: 1\n", "- press: 1\n    press2: 1\n", "y.yaml:7: steps.1.press2: this key is"),
        ("- press: 1\n", "- press: 1\n    text: a\n", "y.yaml:6: a step does exactly one of"),
        ("- press: 1\n", "- text: a\n", "y.yaml:6: this conversation is by USSD; write `press:`"),
        ("medium: ussd", "medium: sms", "nobody dials in a conversation by SMS"),
        ("medium: ussd", "languages: [th]", "y.yaml:2: there is no language 'th' (en)"),
        ("medium: ussd", "flow: other", "y.yaml:2: there is no flow 'other' (main)"),
        ("medium: ussd", "medium: [", "this is not YAML"),
        ("medium: ussd", "medium: fax", "y.yaml:2: medium: Input should be 'ussd' or 'sms'"),
        ("steps:", "step:", "steps: Field required"),
    ],
)
def test_each_expectation_fails_with_its_sentence(old: str, new: str, said: str) -> None:
    assert said in "\n".join(failures((old, new)))


def test_what_comes_after_the_end_is_told() -> None:
    assert "had ended already" in failure(("answers:", "  - press: 1\nanswers:"))


def test_several_conversations_stand_in_one_file() -> None:
    wrong = GOOD.replace("[Xaysetha, 1 to 5]", "Pek")
    (one,) = run_all(book(), {"flows/tests/two.yaml": f"{GOOD}---\n{wrong}"})
    assert one.startswith(f"flows/tests/two.yaml:{GOOD.count(chr(10)) + 1 + 7}:")


def test_segments_are_counted_by_sms_alone() -> None:
    by_sms = (("ussd", "sms"), ('dial: "*1616#"', "text: hello"), ("screens: 4", "segments: 3"))
    assert "4 segments are more than 3" in failure(*by_sms)
    assert failures(("screens: 4", "segments: 3")) == []


def test_a_test_may_bring_its_own_places() -> None:
    registry = "registry: {centers: {1202: {lo: ໄກສອນ, en: Kaysone}}}\nmedium: ussd"
    changes = (("medium: ussd", registry), ("0103", "1202"), ("Xaysetha", "Kaysone"))
    assert failures(*changes) == []


def test_a_conversation_that_breaks_is_a_sentence() -> None:
    silent = "  help: {call: note, then: help}\n  note: {record: {help: asked}, to: return}"
    broken = book(("  help: {say: help}", silent))
    (one,) = run_all(broken, {"flows/tests/x.yaml": GOOD.replace("press: 1\n", "press: 2\n", 1)})
    assert "step 2 (press 2): the conversation breaks here: the flow main runs in a circle" in one
