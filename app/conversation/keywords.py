"""Words that do something wherever a conversation stands: config/languages/keywords.yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from app.errors import FlowError, Problem
from app.text import answers
from app.text.lao import canonical, fold
from app.words import Language
from app.yaml_file import compose

FILE = "keywords.yaml"
STOP, START, HELP = "stop", "start", "help"
CONSENT = (STOP, START)
LANGUAGE = "language."
"""Before the language that the words ask for."""
AROUND = "around"
"""Words that change nothing about stop and start: please, me, messages."""
STOP_ALONE = "stop.alone"
"""Words that ask to stop where nothing else is said: with others they may mean anything."""


@dataclass(frozen=True)
class Keywords:
    """Every word by what it does: `stop`, `start`, `help`, `language.NAME`; and those `around`.

    Those that stop only `alone` have their tones: ເຊົາ is no more, ເຊົ້າ is the morning.
    """

    words: Mapping[str, tuple[str, ...]]
    around: tuple[str, ...] = ()
    stop_alone: tuple[str, ...] = ()

    def named(self, text: str) -> str | None:
        """What a text asks for, with other words around it or not."""
        return self.consent(text) or answers.keyword(text, self._others)

    def consent(self, text: str) -> str | None:
        """STOP or START where the text asks for that and tells nothing else."""
        wish = answers.wish(text, self._wishes)
        return STOP if wish is None and answers.exactly(text, self.stop_alone) else wish

    def alone(self, text: str) -> bool:
        """Whether a keyword is all that the text says."""
        return answers.matches_any(text, (one for words in self.words.values() for one in words))

    @cached_property
    def _consent(self) -> Mapping[str, tuple[str, ...]]:
        return {key: words for key, words in self.words.items() if key in CONSENT}

    @cached_property
    def _wishes(self) -> Mapping[str, str]:
        return answers.vocabulary(self._consent, self.around)

    @cached_property
    def _others(self) -> Mapping[str, tuple[str, ...]]:
        return {key: words for key, words in self.words.items() if key not in CONSENT}


def load(languages: Path) -> Keywords:
    """Read the file in the folder of languages. Raises FlowError with everything wrong at once."""
    path = languages / FILE
    root = compose(path, "key: [words]")
    packs = {folder.parent.name for folder in languages.glob("*/screens.yaml")}
    problems = [
        Problem(str(path), line, where, message, remedy)
        for line, where, message, remedy in _problems(root, packs)
    ]
    if problems:
        raise FlowError(sorted(problems, key=lambda problem: (problem.line, problem.where)))
    words = {_key(key): tuple(_words(value)) for key, value in root.value}
    around, stop_alone = words.pop(AROUND, ()), words.pop(STOP_ALONE, ())
    return Keywords(words, around, stop_alone)


def _problems(
    root: yaml.MappingNode, packs: Collection[Language]
) -> Iterator[tuple[int, str, str, str]]:
    """Line, key, what is wrong and what to do."""
    known = [
        STOP,
        STOP_ALONE,
        START,
        HELP,
        AROUND,
        *(f"{LANGUAGE}{pack}" for pack in sorted(packs)),
    ]
    keys: set[str] = set()
    owners: dict[str, str] = {}
    for key, value in root.value:
        name, line = _key(key), key.start_mark.line + 1
        if name not in known:
            yield line, name, "nothing is done at these words", f"Known are {', '.join(known)}"
        if name in keys:
            yield line, name, "this key is there already", "Keep one of the two"
        keys.add(name)
        if not isinstance(value, yaml.SequenceNode) or not value.value:
            yield line, name, "this is no list of words", f'Write {name}: ["WORD", "ANOTHER"]'
            continue
        for item in value.value:
            complaint = _complaint(name, item, owners)
            if complaint:
                yield item.start_mark.line + 1, name, *complaint
    for name in (STOP, START, HELP):
        if name not in keys:
            yield 1, name, "its words are missing", "Add them: nobody could ask for it"


def _complaint(name: str, item: yaml.Node, owners: dict[str, str]) -> tuple[str, str] | None:
    means = str.isalnum if name == AROUND else str.isalpha
    if not isinstance(item, yaml.ScalarNode) or not any(map(means, item.value)):
        return "this is no word", "A word has letters: figures choose from menus"
    heard = _folded(item.value)
    # Around STOP a word asks for nothing, whatever it asks for by itself.
    owner = name if name == AROUND else owners.setdefault(heard, name)
    if owner != name:
        return f"{item.value!r} stands at {owner} too", "A word can do one thing only"
    return None


def _folded(text: str) -> str:
    return fold(answers.normalise(text))


def _key(node: yaml.Node) -> str:
    return str(node.value)


def _words(node: yaml.Node) -> Iterator[str]:
    for item in node.value:
        yield canonical(str(item.value))
