"""A channel that joins no parts: a long message goes out as several, in order, and never twice."""

from __future__ import annotations

import pytest

from app.errors import FateUnknown, Refused, TryLater
from app.settings import ROOT, load
from app.text.encoding import segment_count
from app.text.parts import separate
from app.words import Purpose
from tests.delivery.posts import LONG, Killed, Network, Site, busy


@pytest.fixture
def sms() -> Network:
    """A network that does not join what belongs together."""
    return Network("sms", joins=False)


def texts(sms: Network) -> list[str]:
    return [message.text for message in sms.got]


def test_parts_go_out_in_order_each_readable_by_itself(site: Site, sms: Network) -> None:
    message = site.write(content=LONG)
    assert site.work() == 1
    assert texts(sms) == separate(LONG)
    assert sms.got[0].id == message
    assert {part.segments for part in sms.got} == {1}
    assert site.value("segments || ' ' || parts || ' ' || cost_kip", message) == "3 3 600"
    assert site.state(message) == "sent"


def test_no_two_parts_have_the_same_id_and_each_keeps_its_own(site: Site, sms: Network) -> None:
    """A provider that knows an id already takes the part for a repeat and sends nothing."""
    sms.plan.extend([FateUnknown("cut off")])
    site.write(content=LONG)
    site.work()
    site.work(minutes=11)
    first, *again = [part.id for part in sms.got]
    assert len(again) == len(set(again)) == 3
    assert first == again[0]


def test_a_channel_that_joins_gets_the_whole_text(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms"))}
    site.write(content=LONG)
    site.work()
    assert texts(sms) == [LONG]
    assert sms.got[0].segments == segment_count(LONG)


def test_what_fits_is_sent_as_it_is(site: Site, sms: Network) -> None:
    site.write(content="ກ \n ຂ ")
    site.work()
    assert texts(sms) == ["ກ \n ຂ "]


@pytest.mark.parametrize(
    "answer",
    [TryLater("busy"), FateUnknown("cut off"), Refused("no such number"), KeyError("a fault")],
)
@pytest.mark.parametrize("purpose", ["reply", "digest"])
def test_once_a_part_is_out_nothing_is_sent_again(
    site: Site, sms: Network, answer: Exception, purpose: Purpose
) -> None:
    sms.plan.extend([None, answer])
    message = site.write(purpose, content=LONG)
    site.work()
    assert site.state(message) == "unknown"
    assert site.value("reason", message).startswith("only 1 of 3 parts: ")
    assert [site.work(minutes=6) for _ in range(15)] == [0] * 15
    assert len(sms.called) == 2


def test_a_first_part_that_was_not_taken_is_tried_again_with_the_rest(
    site: Site, sms: Network
) -> None:
    sms.plan.extend(busy())
    message = site.write(content=LONG)
    site.work()
    assert site.state(message) == "queued"
    site.work(minutes=1)
    assert texts(sms) == separate(LONG)
    assert site.state(message) == "sent"


def test_a_sender_that_died_between_parts_does_not_begin_again(site: Site, sms: Network) -> None:
    sms.plan.extend([None, Killed()])
    message = site.write(content=LONG)
    with pytest.raises(Killed):
        site.work()
    assert [site.work(minutes=6) for _ in range(15)] == [0] * 15
    assert site.state(message) == "unknown"


def test_a_message_that_moves_to_a_channel_that_joins_is_one_again(site: Site) -> None:
    message = site.write(content=LONG)
    site.networks["sms"].plan.extend(busy())
    site.work()
    site.networks = {"other": Network("other")}
    site.work(minutes=1)
    assert site.state(message) == "sent"
    assert site.value("segments || ' ' || parts", message) == f"{segment_count(LONG)} 1"


def test_each_part_keeps_to_the_rate(site: Site) -> None:
    site.networks = {"sms": (sms := Network("sms", joins=False, rate=2))}
    site.write(content=LONG)
    site.work()
    gaps = [after - before for before, after in zip(sms.called, sms.called[1:], strict=False)]
    assert len(gaps) == 2
    assert min(gaps) > 0.3


@pytest.mark.parametrize(
    "content", [LONG, "a" * 400, "a " * 200, "ຂໍ້ມູນ www.example.la/" + "x" * 300]
)
def test_every_part_is_one_message(content: str) -> None:
    parts = separate(content)
    assert all(segment_count(part) == 1 for part in parts)
    assert "".join("".join(parts).split()) == "".join(content.split())


@pytest.mark.parametrize(("written", "joins"), [("", True), ("joins = false\n", False)])
def test_the_section_says_whether_its_channel_joins(
    tmp_path_factory: pytest.TempPathFactory, written: str, joins: bool
) -> None:
    folder = tmp_path_factory.mktemp("config")
    shipped = (ROOT / "config" / "siang.toml").read_text("utf-8")
    marked = shipped.replace('kind = "kannel"\n', f'kind = "kannel"\n{written}')
    (folder / "siang.toml").write_text(marked, encoding="utf-8")
    env = {"SIANG_CONFIG": str(folder), "SIANG_HOME": str(folder)}
    assert load(env).channels["kannel"].joins is joins
    other = load({**env, "SIANG_CHANNEL_KANNEL_JOINS": "false"})
    assert other.channels["kannel"].joins is False
