"""Which channel carries a message to a number: tables of prefixes."""

from __future__ import annotations

import pytest

from app.delivery.routing import Router
from app.sections import DeliverySection, RouteSection
from app.settings import ChannelConfig

NAMES = {"ltc": "kannel", "unitel": "kannel", "world": "twilio", "page": "simulator"}


def carriers(*names: str) -> dict[str, ChannelConfig]:
    return {
        name: ChannelConfig(
            name,
            NAMES[name],
            "http://127.0.0.1",
            ("t" * 16,),
            segment_kip=200,
            prefix_kip={"856": 150, "85620": 120, "856205": 100} if name == "ltc" else {},
        )
        for name in names
    }


DELIVERY = DeliverySection(
    sms_channel="ltc",
    fallbacks=["unitel", "world"],
    routes=[
        RouteSection(prefixes=["+856"], channels=["world"]),
        RouteSection(prefixes=["+856205", "856202"], channels=["ltc", "unitel"]),
        RouteSection(prefixes=["+856209"], channels=["unitel"]),
        RouteSection(prefixes=["1"], channels=["world", "gone"]),
    ],
)


@pytest.mark.parametrize(
    ("number", "came_by", "wanted"),
    [
        ("+8562055512345", "", "ltc unitel world"),
        ("+8562022212345", "", "ltc unitel world"),
        ("+8562099912345", "", "unitel ltc world"),
        # The longest prefix wins, wherever it stands.
        ("+8562077712345", "", "world ltc unitel"),
        ("+15005550006", "", "world ltc unitel"),
        ("+66812345678", "", "ltc unitel world"),
        # An answer goes back the way its question came.
        ("+8562055512345", "unitel", "unitel ltc world"),
        ("+8562055512345", "world", "world ltc unitel"),
        # Unless that channel carries no SMS any more.
        ("+8562055512345", "gone", "ltc unitel world"),
        # What came from the phone page stays there.
        ("+8562055512345", "page", "page"),
        # A number that cannot be read goes the usual way.
        ("", "", "ltc unitel world"),
    ],
)
def test_the_way_to_a_number(number: str, came_by: str, wanted: str) -> None:
    router = Router(DELIVERY, carriers("ltc", "unitel", "world", "page"))
    assert " ".join(router.candidates(number, came_by)) == wanted


def test_nothing_meant_for_a_network_falls_back_to_the_phone_page() -> None:
    delivery = DeliverySection(sms_channel="page", fallbacks=["ltc"])
    assert Router(delivery, carriers("page", "ltc")).candidates("+8562055512345") == ("ltc",)
    assert Router(delivery, carriers("page")).candidates("+8562055512345") == ("page",)


def test_without_any_carrier_the_usual_channel_is_waited_for() -> None:
    assert Router(DELIVERY, {}).candidates("+8562055512345") == ("ltc",)


@pytest.mark.parametrize(
    ("routes", "came_by", "wanted"),
    [(True, "", None), (True, "unitel", "unitel"), (False, "", "ltc"), (False, "gone", "ltc")],
)
def test_the_number_is_opened_only_where_the_way_depends_on_it(
    routes: bool, came_by: str, wanted: str | None
) -> None:
    delivery = DELIVERY if routes else DELIVERY.model_copy(update={"routes": []})
    assert Router(delivery, carriers("ltc", "unitel", "page")).first(came_by) == wanted


def test_what_must_not_be_lost_may_go_any_way_but_the_phone_page() -> None:
    delivery = DeliverySection(sms_channel="ltc")
    router = Router(delivery, carriers("page", "unitel", "ltc", "world"))
    assert router.anyhow("+8562055512345") == ("ltc", "unitel", "world")


@pytest.mark.parametrize(
    ("channel", "number", "kip"),
    [
        ("ltc", "+8562055512345", 100),
        ("ltc", "+8562099912345", 120),
        ("ltc", "+8563099912345", 150),
        ("ltc", "+66812345678", 200),
        ("unitel", "+8562055512345", 200),
        ("gone", "+8562055512345", 0),
    ],
)
def test_a_segment_costs_what_its_longest_prefix_says(channel: str, number: str, kip: int) -> None:
    assert Router(DELIVERY, carriers("ltc", "unitel")).price(channel, number) == kip
