"""Every sentence of alerts is one SMS, whatever the place is called; and none has a figure."""

from __future__ import annotations

import re

import pytest

from app.feedback.cells import REASONS
from app.insight import alert_rules, alert_texts
from app.insight.alert_signs import Rule
from app.insight.statistics import Share
from app.sentences import Sentences, load_all
from app.settings import ROOT
from app.text.encoding import encoding_of, units
from app.text.lao import canonical

LANGUAGES = ROOT / "config" / "languages"
WORDS = load_all(LANGUAGES, alert_texts.FILE, alert_texts.SENTENCES)
RULES = alert_rules.load(ROOT / "config")
# 24 letters in Lao; in English as long as a name of a place can be.
LONGEST = {"lo": "ນະຄອນຫຼວງພະບາງໄຊສົມບູນທອງ"[:24], "en": "Muang Xaysetha-Chanthabouly (Vientiane)"}
ID = 98765
CASES = [
    (rule, subject)
    for rule in RULES.values()
    for subject in (REASONS if rule.kind == "reason_jump" else ("",))
]


def fits(written: str, language: str) -> bool:
    if language == "lo":
        return units(written, "UCS-2") <= 70
    return encoding_of(written) == "GSM-7" and units(written) <= 160


@pytest.mark.parametrize("language", sorted(WORDS))
@pytest.mark.parametrize(("rule", "subject"), CASES)
def test_an_alert_is_one_sms_with_the_whole_name_and_no_figure(
    language: str, rule: Rule, subject: str
) -> None:
    written = alert_texts.told(WORDS[language], ID, LONGEST[language], rule, subject)
    assert fits(written, language), (units(written), written)
    assert LONGEST[language] in written
    assert f"OK {ID}" in written
    # Neither counts nor shares: they would be of windows that roll.
    assert set(re.findall(r"\d+", written)) == {str(ID)}


@pytest.mark.parametrize("language", sorted(WORDS))
@pytest.mark.parametrize("key", ["acknowledged", "noted", "refused", "which"])
def test_every_answer_is_one_sms(language: str, key: str) -> None:
    written = WORDS[language][key].format(id=999_999_999, ids=f"{ID} {ID}")
    assert fits(written, language), (units(written), written)


@pytest.mark.parametrize("language", sorted(WORDS))
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Share(100, 100), Share(0, 100)),
        (Share(100, 100), Share(100, 100)),
        (None, Share(1, 5)),
        (Share(1, 5), None),
        (None, None),
    ],
)
def test_a_comparison_is_one_sms_with_the_whole_name(
    language: str, before: Share | None, after: Share | None
) -> None:
    written = alert_texts.compared(WORDS[language], ID, LONGEST[language], before, after)
    assert fits(written, language), (units(written), written)
    assert LONGEST[language] in written


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (Share(54, 100), Share(71, 100), "17 Pek: satisfied 54% before, 71% after (real change)."),
        (Share(71, 100), Share(54, 100), "17 Pek: satisfied 71% before, 54% after (real change)."),
        (
            Share(10, 20),
            Share(11, 20),
            "17 Pek: satisfied 50% before, 55% after (no clear change).",
        ),
        (Share(0, 19), Share(19, 19), "17 Pek: satisfied 0% before, 100% after (no clear change)."),
        (None, Share(71, 100), "17 Pek: too few answers to compare before and after."),
    ],
)
def test_a_change_is_called_one_where_it_is(
    before: Share | None, after: Share | None, told: str
) -> None:
    assert alert_texts.compared(WORDS["en"], 17, "Pek", before, after) == told


@pytest.mark.parametrize("language", sorted(WORDS))
def test_a_name_that_is_too_long_is_cut_between_letters(language: str) -> None:
    rule = RULES["reason_jump"]
    place = "ເມືອງ" * 20 if language == "lo" else "Xaysomboun " * 20
    written = alert_texts.told(WORDS[language], ID, place, rule, "money")
    assert fits(written, language)
    kept = written.removeprefix(f"{ID} ").partition(":")[0]
    assert len(kept) > 20
    assert not kept.endswith("ເ")
    assert place.startswith(kept)


def test_a_name_in_other_letters_makes_the_message_no_longer_than_one() -> None:
    written = alert_texts.told(WORDS["en"], ID, "Xaysetha ໄຊເສດຖາ", RULES["silent"], "")
    assert encoding_of(written) == "GSM-7"


@pytest.mark.parametrize("language", sorted(WORDS))
def test_as_many_numbers_are_listed_as_one_sms_holds(language: str) -> None:
    ids = list(range(10_001, 10_101))
    written = alert_texts.which(WORDS[language], ids)
    assert fits(written, language)
    shown = [int(one) for one in re.findall(r"\d{5}", written)]
    assert shown == ids[: len(shown)]
    assert len(shown) >= 5
    assert "17 18" in alert_texts.which(WORDS[language], [17, 18])


@pytest.mark.parametrize("language", sorted(WORDS))
def test_ours_are_canonical(language: str) -> None:
    written = (LANGUAGES / language / alert_texts.FILE).read_text("utf-8")
    assert canonical(written).split() == written.split()


def test_every_kind_of_rule_and_every_reason_has_its_words() -> None:
    sentences: Sentences = WORDS["lo"]
    whats = [alert_texts.told(sentences, 1, "", rule, subject) for rule, subject in CASES]
    assert len(set(whats)) == len(CASES)
