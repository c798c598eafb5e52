"""Drawings are well-formed whatever a flow says, and everything written is on them."""

from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree

from app.flows import draw
from app.flows.layout import lay_out
from app.flows.nodes import Book
from tests.unit.flow_tools.tiny import book, shipped

SVG = "{http://www.w3.org/2000/svg}"
NASTY = ("Thank you", 'a <b> & \\"c\\" ]]> #d; \\x07')


def texts(written: str) -> list[str]:
    root = ElementTree.fromstring(written)
    return ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]


def drawn(one: Book, dropoff: draw.DropOff | None = None) -> str:
    return draw.svg(one, one.flows["main"], next(iter(one.packs)), dropoff)


def test_the_shipped_flow_is_drawn_with_every_node() -> None:
    one = shipped()
    found = texts(draw.svg(one, one.flows["main"], "lo"))
    for name in one.flows["main"].nodes:
        assert name.removeprefix("main/") in found
    assert one.packs["lo"]["paid"] in found
    assert {"score ≤ 3", "1-5", "call", "then"} <= set(found)
    # Chosen from the phone's own requests, or typed: one way to the answer.
    assert "chosen, reference" in found


def test_boxes_do_not_overlap() -> None:
    one = shipped()
    root = ElementTree.fromstring(draw.svg(one, one.flows["main"], "lo"))
    boxes = [
        tuple(float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
        if rect.get("width") == f"{draw.WIDTH:.0f}"
    ]
    assert len(boxes) == len(one.flows["main"].nodes)
    for (x, y, width, height), (a, b, _, other) in combinations(boxes, 2):
        assert x + width <= a or a + width <= x or y + height <= b or b + other <= y


def test_signs_of_xml_in_a_text_do_no_harm() -> None:
    found = texts(drawn(book(NASTY)))
    assert any(one.startswith('a <b> & "c" ]]> #d;') for one in found)


def test_nothing_is_fetched_from_outside() -> None:
    written = drawn(book())
    assert "href" not in written
    assert written.count("http") == 1
    assert "url(#tip)" in written


def test_where_people_stopped_is_told_on_the_node() -> None:
    found = texts(drawn(book(), {"main/score": (200, 50), "main/center": (210, 2)}))
    assert "200 · 25 %" in found
    assert "210 · 1 %" in found
    assert "·" not in "".join(texts(drawn(book())))


def test_mermaid_quotes_what_it_would_take_for_its_own() -> None:
    one = book(NASTY)
    written = draw.mermaid(one, one.flows["main"], "en", {"main/score": (200, 50)})
    assert written.startswith("flowchart TD\n")
    assert 'n3(["thanks<br/>a #lt;b#gt; & #quot;c#quot; ]]#gt; #35;d;' in written
    assert 'n0 -->|"1"| n1' in written
    assert "200 · 25 %" in written


def test_arrows_of_a_layout_lead_downwards_and_circles_are_left_out() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d"), ("c", "d"), ("d", "d")]
    found = lay_out(["a", "b", "c", "d", "alone"], edges, 100, 20)
    assert found.upwards == {("c", "a"), ("d", "d")}
    assert [found.layer[one] for one in ("a", "b", "c", "d", "alone")] == [0, 1, 2, 3, 0]
    assert len(found.between["a", "d"]) == 2
