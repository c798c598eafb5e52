"""Filing, reading and moving requests through the JSON API."""

from __future__ import annotations

from tests.web.system import System, filed


def test_a_request_is_filed_with_a_number_of_ours(xaysetha: System) -> None:
    answer = xaysetha.files(phone="020 5551 2345", own_number="bpc-2026/0117")
    print(answer.text, answer.headers)
    request = filed(answer)
    assert request["number"].startswith("0103")
