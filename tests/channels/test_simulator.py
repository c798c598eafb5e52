"""What a tester may wish of the phone page's channel, and what it does with SMS."""

from __future__ import annotations

import pytest

from app.errors import Malformed
from app.words import Limits
from tests.channels import door
from tests.channels.cases import message
from tests.channels.door import Payload

(DIALLING,) = [one for one in door.payloads() if str(one) == "simulator/first-hop"]


def wishing(**fields: str) -> Payload:
    return DIALLING.with_fields(fields)


def test_without_a_wish_a_session_is_as_every_other() -> None:
    found = message(DIALLING)
    assert (found.language, found.limits) == (None, None)


def test_a_tester_chooses_the_language() -> None:
    assert message(wishing(language="en")).language == "en"
    assert message(wishing(language="")).language is None
    assert message(wishing(language="\0" + "x" * 9000)).language == "x" * 200


@pytest.mark.parametrize(
    ("fields", "limits"),
    [
        ({"ucs2": "40"}, Limits(gsm7=160, ucs2=40)),
        ({"gsm7": "182", "ucs2": ""}, Limits(gsm7=182, ucs2=70)),
        ({"gsm7": "60", "ucs2": "80"}, Limits(gsm7=60, ucs2=80)),
        ({"gsm7": "", "ucs2": ""}, None),
    ],
)
def test_a_tester_chooses_the_size_of_the_screen(
    fields: dict[str, str], limits: Limits | None
) -> None:
    assert message(wishing(**fields)).limits == limits


@pytest.mark.parametrize("size", ["39", "81", "-70", "7x", "70.0", "²", "໗໐", "0070", "9" * 5000])
def test_a_size_that_no_screen_has_is_refused(size: str) -> None:
    with pytest.raises(Malformed, match="ucs2 is no size from 40 to 80"):
        wishing(ucs2=size).arrives()
