"""Counts of centers become the figures of every area, and small cells stay at home."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from app.insight import composition
from app.insight.composition import Country, Said
from app.insight.figures import Area, Figures, Part, from_json

REASONS = ("waiting", "staff", "money", "papers", "other")
ODSCS = {"0101": "0101", "0102": "0102", "0201": "0201", "0202": "0202"}


def country(groups: Sequence[tuple[Area, tuple[str, ...]]] = ()) -> Country:
    """Two provinces of two districts with a center each."""
    odscs = [Area("odsc", code, code, code) for code in ODSCS]
    districts = [Area("district", code, code, code) for code in ODSCS.values()]
    provinces = [Area("province", code, code, code) for code in ("01", "02")]
    return Country(
        areas=[Area("country", "LA", "", ""), *provinces, *districts, *odscs],
        above=composition.tree(
            ODSCS.items(), [(code, code[:2]) for code in ODSCS.values()], ("01", "02")
        ),
        groups=groups,
        services=["id_card", "land_title"],
        reasons=REASONS,
        extra={"access": ("1", "2", "3", "4", "5")},
    )


def scores(odsc: str, score: int, n: int, sex: str = "", service: str = "") -> Said:
    return Said(odsc, "score", str(score), service, sex, n)


def reasons(odsc: str, reason: str, n: int) -> Said:
    return Said(odsc, "reason", reason, "", "", n)


def composed(
    said: Iterable[Said],
    where: Country | None = None,
    work: dict[str, tuple[int, int]] | None = None,
) -> dict[tuple[str, str], Figures]:
    made = composition.compose("2026-W46", where or country(), said, work or {})
    return {(one.level, one.code): one for one in made}


def test_a_country_is_the_sum_of_its_centers() -> None:
    found = composed(
        [scores(code, 5, 10, "F", "id_card") for code in ODSCS]
        + [scores(code, 2, 7, "M", "land_title") for code in ODSCS]
        + [reasons(code, "money", 7) for code in ODSCS]
    )
    whole = found["country", "LA"]
    assert (whole.answers, whole.part) == (68, Part(68, 40))
    assert whole.sexes == {"F": Part(40, 40), "M": Part(28, 0)}
    assert whole.services == {"id_card": Part(40, 40), "land_title": Part(28, 0)}
    assert whole.scores == {1: 0, 2: 28, 3: 0, 4: 0, 5: 40}
    assert whole.reasons == dict.fromkeys(REASONS, 0) | {"money": 28}
    assert whole.main_reason == "money"
    assert found["province", "01"].answers == 34
    assert found["odsc", "0201"].mean == pytest.approx((10 * 5 + 7 * 2) / 17)


def test_a_center_with_few_answers_tells_their_number_alone() -> None:
    found = composed(
        [*(scores(code, 5, 20, "F") for code in ODSCS if code != "0101")]
        + [scores("0101", 1, 4, "M", "id_card"), reasons("0101", "staff", 4)]
    )
    few = found["odsc", "0101"]
    assert few.answers == 4
    assert (few.satisfied, few.scores, few.overcharged, few.main_reason) == (None, None, None, None)
    assert set(few.reasons.values()) == {None}
    assert few.sexes == dict.fromkeys("FM", Part(None, None))
    # Its district is it, and the province's other center would tell by subtraction.
    assert found["district", "0101"].satisfied is None
    assert found["odsc", "0102"].satisfied is None
    assert found["province", "01"].satisfied == 20


def test_few_women_are_not_told_nor_the_rest_of_them() -> None:
    found = composed([scores(code, 5, 12, "M") for code in ODSCS] + [scores("0101", 1, 3, "F")])
    center = found["odsc", "0101"]
    assert center.sexes["F"] == Part(None, None)
    assert center.sexes["M"].n is None
    assert center.part == Part(15, 12)


def test_a_reason_of_few_hides_until_enough_are_open() -> None:
    said = [scores(code, 2, 20) for code in ODSCS] + [reasons(code, "waiting", 9) for code in ODSCS]
    found = composed([*said, reasons("0201", "staff", 2)])
    assert found["odsc", "0201"].reasons["waiting"] == 9
    assert found["odsc", "0201"].reasons["staff"] is None
    assert found["odsc", "0201"].main_reason == "waiting"


def test_the_main_reason_is_silent_where_its_number_is() -> None:
    said = [scores(code, 2, 20) for code in ODSCS] + [reasons("0101", "money", 4)]
    found = composed([*said, reasons("0102", "money", 3)])
    assert found["odsc", "0101"].main_reason is None


def test_requests_are_added_up_and_always_told() -> None:
    found = composed([], work={"0101": (3, 1), "0202": (2, 2)})
    assert (found["odsc", "0101"].running, found["odsc", "0101"].overdue) == (3, 1)
    assert (found["country", "LA"].running, found["country", "LA"].overdue) == (5, 3)
    assert found["province", "02"].overdue == 2


def test_a_week_without_answers_has_zeros_and_no_share() -> None:
    whole = composed([])["country", "LA"]
    assert (whole.answers, whole.satisfied, whole.part.rate, whole.main_reason) == (
        0,
        0,
        None,
        None,
    )
    assert whole.mean is None


def test_a_group_is_what_its_districts_publish() -> None:
    group = (Area("group", "north", "ເໜືອ", "North"), ("0101", "0102", "0201"))
    said = [scores(code, 5, 20, "F") for code in ("0102", "0201", "0202")]
    found = composed([*said, scores("0101", 1, 4)], country([group]))
    north = found["group", "north"]
    # 0101 has too few answers, and 0102 would tell of it.
    assert (north.answers, north.resting_on, north.left_out) == (44, 20, 2)
    assert north.part == Part(20, 20)
    assert north.scores is None


def test_extra_questions_are_told_as_reasons_are() -> None:
    said = [scores(code, 5, 30) for code in ODSCS]
    said += [Said(code, "access", "4", "", "", 12) for code in ODSCS]
    said += [Said("0101", "access", "1", "", "", 2)]
    found = composed(said)
    assert found["odsc", "0101"].extra["access"]["1"] is None
    assert found["odsc", "0101"].extra["access"]["4"] == 12
    assert found["country", "LA"].extra["access"]["4"] == 48


def test_a_document_is_read_as_it_was_written() -> None:
    said = [scores("0101", 4, 9, "F", "id_card"), reasons("0101", "staff", 2)]
    for figures in composed(said).values():
        assert from_json(figures.as_json()) == figures
        assert from_json(figures.as_json()).as_json() == figures.as_json()


def test_the_order_of_counts_changes_nothing() -> None:
    said = [scores(code, 1 + n, 3 + n, "FM"[n % 2]) for n, code in enumerate(ODSCS)]
    assert composed(said) == composed(reversed(said))


def test_who_was_asked_for_a_reason_is_known_from_the_share() -> None:
    said = [scores(code, 5, 10) for code in ODSCS] + [scores(code, 2, 8) for code in ODSCS]
    said += [reasons(code, "waiting", 6) for code in ODSCS]
    found = composed([*said, *(reasons(code, "staff", 2) for code in ODSCS)])
    # Eight were asked; six of them told would leave two.
    assert found["odsc", "0101"].reasons["waiting"] is None
    assert found["country", "LA"].reasons["waiting"] == 24


def test_a_hidden_reason_of_many_is_named_without_its_number() -> None:
    said = [scores(code, 2, 12) for code in ODSCS] + [reasons(code, "waiting", 9) for code in ODSCS]
    found = composed([*said, *(reasons(code, "staff", 3) for code in ODSCS)])
    assert found["odsc", "0101"].reasons["waiting"] is None
    assert found["odsc", "0101"].main_reason == "waiting"
