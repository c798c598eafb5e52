"""What applicants are texted: one part, whatever the service and the note."""

from __future__ import annotations

from itertools import product

import pytest

from app.requests import notices
from app.storage import registry
from app.text.encoding import segment_count, units
from app.text.lao import clusters
from app.words import REQUEST_STATUSES
from tests.requests.desk import PHONE, Desk

LONG = "ສຳມະໂນຄົວສະບັບແທ້ ແລະ ຮູບຖ່າຍສອງໃບຂະໜາດສາມຄູນສີ່ ພ້ອມໃບຢັ້ງຢືນທີ່ຢູ່ຈາກນາຍບ້ານ ແລະ ໃບສະເໜີ"


@pytest.mark.parametrize("status", REQUEST_STATUSES)
def test_news_are_one_part_in_every_language_for_every_service(desk: Desk, status: str) -> None:
    services = registry.services(desk.tx)
    for language, service in product(desk.registrar.sentences, services):
        request = desk.file(service=service.key, phone=PHONE, status=status, note=LONG)
        sentences = desk.registrar.sentences
        written = notices.written(sentences, language, request, service.names)
        assert segment_count(written) == 1, f"{language} {service.key}: {written}"
        if language == "lo":
            assert units(written) <= 70


def test_a_note_that_is_too_long_is_cut_between_letters(desk: Desk) -> None:
    for length in range(1, len(LONG)):
        desk.move(desk.file(phone=PHONE, texts=True), "need_documents", LONG[:length])
    for written in desk.texts():
        note = written.partition("ຕ້ອງການ ")[2]
        kept = note.removesuffix("..").rstrip()
        assert LONG.startswith(kept)
        assert "".join(clusters(LONG)[: len(clusters(kept))]).rstrip() == kept or note == kept


def test_a_short_note_stands_whole(desk: Desk) -> None:
    desk.move(desk.file(phone=PHONE, texts=True), "need_documents", "ຮູບຖ່າຍ 2 ໃບ")
    assert desk.texts()[0].endswith(": ຕ້ອງການ ຮູບຖ່າຍ 2 ໃບ")
