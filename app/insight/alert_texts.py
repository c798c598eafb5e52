"""What staff are told of alerts: one SMS each, and never a figure that is not released."""

from __future__ import annotations

from collections.abc import Sequence

from app.feedback.cells import REASONS
from app.insight import statistics
from app.insight.alert_signs import Rule
from app.insight.statistics import Share
from app.sentences import Placeholders, Sentences
from app.text.encoding import segment_count
from app.text.lao import clusters

FILE = "alerts.yaml"
SENTENCES: Placeholders = {
    "told": ("id", "place", "what", "id"),
    "bad_scores": (),
    "overcharges": (),
    "silent": (),
    "reason_jump": ("reason",),
    **{f"reason_{reason}": () for reason in REASONS},
    "acknowledged": ("id", "id"),
    "noted": ("id",),
    "refused": ("id",),
    "which": ("ids",),
    "compared": ("id", "place", "before", "after", "verdict"),
    "too_few": ("id", "place"),
    "change": (),
    "no_change": (),
}


def told(sentences: Sentences, alert_id: int, place: str, rule: Rule, subject: str) -> str:
    """An alert: its number, where it is, what the rule says, and how to answer."""
    reason = sentences.get(f"reason_{subject}", "")
    what = sentences[rule.kind].format(reason=reason)
    return _in_one(sentences["told"], place, id=alert_id, what=what)


def compared(
    sentences: Sentences, alert_id: int, place: str, before: Share | None, after: Share | None
) -> str:
    """Satisfaction before an alert and after it was acknowledged; None: too few answers."""
    if before is None or after is None:
        return _in_one(sentences["too_few"], place, id=alert_id)
    changed = statistics.is_change(after, before)
    return _in_one(
        sentences["compared"],
        place,
        id=alert_id,
        before=statistics.percent(before.satisfied, before.n),
        after=statistics.percent(after.satisfied, after.n),
        verdict=sentences["change" if changed else "no_change"],
    )


def which(sentences: Sentences, ids: Sequence[int]) -> str:
    """Asks which alert is meant; as many numbers as one SMS holds, of these the first."""
    shown = list(map(str, ids))
    while segment_count(written := sentences["which"].format(ids=" ".join(shown))) > 1:
        shown.pop()
    return written


def _in_one(sentence: str, place: str, **values: object) -> str:
    """The sentence with as much of the place's name as one SMS holds."""
    name = clusters(place)
    while segment_count(written := sentence.format(place="".join(name), **values)) > 1 and name:
        name.pop()
    return written
