"""config/insight.yaml → Rules, or everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from app import sentences
from app.errors import FlowError, Problem
from app.feedback.cells import REASONS, TALLIED
from app.feedback.reading import QUESTIONS
from app.insight.dimensions import NAMES, RATED, Dimension
from app.sentences import Placeholders, Sentences
from app.words import Language
from app.yaml_file import compose

FILE = "insight.yaml"
LABELS: Final[Placeholders] = dict.fromkeys((*NAMES, "satisfaction", "sdg1662"), ())
"""config/languages/<language>/insight.yaml: what figures are called where they are published."""

CORE: Final = frozenset({*QUESTIONS, *TALLIED})
"""Questions that are counted already, or are free text."""
ANSWERS = 10
"""More answers than this are no closed question."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ANSWER = re.compile(r"[A-Za-z0-9_]{1,32}")


@dataclass(frozen=True, slots=True)
class Rules:
    """Questions of the flow that are tallied beside the core ones, each with its answers, and
    what the dimensions are told from."""

    questions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)


def labels(languages: Path) -> dict[Language, Sentences]:
    """What dimensions and indicators are called, in every language that has it. FlowError."""
    return sentences.load_all(languages, FILE, LABELS)


def load(config: Path) -> Rules:
    """Read the file in the folder of configuration. Raises FlowError with everything wrong."""
    path = config / FILE
    reader = _Reader(path)
    parts = reader.pairs(compose(path, "key: …"), "")
    for name, (_, node) in parts.items():
        if name not in {"questions", "dimensions"}:
            reader.wrong(node, name, "nothing uses this key", "Known are questions, dimensions")
    questions = reader.questions(parts)
    rules = Rules(questions, reader.dimensions(parts, questions))
    if reader.problems:
        raise FlowError(sorted(reader.problems, key=lambda problem: problem.line))
    return rules


Pairs = Mapping[str, tuple[int, Node]]
"""Key → its line and its value."""


class _Reader:
    """Reads nodes, not Python's values: 1 and yes are the words that they were written as."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[Problem] = []

    def wrong(self, at: Node | int, where: str, message: str, remedy: str) -> None:
        line = at if isinstance(at, int) else at.start_mark.line + 1
        self.problems.append(Problem(str(self._path), line, where, message, remedy))

    def pairs(self, node: Node, where: str) -> Pairs:
        if not isinstance(node, MappingNode):
            self.wrong(node, where, "it must hold `key: …` lines", "Write {} for none")
            return {}
        found: dict[str, tuple[int, Node]] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in found:
                self.wrong(line, _under(where, name), "it stands here twice", "Keep one of them")
            found[name] = line, value
        return found

    def section(self, parts: Pairs, name: str) -> Pairs:
        if name not in parts:
            self.wrong(1, name, "it is missing", "Restore it")
            return {}
        return self.pairs(parts[name][1], name)

    def words(self, node: Node, where: str) -> tuple[str, ...]:
        """A list of scalars, each as it is written."""
        listed = node.value if isinstance(node, SequenceNode) else ()
        words = tuple(str(one.value) for one in listed if isinstance(one, ScalarNode))
        if not words or len(words) != len(listed):
            self.wrong(node, where, "this is no list", "Write it as [one, two]")
        elif len(set(words)) != len(words):
            self.wrong(node, where, "something stands here twice", "Keep one of them")
        return words

    def questions(self, parts: Pairs) -> dict[str, tuple[str, ...]]:
        found = {}
        for name, (line, node) in self.section(parts, "questions").items():
            where = f"questions.{name}"
            found[name] = answers = self.words(node, where)
            for complaint in _against(name, answers):
                self.wrong(line, where, *complaint)
        return found

    def dimensions(
        self, parts: Pairs, questions: Mapping[str, tuple[str, ...]]
    ) -> dict[str, Dimension]:
        section = self.section(parts, "dimensions")
        for name in section.keys() - set(NAMES):
            self.wrong(
                section[name][0],
                f"dimensions.{name}",
                "there is no such dimension",
                f"They are {', '.join(NAMES)}",
            )
        found: dict[str, Dimension] = {}
        for name in NAMES:
            if name in section:
                found[name] = self._dimension(section[name], f"dimensions.{name}", questions)
            elif "dimensions" in parts:
                self.wrong(
                    parts["dimensions"][0], f"dimensions.{name}", "it is missing", "Restore it"
                )
        return found

    def _dimension(
        self, given: tuple[int, Node], where: str, questions: Mapping[str, tuple[str, ...]]
    ) -> Dimension:
        line, node = given
        told = self.pairs(node, where)
        if len(told) != 1 or told.keys() - {"reasons", "satisfied"}:
            remedy = "Write {reasons: […]} or {satisfied: question}"
            self.wrong(line, where, "it is told from one thing", remedy)
            return Dimension()
        if "reasons" in told:
            reasons = self.words(told["reasons"][1], where)
            for reason in set(reasons) - set(REASONS):
                known = f"Use some of {', '.join(REASONS)}"
                self.wrong(line, where, f"there is no reason {reason!r}", known)
            return Dimension(reasons=reasons)
        question = str(told["satisfied"][1].value)
        if set(questions.get(question, ())) != set(RATED):
            remedy = f"Declare it among questions with the answers {', '.join(RATED)}"
            self.wrong(line, where, f"{question!r} is no question rated from 1 to 5", remedy)
        return Dimension(satisfied=question)


def _against(name: str, answers: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What is wrong with a question, and the remedy."""
    if name in CORE:
        yield "Siang counts or keeps this question itself", "Name another question of the flow"
    elif _NAME.fullmatch(name) is None:
        yield "this is no question's name", "Write it as the flow's `save:` does"
    if len(answers) > ANSWERS:
        yield f"{len(answers)} answers are too many", f"At most {ANSWERS}; free text is not tallied"
    for answer in answers:
        if _ANSWER.fullmatch(answer) is None:
            yield f"{answer!r} is no answer", "Write the flow's `value:`, letters and digits"


def _under(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
