"""Whole conversations of people who type at random: 2,000 here, SIANG_CONVERSATIONS for more."""

from __future__ import annotations

import os
import random

from app.flows.nodes import Question
from app.words import Medium
from tests.unit.flows.test_wandering import KEYS, WORDS
from tests.unit.flows.walks import Paper, Walk, fits, shipped

CONVERSATIONS = int(os.environ.get("SIANG_CONVERSATIONS", "2000"))
LONGEST = 40
SEED = 1616


def converse(chance: random.Random) -> int:
    """One conversation to its end, or until the person hangs up; how many inputs it took."""
    language = chance.choice(sorted(shipped().packs))
    media: tuple[Medium, ...] = ("ussd", "sms")
    mine = chance.choice([(), ("VTE2026",)])
    paper = Paper(chance.choice(["", "0103", "1610"]), mine=mine)
    walk = Walk(paper, language, chance.choice(media))
    for turn in range(1, LONGEST + 1):
        # Mostly keys that lead somewhere, so that conversations get deep.
        words = WORDS if chance.random() < 0.1 else KEYS
        walk.press(chance.choice(words), opening=turn == 1)
        assert all(fits(page) for page in walk.pages), walk.pages
        if walk.step.finished:
            assert len(walk.pages) == 1
            return turn
        screen, node = walk.step.screen, walk.book.nodes[walk.state.node]
        asks = isinstance(node, Question) and bool(node.asks)
        assert screen.options or asks or screen.can_back or screen.can_home, screen
        if chance.random() < 0.05:
            return turn
    return LONGEST


def test_no_conversation_raises_or_runs_in_a_circle() -> None:
    chance = random.Random(SEED)
    turns = sum(converse(chance) for _ in range(CONVERSATIONS))
    assert turns >= CONVERSATIONS
