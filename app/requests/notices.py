"""What an applicant is texted: one SMS of one part, in the language of the phone."""

from __future__ import annotations

from collections.abc import Mapping

from app.requests import numbers
from app.sentences import FALLBACK, Placeholders, Sentences
from app.storage.requests import Request
from app.text.encoding import segment_count
from app.text.lao import clusters
from app.words import REQUEST_STATUSES, Language

FILE = "notices.yaml"
_NEWS = ("what", "number")
_NOTED = ("what", "number", "note")
NOTED = frozenset({"need_documents", "rejected"})
SENTENCES: Placeholders = {
    "request": (),
    **{status: _NOTED if status in NOTED else _NEWS for status in REQUEST_STATUSES},
    "invitation": ("what", "place"),
    "reminder": ("what", "place"),
}
"""`what` is the service, or `request` where it may not be named."""


def written(
    every: Mapping[Language, Sentences],
    language: Language,
    request: Request,
    service: Mapping[Language, str],
) -> str:
    """News of a request; a note that is too long is cut."""
    sentences = every.get(language) or every[FALLBACK]
    values = {
        "what": what(sentences, language, request, service),
        "number": numbers.shown(request.number),
    }
    if request.status not in NOTED:
        return sentences[request.status].format(**values)
    return _fitting(sentences[request.status], values, request.note)


def what(
    sentences: Sentences, language: Language, request: Request, service: Mapping[Language, str]
) -> str:
    """How the request is called; its service is not named where others may not read it."""
    if request.sensitive:
        return sentences["request"]
    # A romanised text with one Lao name in it would cost as much as a Lao one.
    return service.get(language) or service["en" if language.endswith("Latn") else FALLBACK]


def _fitting(sentence: str, values: Mapping[str, str], note: str) -> str:
    whole = sentence.format(**values, note=note)
    letters = clusters(note)
    while segment_count(whole) > 1 and letters:
        letters.pop()
        whole = sentence.format(**values, note="".join(letters).rstrip() + "..")
    return whole
