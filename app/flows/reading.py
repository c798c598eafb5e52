"""What was typed → an answer in its stored form, or None; and what conditions say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.errors import NotAPhoneNumber
from app.flows.model import Context, Pack
from app.flows.nodes import Ask, Choice, Condition, Rule
from app.text import answers as typed
from app.text.numbers import e164
from app.words import Language

RATINGS = frozenset({"1", "2", "3", "4", "5"})
_LONGEST_NUMBER = 15
# A day with slashes, dots or hyphens, day first as Lao offices write it.
_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Read:
    """An answer in its stored form, and the words that came after it."""

    value: str
    rest: str = ""


def read(ask: Ask, text: str) -> Read | None:
    """A typed answer; None if it is none of the kind that is asked for.

    Stored forms: digits for codes, ratings, numbers and amounts (whole kip), YYYY-MM-DD for
    dates, E.164 for phones, the text as typed (cleaned) for texts and places.
    """
    if ask.kind in ("rating", "number"):
        picked = typed.choice(text)
        if picked is None or (ask.kind == "rating" and picked.number not in RATINGS):
            return None
        if ask.kind == "rating":
            return Read(picked.number, picked.rest)
        # "1.500" and "2-3" are no numbers with a word after them.
        if len(picked.number) > _LONGEST_NUMBER or picked.rest[:1].isdecimal():
            return None
        return Read(str(int(picked.number)), picked.rest)
    value = _whole(ask, text)
    return Read(value) if value else None


def _whole(ask: Ask, text: str) -> str | None:
    if ask.kind == "code":
        return typed.code(text)
    if ask.kind == "amount":
        amount = typed.amount(text)
        return None if amount is None else str(amount)
    if ask.kind == "date":
        return _date(typed.normalise(text))
    if ask.kind == "phone":
        return _phone(text)
    if ask.kind == "reference":
        return typed.reference(text)
    if ask.kind == "place":
        place = typed.normalise(text)
        return place if any(character.isalpha() for character in place) else None
    return typed.clean(text)


def _date(text: str) -> str | None:
    day_first, iso = _DAY.fullmatch(text), _ISO_DAY.fullmatch(text)
    if day_first is not None:
        day, month, year = (int(part) for part in day_first.groups())
    elif iso is not None:
        year, month, day = (int(part) for part in iso.groups())
    else:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _phone(text: str) -> str | None:
    try:
        return e164(text)
    except NotAPhoneNumber:
        return None


def broken(rules: tuple[Rule, ...], value: str) -> Rule | None:
    """The first rule that a stored answer breaks."""
    return next((rule for rule in rules if not _keeps(rule, value)), None)


def _keeps(rule: Rule, value: str) -> bool:
    if rule.operator == "matches":
        return re.fullmatch(rule.value, value) is not None
    if rule.operator == "shortest":
        return len(value) >= int(rule.value)
    if rule.operator == "longest":
        return len(value) <= int(rule.value)
    return _compares(rule.operator, value, rule.value)


def number_of(index: int) -> str:
    """The key of the option at `index`: 1 to 8, then 10, 11 …, because 9 turns the page."""
    number = index + 1
    return str(number if number < 9 else number + 1)


def chosen(
    options: Sequence[Choice],
    text: str,
    *,
    pack: Pack,
    labels: Mapping[str, Mapping[Language, str]],
    in_words: bool,
) -> tuple[Choice | None, str]:
    """The option that was meant, by number or by its words, and the words after the number.

    `in_words`: the question also takes typed answers, so that a longer text which only begins
    with a digit is one of those.
    """
    picked = typed.choice(text)
    by_number = picked is not None and not (picked.rest and in_words)
    for index, option in enumerate(options):
        if by_number and picked is not None and picked.number == number_of(index):
            return option, picked.rest
        names = labels.get(option.value_of or "", {}).values() or (pack.get(option.text, ""),)
        if typed.matches_any(text, names):
            return option, ""
    return None, ""


def all_hold(conditions: Sequence[Condition], context: Context, answers: Mapping[str, str]) -> bool:
    """Whether every condition is met."""
    return all(holds(condition, context, answers) for condition in conditions)


def holds(condition: Condition, context: Context, answers: Mapping[str, str]) -> bool:
    """Whether a condition is met; about an answer that was not given only `not_equals` is."""
    actual = _subject(condition, context, answers)
    if condition.operator == "not_equals":
        return actual != condition.value
    if actual is None:
        return False
    if condition.operator == "given":
        return True
    if condition.operator == "equals":
        return actual == condition.value
    return _compares(condition.operator, actual, condition.value)


def _subject(condition: Condition, context: Context, answers: Mapping[str, str]) -> str | None:
    if condition.subject == "answer":
        return answers.get(condition.name)
    if condition.subject == "contact":
        return "new" if context.new else "known"
    return {
        "language": context.language,
        "script": context.script,
        "medium": context.medium,
        "channel": context.channel,
    }[condition.subject]


def _compares(operator: str, value: str, bound: str) -> bool:
    """Numbers by size, dates (all YYYY-MM-DD) in the order of the calendar."""
    if value.isdecimal() and bound.isdecimal():
        at_most = int(value) <= int(bound)
        return at_most if operator == "at_most" else int(value) >= int(bound)
    if _ISO_DAY.fullmatch(value) and _ISO_DAY.fullmatch(bound):
        return value <= bound if operator == "at_most" else value >= bound
    return False
