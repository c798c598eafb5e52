"""A flow as a picture: an SVG of its own, or Mermaid text for where that is rendered."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.flows.arrows import Arrow, arrows, first_line, kind_of, short
from app.flows.layout import Layout, lay_out
from app.flows.model import Pack
from app.flows.nodes import CONTINUE, RETURN, Book, Flow
from app.text.lao import clusters
from app.words import Language

DropOff = Mapping[str, tuple[int, int]]
"""A node's FLOW/NODE → how many conversations it was shown to, and how many were left there."""

WIDTH, GAP, POINT = 176.0, 24.0, 26.0
LINE, PAD, BETWEEN, MARGIN, TITLE = 17.0, 9.0, 74.0, 28.0, 46.0
FONT = "'Noto Sans Lao', 'Phetsarath OT', 'Saysettha OT', system-ui, sans-serif"
COLOURS = {
    "question": ("#e7f0fb", "#2f6fb3"),
    "choose": ("#e7f0fb", "#2f6fb3"),
    "say": ("#eaf6ec", "#3a8a4d"),
    "end": ("#d7eedb", "#2b7440"),
    "branch": ("#fdf3dc", "#b07d12"),
    "find": ("#fdf3dc", "#b07d12"),
    "call": ("#f1ecfa", "#7754b3"),
    "case": ("#fbe9e6", "#b3472f"),
    "send": ("#fbe9e6", "#b3472f"),
    "record": ("#f0f0f0", "#777777"),
}
# From this share on, a node loses more people than chance would.
MANY = 0.1
BACK = (RETURN, CONTINUE)


@dataclass(frozen=True, slots=True)
class _Box:
    """A node as drawn: its name, lines below it, and what leads elsewhere than downwards."""

    name: str
    kind: str
    text: str
    lost: str
    alarming: bool
    stubs: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        return 1 + bool(self.text) + bool(self.lost) + len(self.stubs)

    @property
    def height(self) -> float:
        return 2 * PAD + LINE * self.lines


def _boxes(book: Book, flow: Flow, language: Language, dropoff: DropOff) -> dict[str, _Box]:
    pack: Pack = book.packs[language]
    found = {}
    for name, node in flow.nodes.items():
        count, left = dropoff.get(name, (0, 0))
        share = left / count if count else 0.0
        lost = f"{count} · {share:.0%}".replace("%", " %") if count else ""
        own = short(flow, name)
        found[own] = _Box(own, kind_of(node), first_line(node, pack), lost, share >= MANY)
    return found


# --- Mermaid ----------------------------------------------------------------------------------

SHAPES = {"branch": ("{{", "}}"), "find": ("{{", "}}"), "end": ("([", "])"), "say": ("([", "])")}


def mermaid(book: Book, flow: Flow, language: Language, dropoff: DropOff | None = None) -> str:
    """The flow as Mermaid text."""
    boxes = _boxes(book, flow, language, dropoff or {})
    ids = {name: f"n{index}" for index, name in enumerate(boxes)}
    lines = ["flowchart TD"]
    for name, box in boxes.items():
        opening, closing = SHAPES.get(box.kind, ("[", "]"))
        label = "<br/>".join(_quoted(one) for one in (name, box.text, box.lost) if one)
        lines.append(f'    {ids[name]}{opening}"{label}"{closing}')
    for name in boxes:
        for arrow in arrows(flow, flow.nodes[f"{flow.name}/{name}"]):
            if arrow.target in ids:
                line = "-.->" if arrow.aside else "-->"
                label = f'|"{_quoted(arrow.label)}"|' if arrow.label else ""
                lines.append(f"    {ids[name]} {line}{label} {ids[arrow.target]}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Mermaid writes entities with # and knows no backslash."""
    for sign, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(sign, entity)
    return text


# --- SVG --------------------------------------------------------------------------------------


def svg(book: Book, flow: Flow, language: Language, dropoff: DropOff | None = None) -> str:
    """The flow as an SVG picture that needs nothing else. Arrows lead downwards; what leads home,
    back or up is written in its box instead."""
    boxes = _boxes(book, flow, language, dropoff or {})
    start = short(flow, flow.start)
    onward = {name: arrows(flow, flow.nodes[f"{flow.name}/{name}"]) for name in boxes}
    edges = [
        (name, arrow.target)
        for name, ways in onward.items()
        for arrow in ways
        if arrow.target in boxes and arrow.target != start
    ]
    order = sorted(boxes, key=lambda name: name != start)
    layout = lay_out(order, edges, WIDTH + GAP, POINT)
    drawn: dict[str, list[Arrow]] = {}
    for name, ways in onward.items():
        drawn[name] = [one for one in ways if (name, one.target) in layout.between]
        stubs = tuple(_stub(one) for one in ways if one not in drawn[name])
        box = boxes[name]
        boxes[name] = _Box(box.name, box.kind, box.text, box.lost, box.alarming, stubs)
    return _Canvas(flow, boxes, drawn, layout, bool(dropoff)).drawn()


def _stub(arrow: Arrow) -> str:
    back = "↩" if arrow.target in BACK else "↪"
    return f"{arrow.label} {back} {arrow.target}".strip()


@dataclass(frozen=True)
class _Canvas:
    flow: Flow
    boxes: Mapping[str, _Box]
    arrows: Mapping[str, list[Arrow]]
    layout: Layout
    counted: bool

    def drawn(self) -> str:
        tops = self._tops()
        middles = self.layout.middle
        right = max((middles[name] for name in middles), default=0.0) + WIDTH / 2 + GAP / 2
        width, height = right + 2 * MARGIN, tops[-1] - BETWEEN + MARGIN
        body = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" font-family="{FONT}" font-size="12">',
            f"<title>{escaped(self.flow.name)}</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *self._title(),
        ]
        labels: list[str] = []
        for name in self.boxes:
            for line, label in self._lines(name, tops):
                body.append(line)
                labels.append(label)
        for name in self.boxes:
            body += self._box(name, tops)
        return "\n".join([*body, *filter(None, labels), "</svg>", ""])

    def _title(self) -> Iterator[str]:
        told = "  ·  n · % : shown to n, left there by % in 30 days" if self.counted else ""
        yield (
            f'<text x="{MARGIN}" y="30" font-size="17" font-weight="700">'
            f"{escaped(self.flow.name)}"
            f'<tspan font-size="12" font-weight="400" fill="#667">{told}</tspan></text>'
        )

    def _tops(self) -> list[float]:
        """The upper edge of each layer, and where another one would begin."""
        tops = [TITLE + MARGIN / 2]
        for layer in range(max(self.layout.layer.values(), default=0) + 1):
            inside = [box.height for name, box in self.boxes.items() if self._layer(name) == layer]
            tops.append(tops[-1] + max(inside, default=0.0) + BETWEEN)
        return tops

    def _layer(self, name: str) -> int:
        return self.layout.layer[name]

    def _x(self, name: str) -> float:
        return self.layout.middle[name] + MARGIN

    def _box(self, name: str, tops: list[float]) -> Iterator[str]:
        box = self.boxes[name]
        fill, edge = COLOURS[box.kind]
        left, top = self._x(name) - WIDTH / 2, tops[self._layer(name)]
        corner = box.height / 2 if box.kind == "end" and box.lines < 3 else 6
        yield (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{WIDTH:.0f}" height="{box.height:.1f}" '
            f'rx="{corner:.0f}" fill="{fill}" stroke="{edge}"/>'
        )
        middle, y = self._x(name), top + PAD + 12
        yield _text(middle, y, _cut(name), weight="700")
        for text, colour in (
            (box.text, "#222"),
            (box.lost, "#b3261e" if box.alarming else "#556"),
            *((stub, "#556") for stub in box.stubs),
        ):
            if text:
                y += LINE
                yield _text(middle, y, _cut(text), colour)

    def _lines(self, name: str, tops: list[float]) -> Iterator[tuple[str, str]]:
        """Each arrow's line, and its label beside its beginning."""
        ways = sorted(self.arrows[name], key=lambda one: self._toward(name, one))
        bottom = tops[self._layer(name)] + self.boxes[name].height
        for index, arrow in enumerate(ways):
            x = self._x(name) + (index + 1) * WIDTH / (len(ways) + 1) - WIDTH / 2
            points = self._through(name, arrow.target, (x, bottom), tops)
            dashed = ' stroke-dasharray="5 4"' if arrow.aside else ""
            path = _curve(points)
            line = f'<path d="{path}" fill="none" stroke="#667" marker-end="url(#tip)"{dashed}/>'
            yield line, _label(points, arrow.label, row=index % 2)

    def _through(
        self, name: str, target: str, begin: tuple[float, float], tops: list[float]
    ) -> list[tuple[float, float]]:
        """A line's points: straight down beside the boxes of the layers that it passes."""
        points = [begin]
        between = self.layout.between[name, target]
        for height, point in enumerate(between, start=self._layer(name) + 1):
            x = self._x(point)
            points += [(x, tops[height]), (x, tops[height + 1] - BETWEEN)]
        return [*points, (self._x(target), tops[self._layer(target)] - 2)]

    def _toward(self, name: str, arrow: Arrow) -> float:
        points = self.layout.between[name, arrow.target]
        return self._x(points[0] if points else arrow.target)


def _curve(points: list[tuple[float, float]]) -> str:
    """Curves that leave and arrive upright."""
    (x, y), *others = points
    path = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in others:
        if abs(to_x - x) < 0.5:
            path += f"L{to_x:.1f} {to_y:.1f}"
        else:
            half = (y + to_y) / 2
            path += f"C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path


def _label(points: list[tuple[float, float]], text: str, *, row: int) -> str:
    """On the line's beginning, over white; neighbours in two rows, so that they do not touch."""
    if not text:
        return ""
    x, y = points[0]
    top, width = y + 5 + 15 * row, len(text) * 6.2 + 6
    return (
        f'<rect x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="14" rx="3" '
        f'fill="#fff"/><text x="{x:.1f}" y="{top + 11:.1f}" text-anchor="middle" font-size="11" '
        f'font-weight="600" fill="#334">{escaped(text)}</text>'
    )


def _text(x: float, y: float, text: str, colour: str = "#222", weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill="{colour}" '
        f'font-weight="{weight}">{escaped(text)}</text>'
    )


def escaped(text: str) -> str:
    """Fit for XML; signs that XML forbids are left out."""
    kept = "".join(one for one in text if one == "\n" or unicodedata.category(one) != "Cc")
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        kept = kept.replace(sign, entity)
    return kept


def _cut(text: str) -> str:
    """As much as a box shows: a cluster is about 7 units wide, a mark above or below nothing."""
    pieces = clusters(text)
    most = int((WIDTH - 2 * PAD) / 7.2)
    return text if len(pieces) <= most else "".join(pieces[: most - 1]) + "…"
