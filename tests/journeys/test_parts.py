"""Long SMS whose parts nobody joined: joined here, whatever order, repeats and losses they have."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from app.conversation import arrivals
from app.conversation.intake import SAME_TEXT_LIMIT
from tests import wire
from tests.phones import Gateway, Phone
from tests.wire import Passing, Wire

NUMBER = "+8562055512345"
STORY = ("ພະນັກງານໃຫ້ລໍຖ້າ", "ສາມມື້ ແລ້ວ", " ຂໍເງິນເພີ່ມ 50.000 ກີບ")
LATE = timedelta(minutes=11)


@pytest.fixture
def now() -> Passing:
    return Passing()


@pytest.fixture
def wired(gateway: Gateway, now: Passing) -> Gateway:
    """A gateway with a network that joins nothing."""
    return wire.on(gateway, Wire(wire.config()), now)


def part(text: str, number: int, total: int, ref: str = "7", **fields: object) -> dict[str, object]:
    return {"sender": NUMBER, "text": text, "part": [ref, number, total]} | fields


def brings(gateway: Gateway, *parts: dict[str, object]) -> None:
    for one in parts:
        assert wire.brings(gateway, "sms", one)[0] == 200


def story(ref: str = "7", texts: Sequence[str] = STORY) -> list[dict[str, object]]:
    return [part(text, number, len(texts), ref) for number, text in enumerate(texts, 1)]


def stored(gateway: Gateway) -> list[tuple[object, ...]]:
    return gateway.rows("SELECT text, state FROM inbound ORDER BY id")


def whole(gateway: Gateway) -> list[object]:
    """The messages that were worked or will be."""
    found = gateway.rows("SELECT text FROM inbound WHERE state IN ('new', 'done') ORDER BY id")
    return [text for (text,) in found]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_parts_in_any_order_are_one_message(wired: Gateway, order: tuple[int, ...]) -> None:
    parts = story()
    for place in order[:-1]:
        brings(wired, parts[place])
        assert whole(wired) == []
    brings(wired, parts[order[-1]])
    assert whole(wired) == ["".join(STORY)]
    states = wired.rows("SELECT state FROM inbound ORDER BY id")
    assert states == [("new",), ("joined",), ("joined",)]


def test_a_joined_message_is_worked_once(wired: Gateway) -> None:
    brings(wired, *story(texts=("0103 ", "5 ດີ", "ຫຼາຍ")))
    wired.work()
    Phone(wired, NUMBER).gets("ຂອບໃຈ")
    assert wired.tally()["complete"] == 1
    assert wired.rows("SELECT text FROM comments") == [("ດີຫຼາຍ",)]


def test_every_order_with_every_part_twice_is_one_message(wired: Gateway) -> None:
    chance = random.Random(7)
    for number in range(20):
        texts = [f"{number}-{letter}" for letter in "abcde"]
        phone = f"+85620555{number:05d}"
        parts = [one | {"sender": phone} for one in story(str(number), texts)]
        # By the network under ids of their own, and by the gateway under the same.
        repeated = [*parts, *parts, *(one | {"provider_id": f"{one['part']}"} for one in parts)]
        chance.shuffle(repeated)
        brings(wired, *repeated)
        assert whole(wired)[-1] == "".join(texts)
    assert len(whole(wired)) == 20


def test_the_same_id_again_changes_nothing(wired: Gateway) -> None:
    first = part("a", 1, 2, provider_id="one")
    brings(wired, first, first, part("b", 2, 2), first)
    assert whole(wired) == ["ab"]
    assert wired.rows("SELECT count(*) FROM inbound") == [(2,)]
    assert wire.brings(wired, "sms", part("x", 1, 2, provider_id="one"))[0] == 409


def test_parts_of_several_phones_and_messages_do_not_mix(wired: Gateway) -> None:
    other = [one | {"sender": "+8562077712345"} for one in story()]
    three, two = story("7", ("A", "B", "C")), story("7", ("1", "2"))
    mixed = [*zip(other, three, strict=True)]
    brings(wired, *itertools.chain(*mixed), *two)
    assert sorted(map(str, whole(wired))) == sorted(["ABC", "12", "".join(STORY)])


def test_a_reference_that_is_used_again_begins_another_message(wired: Gateway) -> None:
    for letters in ("ab", "cd", "ef"):
        brings(wired, *story(texts=tuple(letters)))
    assert whole(wired) == ["ab", "cd", "ef"]


def test_a_reference_that_is_used_again_too_early_loses_nothing(wired: Gateway) -> None:
    brings(wired, part("old", 1, 2), part("new ", 1, 2), part("one", 2, 2))
    assert whole(wired) == ["old …", "new one"]


def test_equal_texts_of_different_parts_are_both_there(wired: Gateway) -> None:
    brings(wired, part("ha", 1, 3), part("ha", 2, 3), part("ha", 3, 3))
    assert whole(wired) == ["hahaha"]


@pytest.mark.parametrize(
    ("number", "total"), [(0, 2), (3, 2), (1, 1), (1, 0), (1, 256), (-1, 2), (1, 100_000)]
)
def test_nonsense_about_parts_is_not_believed(wired: Gateway, number: int, total: int) -> None:
    brings(wired, part("0103 5", number, total))
    assert stored(wired) == [("0103 5", "new")]


def test_the_longest_message_of_all_is_joined(wired: Gateway) -> None:
    texts = [f"{number:03d}" for number in range(1, 256)]
    brings(wired, *story(texts=texts))
    assert whole(wired) == ["".join(texts)]


# --- parts that never come --------------------------------------------------------------------


def missing() -> Iterator[tuple[list[int], str]]:
    yield [1], "a …"
    yield [2], "… b …"
    yield [4], "… d"
    yield [1, 2, 3], "abc …"
    yield [1, 3, 4], "a … cd"
    yield [1, 4], "a … d"
    yield [2, 4], "… b … d"


@pytest.mark.parametrize(("there", "joined"), list(missing()))
def test_what_is_there_is_joined_in_time_with_a_mark_for_every_gap(
    wired: Gateway, now: Passing, there: list[int], joined: str
) -> None:
    brings(wired, *(part("abcd"[number - 1], number, 4) for number in there))
    assert arrivals.join_late_parts(wired.office.desk) == 0
    now.by += LATE
    assert arrivals.join_late_parts(wired.office.desk) == 1
    assert arrivals.join_late_parts(wired.office.desk) == 0
    assert whole(wired) == [joined]


def test_a_part_that_comes_after_all_is_not_lost(wired: Gateway, now: Passing) -> None:
    brings(wired, part("a", 1, 2))
    now.by += LATE
    arrivals.join_late_parts(wired.office.desk)
    brings(wired, part("b", 2, 2))
    now.by += LATE
    arrivals.join_late_parts(wired.office.desk)
    assert whole(wired) == ["a …", "… b"]


def test_late_parts_do_not_join_a_message_of_later(wired: Gateway, now: Passing) -> None:
    brings(wired, part("lost", 1, 2))
    now.by += LATE
    # Upkeep was late: the time of the old part is over all the same.
    brings(wired, part("b", 2, 2), part("a", 1, 2))
    arrivals.join_late_parts(wired.office.desk)
    assert sorted(map(str, whole(wired))) == ["ab", "lost …"]


def test_every_late_message_is_joined_in_one_go(wired: Gateway, now: Passing) -> None:
    for number in range(12):
        brings(wired, part(f"{number}", 1, 2, sender=f"+85620555{number:05d}"))
    now.by += LATE
    assert arrivals.join_late_parts(wired.office.desk) == 12
    assert len(whole(wired)) == 12


def test_a_machine_with_long_messages_is_noticed_too(wired: Gateway) -> None:
    for number in range(SAME_TEXT_LIMIT + 3):
        brings(wired, *story(str(number)))
    assert len(whole(wired)) == SAME_TEXT_LIMIT - 1


def test_a_message_meanwhile_is_not_kept_waiting(wired: Gateway) -> None:
    brings(wired, part("0103 ", 1, 2))
    brings(wired, {"sender": NUMBER, "text": "0901 4"})
    wired.work()
    Phone(wired, NUMBER).gets("ຂອບໃຈ")
    brings(wired, part("5", 2, 2))
    wired.work()
    assert wired.tally("0103")["responses"] == wired.tally("0901")["responses"] == 1


def test_who_is_no_phone_is_waited_for_in_no_way(wired: Gateway) -> None:
    brings(wired, part("a", 1, 2, sender="1616"))
    assert stored(wired) == [("a", "ignored")]
