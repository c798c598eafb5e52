"""A prompt and its options → pages that fit a phone.

A page is the prompt, then one line an option, then one line of hints. Everything is measured on
the whole page in the page's own encoding, since one Lao letter makes the page UCS-2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from app.text.encoding import Encoding, encoding_of, units
from app.text.lao import breaks, clusters
from app.words import Limits

_SMALLEST_LIMIT: Final = 20
# Letters beyond a page's end that may still tell where its last word ends.
_AHEAD: Final = 200

Fits = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Option:
    """One line a citizen may choose: the number to send and what it stands for."""

    number: str
    label: str


@dataclass(frozen=True, slots=True)
class Nav:
    """The hints in the screen's language, complete as shown: "9 Next", "0 Back", "00 Menu"."""

    next: str
    back: str
    home: str
    can_back: bool = True
    can_home: bool = True


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is still to be shown: the end of the prompt and the options' numbers and labels."""

    prompt: str
    options: tuple[Option, ...]

    def first_lines(self, count: int | None = None) -> list[str]:
        return [_line(option.number, option.label) for option in self.options[:count]]


def lay_out(
    prompt: str, options: Sequence[Option], nav: Nav, limits: Limits, short_prompt: str = ""
) -> list[str]:
    """The pages of one screen, at least one, each within `limits` in its own encoding.

    `limits` are septets and UTF-16 units, at least 20 of each. Pages are filled greedily. A cut
    falls between words, in a word longer than a page between clusters, and inside a cluster only
    when that alone exceeds a page. An option stays whole; one too long for a page of its own is
    shortened with "…" ("..." where the page is GSM-7). Every page but the last carries the next
    hint, every page but the first the back hint (the first if `nav.can_back`); the home hint
    appears where it costs nothing. Later pages open with the end of the prompt, else with
    `short_prompt` where it leaves room for an option.
    """
    if min(limits.gsm7, limits.ucs2) < _SMALLEST_LIMIT:
        raise ValueError(f"A page needs room for {_SMALLEST_LIMIT} units; {limits} gives less.")
    rest = _Rest(_tidy(prompt), tuple(_one_line(option) for option in options))
    hints = _affordable(nav, [rest.prompt, short_prompt, *rest.first_lines()], limits)
    pages: list[str] = []
    while not pages or rest.prompt or rest.options:
        sheet = _Sheet(hints, limits, first=not pages)
        opening = "" if rest.prompt or not pages else _tidy(short_prompt)
        page, rest = sheet.fill(rest, opening)
        pages.append(page)
    return pages


def split_text(text: str, limit_gsm7: int, limit_ucs2: int) -> list[str]:
    """`text` in pieces within the limits (septets, UTF-16 units), each in its own encoding.

    Cut at word boundaries; a longer word between clusters; a longer cluster between characters.
    White space at the cuts is dropped; an empty text is one empty piece.
    """
    limits = Limits(limit_gsm7, limit_ucs2)
    pieces: list[str] = []
    rest = _tidy(text)
    while rest and not _within(limits, rest):
        head = _head(_near(limits, rest), lambda piece: _within(limits, piece))
        pieces.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return [*pieces, rest] if rest or not pieces else pieces


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One empty page: knows which hints it must carry and what still fits beside them."""

    nav: Nav
    limits: Limits
    first: bool

    def fill(self, rest: _Rest, opening: str) -> tuple[str, _Rest]:
        """The page that shows as much of `rest` as fits, and what is left after it."""
        if rest.prompt:
            return self._with_options(rest.prompt, rest) or self._prompt_only(rest)
        return (
            self._with_options(opening, rest)
            or self._with_options("", rest)
            or self._one_shortened(rest)
        )

    def _with_options(self, opening: str, rest: _Rest) -> tuple[str, _Rest] | None:
        """`opening` and whole options; None if it fits with none (a prompt may stand alone)."""
        # More options than a page has units are surely not its last.
        lines = rest.first_lines(max(self.limits.gsm7, self.limits.ucs2))
        if len(lines) == len(rest.options) and self._fits([opening, *lines], last=True):
            return self._page([opening, *lines], last=True), _Rest("", ())
        fewest = 0 if rest.prompt else 1
        taken = 0
        while taken < len(lines) and self._fits([opening, *lines[: taken + 1]], last=False):
            taken += 1
        # Should the next hint alone make the larger limit apply, something must still come next.
        taken = min(taken, len(rest.options) - 1)
        if taken < fewest or not self._fits([opening, *lines[:taken]], last=False):
            return None
        return (
            self._page([opening, *lines[:taken]], last=False),
            _Rest("", rest.options[taken:]),
        )

    def _prompt_only(self, rest: _Rest) -> tuple[str, _Rest]:
        """As much of the prompt as fits; the options wait."""
        near = _near(self.limits, rest.prompt)
        head = _head(near, lambda piece: self._fits([piece], last=False))
        left = rest.prompt[len(head) :].lstrip()
        return self._page([head.rstrip()], last=False), _Rest(left, rest.options)

    def _one_shortened(self, rest: _Rest) -> tuple[str, _Rest]:
        """The first option, too long for any page, with as much of its label as fits."""
        option, *others = rest.options
        last = not others

        def dotted(label: str) -> str:
            # "…" is not GSM-7: it would more than halve what a GSM-7 page holds.
            plain = _line(option.number, f"{label}...")
            in_gsm7 = encoding_of(self._body([plain], last=last)) == "GSM-7"
            return plain if in_gsm7 else _line(option.number, f"{label}…")

        def fits(line: str) -> bool:
            return self._fits([line], last=last)

        near = _near(self.limits, option.label)
        head = _longest_head(near, lambda label: fits(dotted(label)))
        line = dotted(head.rstrip())
        if not fits(line):
            number = _near(self.limits, option.number)
            line = number if fits(number) else _head(number, fits).rstrip()
        return self._page([line], last=last), _Rest("", tuple(others))

    def _fits(self, lines: Sequence[str], *, last: bool) -> bool:
        return _within(self.limits, self._body(lines, last=last))

    def _page(self, lines: Sequence[str], *, last: bool) -> str:
        """The finished page; the home hint comes along where there is room left."""
        if self.nav.can_home:
            with_home = self._body(lines, last=last, home=True)
            if _within(self.limits, with_home):
                return with_home
        return self._body(lines, last=last)

    def _body(self, lines: Sequence[str], *, last: bool, home: bool = False) -> str:
        shown = (
            "" if last else self.nav.next,
            self.nav.back if self.nav.can_back or not self.first else "",
            self.nav.home if home else "",
        )
        return "\n".join(filter(None, [*lines, " ".join(filter(None, shown))]))


def _affordable(nav: Nav, texts: Sequence[str], limits: Limits) -> Nav:
    """Hints that leave the text half a page: as given, else their keys alone, else none."""
    whole = _hints(nav, lambda label: " ".join(label.split()))
    keys = _hints(nav, lambda label: " ".join(label.split()[:1]))
    for candidate in (whole, keys):
        required = f"{candidate.next} {candidate.back}"
        scripts: set[Encoding] = {"GSM-7", encoding_of("".join([required, *texts]))}
        halves: dict[Encoding, int] = {"GSM-7": limits.gsm7 // 2, "UCS-2": limits.ucs2 // 2}
        if all(units(required, script) <= halves[script] for script in scripts):
            return candidate
    return _hints(nav, lambda _: "")


def _hints(nav: Nav, change: Callable[[str], str]) -> Nav:
    return Nav(change(nav.next), change(nav.back), change(nav.home), nav.can_back, nav.can_home)


def _head(text: str, fits: Fits) -> str:
    """`_longest_head`, but never empty: what cannot be made smaller stands alone."""
    return _longest_head(text, fits) or text[:1]


def _longest_head(text: str, fits: Fits) -> str:
    """The longest beginning of `text`, short of all of it, that fits without its trailing space."""
    head = ""
    for piece in breaks(text):
        if len(head) + len(piece) < len(text) and fits((head + piece).rstrip()):
            head += piece
            continue
        # A word that no page holds is cut in any case, so it may as well fill this one.
        if not head or not fits(piece.rstrip()):
            head = _grown(head, clusters(piece), text, fits)
        break
    return head or _grown("", list(text), text, fits)


def _grown(head: str, pieces: Sequence[str], text: str, fits: Fits) -> str:
    """`head` and as many of the pieces after it as fit, short of all of `text`."""
    for piece in pieces:
        if len(head) + len(piece) >= len(text) or not fits((head + piece).rstrip()):
            break
        head += piece
    return head


def _near(limits: Limits, text: str) -> str:
    """What decides where a page ends: else every page would have all that follows measured."""
    return text[: max(limits.gsm7, limits.ucs2) + _AHEAD]


def _within(limits: Limits, text: str) -> bool:
    if len(text) > max(limits.gsm7, limits.ucs2):
        return False
    encoding = encoding_of(text)
    return units(text, encoding) <= (limits.gsm7 if encoding == "GSM-7" else limits.ucs2)


def _line(number: str, label: str) -> str:
    return f"{number} {label}".strip()


def _one_line(option: Option) -> Option:
    """An option is one line, whatever the language file says."""
    return Option(" ".join(option.number.split()), " ".join(option.label.split()))


def _tidy(text: str) -> str:
    """Without white space at its ends and the ends of lines: it costs units and shows nothing."""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()
