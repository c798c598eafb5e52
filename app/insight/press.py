"""What Flow Results packages are made with: a secret, and what questions and answers are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from yaml import ScalarNode

from app import sentences
from app.feedback.cells import REASONS, SCORES, SEXES
from app.insight import pseudonyms
from app.insight.flow_results import Extent, Names, Question, Questions
from app.insight.pseudonyms import Pseudonyms
from app.sentences import Placeholders, Sentences
from app.storage import registry, results
from app.yaml_file import compose

FILE: Final = "results.yaml"
WORDS: Final[Placeholders] = {
    **dict.fromkeys(("odsc", "score", "service", "reason", "paid", "overcharged", "sex"), ()),
    **{f"reason_{reason}": () for reason in REASONS},
    **{f"sex_{sex}": () for sex in SEXES},
    "overcharged_yes": (),
}
LANGUAGES: Final = {"eng": "en", "lao": "lo"}
"""As packages name a language (ISO 639-3) → its folder in config/languages."""

Screens = Mapping[str, Sentences]
"""By ISO 639-3 language, what citizens were shown."""


@dataclass(frozen=True, slots=True)
class Press:
    """`extra` are the questions that config/insight.yaml declares."""

    secret: bytes = field(repr=False)
    words: Mapping[str, Sentences]
    extra: Mapping[str, Question]

    def pseudonyms(self, extent: Extent) -> Pseudonyms:
        """What the package of these days calls whom."""
        return pseudonyms.derive(self.secret, extent.identity)

    def questions(self, tx: Connection) -> Questions:
        """Everything that can have been answered, in the order of ids."""
        scores = int(SCORES[0]), int(SCORES[-1])
        core = {
            "odsc": self._choice("odsc", {one.code: _both(one) for one in results.centers(tx)}),
            "score": Question("numeric", self._names("score"), between=scores),
            "service": self._choice(
                "service", {one.key: _both(one) for one in registry.services(tx)}
            ),
            "reason": self._choice("reason", self._choices("reason", REASONS)),
            "paid": Question("numeric", self._names("paid")),
            "overcharged": self._choice("overcharged", self._choices("overcharged", ["yes"])),
            "sex": self._choice("sex", self._choices("sex", SEXES)),
        }
        return dict(sorted({**self.extra, **core}.items()))

    def _names(self, key: str) -> Names:
        return {language: told[key] for language, told in self.words.items()}

    def _choices(self, question: str, codes: Sequence[str]) -> Mapping[str, Names]:
        return {code: self._names(f"{question}_{code}") for code in codes}

    def _choice(self, question: str, choices: Mapping[str, Names]) -> Question:
        return Question("select_one", self._names(question), choices)


def open_press(config: Path, secret: bytes, extra: Mapping[str, Sequence[str]]) -> Press:
    """Read what things are called, in the folder of configuration. Raises FlowError.

    `extra` are the questions that are counted beside the core ones, with their answers.
    """
    folders = {language: config / "languages" / name for language, name in LANGUAGES.items()}
    screens = {language: _screens(folder) for language, folder in folders.items()}
    return Press(
        secret=secret,
        words={one: sentences.load(folder / FILE, WORDS) for one, folder in folders.items()},
        extra={
            name: Question(
                "select_one",
                _shown(screens, name) or {"eng": name},
                {answer: _shown(screens, f"{name}.{answer}") for answer in answers},
            )
            for name, answers in extra.items()
        },
    )


def _screens(folder: Path) -> Sentences:
    pairs = compose(folder / "screens.yaml", "key: text").value
    return {key.value: node.value for key, node in pairs if isinstance(node, ScalarNode)}


def _shown(screens: Screens, key: str) -> Names:
    """The text of that key; nothing unless there is an English one, for labels are English."""
    found = {language: told[key] for language, told in screens.items() if key in told}
    return found if "eng" in found else {}


def _both(one: results.Center | registry.Service) -> Names:
    return {"eng": one.name_en, "lao": one.name_lo}
