"""STOP and START: asked in many words, obeyed at once, and never heard where something is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from app.conversation import keywords
from app.settings import ROOT
from app.text.encoding import segment_count
from tests.phones import Gateway, Phone

KEYWORDS = keywords.load(ROOT / "config" / "languages")
PACKS = sorted(ROOT.glob("config/languages/*/screens.yaml"))

STOPS = [
    # English
    "STOP",
    "stop",
    "STOP!!!",
    "  Stop. ",
    "«stop»",
    "stop stop stop",
    "Stop it now",
    "please stop",
    "PLEASE STOP!!",
    "please stop sending me messages",
    "Please stop sending me",
    "stop sending me SMS please, thank you sir",
    "I want to stop",
    "kindly stop texting my number",
    "stop 1616",
    "STOP messages from 1616",
    "ok stop now",
    "pls stop 🙏🙏",
    "unsubscribe",
    "Unsubscribe me please",
    "opt out",
    "don't send me any more SMS",
    "Don’t send messages again",
    "do not send me messages",
    "No more SMS please",
    "can you stop",
    "could you please stop",
    "hello stop",
    "hey, stop",
    "just stop",
    "stop this",
    "stop these messages",
    "stop sms to my phone",
    "ＳＴＯＰ",
    "ｓｔｏｐ！",
    "STOP\n\nSent from my phone",
    "Stop.\nSent from my iPhone",
    "QUIT",
    "CANCEL",
    "end.",
    "ＥＮＤ",
    # ພາສາລາວ
    "ຍົກເລີກ",
    "ເຊົາ",
    "ບໍ່ຮັບ",
    "ພໍແລ້ວ",
    "ຢຸດໄດ້ແລ້ວ",
    "ສະບາຍດີ ຢຸດແດ່",
    "ບໍ່ຮັບຂໍ້ຄວາມແລ້ວ",
    "ຢຸດ",
    "ຢຸດ!",
    "ຢຸດໆ",
    "ຢຸດ ແດ່",
    "ຢຸດແດ່",
    "ຢຸດສົ່ງ",
    "ຂໍຢຸດແດ່",
    "ກະລຸນາຢຸດ",
    "ກະລຸນາຢຸດສົ່ງຂໍ້ຄວາມ",
    "ກະລຸນາ ຢຸດ ສົ່ງ ຂໍ້ຄວາມ",
    "ກະລຸນາຢຸດສົ່ງຂໍ້ຄວາມຫາຂ້ອຍ",
    "ຊ່ວຍຢຸດສົ່ງ SMS ໃຫ້ຂ້ອຍແດ່",
    "ຂ້ອຍຢາກຢຸດຮັບຂໍ້ຄວາມ",
    "ຢ່າສົ່ງມາອີກ",
    "ຢ່າສົ່ງຂໍ້ຄວາມມາຫາຂ້ອຍອີກ",
    "ບໍ່ຕ້ອງສົ່ງມາອີກແລ້ວ",
    "ຂ້ອຍບໍ່ຢາກຮັບຂໍ້ຄວາມອີກ",
    "ເຊົາສົ່ງແດ່",
    "ຢຸດ\u200bສົ່ງ\u200bຂໍ້ຄວາມ",
    "ຢຸດ STOP",
    # Lao in Latin letters
    "yut",
    "Yut dae",
    "kaluna yut song kho khuam",
    "yut song SMS ha khoy dae",
    "ya song ma eek",
    "khoy baw yak hap sms",
]
STARTS = [
    "START",
    "start!",
    "Please start again",
    "start sending me messages",
    "opt in",
    "unstop",
    "ເລີ່ມ",
    "ເລີ່ມຕົ້ນ",
    "ເລີ່ມໄດ້ແລ້ວ",
    "ກະລຸນາເລີ່ມສົ່ງຂໍ້ຄວາມ",
    "ເລີ່ມສົ່ງໃຫ້ຂ້ອຍອີກແດ່",
    "rerm",
    "leum mai",
]
TOLD = [
    # English
    "the officer told me to stop asking for papers and come back",
    "stop taking bribes",
    "Stop asking for money",
    "please stop the corruption",
    "they stop work at three",
    "don't stop",
    "please don't stop sending me messages",
    "stop making people wait for so long",
    "the bus stop is far from the office",
    "non-stop queue",
    "stopped",
    "I started in the morning and they had no start time",
    "start earlier please, the office opens late",
    "when do you start",
    "STOP or START?",
    "how do I stop",
    "can you stop them asking for money",
    "stop this corruption",
    "cancel my request",
    "please cancel it",
    "the end of the month",
    "hello",
    "sent from my phone",
    # ພາສາລາວ
    "ພະນັກງານບອກໃຫ້ຢຸດຖາມ ແລ້ວກັບມາໃໝ່",
    "ຢຸດເກັບເງິນ",
    "ຢຸດຮັບສິນບົນ",
    "ກະລຸນາຢຸດຮຽກເງິນ",
    "ຫ້ອງການຢຸດພັກຫຼາຍມື້",
    "ບໍ່ຢຸດ",
    "ຢ່າຢຸດ",
    "ບໍ່ຕ້ອງຢຸດສົ່ງ",
    "ເລີ່ມວຽກຊ້າ",
    "ເລີ່ມແຕ່ເຊົ້າຍັງບໍ່ແລ້ວ",
    "ຍົກເລີກຄຳຮ້ອງ",
    "ກະລຸນາສົ່ງຂໍ້ຄວາມ",
    "ເຊົ້າ",
    "ມາ ເຊົ້າ",
    "ພໍ່ແລ້ວ",
    "ເບີນີ້ບໍ່ຮັບ",
    "ບໍ່ໄດ້ຮັບຂໍ້ຄວາມ",
    "ພະນັກງານບໍ່ຮັບ",
    "ຢຸດບໍ່ໄດ້",
    # Lao in Latin letters
    "phanakngan yut vela sip mong",
    "yut kep ngoen",
    "khop chai lai",
    "0103 5 stop",
    "",
    "👍",
]


def test_the_tables_are_long_enough() -> None:
    assert len(STOPS) + len(STARTS) >= 40
    assert len(TOLD) >= 30


@pytest.mark.parametrize("said", STOPS)
def test_these_ask_to_stop(said: str) -> None:
    assert KEYWORDS.consent(said) == keywords.STOP


@pytest.mark.parametrize("said", STARTS)
def test_these_ask_to_start(said: str) -> None:
    assert KEYWORDS.consent(said) == keywords.START


@pytest.mark.parametrize("said", TOLD)
def test_these_tell_something(said: str) -> None:
    assert KEYWORDS.consent(said) is None


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.parent.name)
def test_nothing_that_we_write_would_stop_or_start_who_sends_it_back(path: Path) -> None:
    pack = yaml.safe_load(path.read_text("utf-8"))
    assert len(pack) > 50
    # "Start over" is an answer by USSD, where it is none of these; a request's state is no answer.
    asks = {key for key, text in pack.items() if KEYWORDS.consent(text)}
    assert asks <= {"resume.restart", "brief.withdrawn"}


# --- by SMS -----------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["please stop sending me SMS", "ກະລຸນາຢຸດສົ່ງຂໍ້ຄວາມ", "yut dae"])
def test_who_asks_to_stop_is_told_once_and_hears_no_more(
    gateway: Gateway, phone: Phone, said: str
) -> None:
    phone.sends(said).gets("START")
    assert segment_count(phone.inbox[-1]) == 1
    phone.sends("ສະບາຍດີ").sends(said).sends("0103 5").gets_nothing()
    assert gateway.tally()["responses"] == 1
    phone.sends("please start again").gets("STOP")
    phone.sends("ສະບາຍດີ").gets()


def test_a_complaint_with_stop_in_it_is_a_complaint(gateway: Gateway, phone: Phone) -> None:
    complaint = "the officer told me to stop asking for papers and come back"
    phone.sends("4").gets().sends("0103").gets("ຂຽນບັນຫາ").sends(complaint).gets("ໄດ້ຮັບຂໍ້ຄວາມ")
    gateway.work()
    assert gateway.rows("SELECT text FROM comments") == [(complaint,)]
    assert gateway.rows("SELECT stopped_at FROM contacts") == [(None,)]


def test_stop_where_a_story_is_asked_for_is_no_story(gateway: Gateway, phone: Phone) -> None:
    phone.sends("4").gets().sends("0103").gets("ຂຽນບັນຫາ").sends("STOP").gets("START")
    gateway.work()
    assert gateway.rows("SELECT count(*) FROM comments") == [(0,)]


# --- by USSD ----------------------------------------------------------------------------------

STOPPED, STARTED = "ທ່ານຈະບໍ່ໄດ້ຮັບຂໍ້ຄວາມອີກ", "ທ່ານຈະໄດ້ຮັບຂໍ້ຄວາມອີກ"


def stopped(gateway: Gateway) -> bool:
    return gateway.rows("SELECT stopped_at IS NOT NULL FROM contacts") == [(True,)]


@pytest.mark.parametrize("word", ["STOP", "stop.", "ຢຸດ", "yut", "opt out"])
@pytest.mark.parametrize(
    "keys",
    [(), ("1",), ("1", "0103"), ("1", "0103", "2"), ("1", "0103", "2", "1", "1"), ("4", "0103")],
)
def test_stop_works_at_every_prompt_and_ends_the_session(
    gateway: Gateway, phone: Phone, keys: tuple[str, ...], word: str
) -> None:
    phone.dial().press(*keys, word).ends(STOPPED)
    assert stopped(gateway)
    gateway.work()
    assert gateway.rows("SELECT count(*) FROM comments") == [(0,)]


def test_stop_can_be_dialled(gateway: Gateway, phone: Phone) -> None:
    phone.dial("*1616*STOP#").ends(STOPPED)
    assert stopped(gateway)
    phone.dial("*1616*START#").ends(STARTED)
    assert not stopped(gateway)


def test_the_same_post_is_answered_the_same_and_done_once(gateway: Gateway, phone: Phone) -> None:
    first = phone.dial().press("1", "STOP").screen
    since = gateway.rows("SELECT stopped_at FROM contacts")
    assert [phone.post().screen for _ in range(3)] == [first] * 3
    assert not phone.open
    assert gateway.rows("SELECT stopped_at FROM contacts") == since


def test_what_was_answered_counts_and_can_be_gone_on_with(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("1", "0103", "2", "STOP").ends(STOPPED)
    assert gateway.tally()["partial"] == 1
    phone.post(f"{phone.path}*1").ends(STOPPED)
    phone.dial().sees("1 ສືບຕໍ່").press("1").sees("ບັດປະຈຳຕົວ")
    phone.press("1", "1", "1", "1").ends("ຂອບໃຈ")
    tally = gateway.tally()
    assert (tally["responses"], tally["complete"]) == (1, 1)
    assert stopped(gateway)


def test_answers_that_came_with_it_are_kept(gateway: Gateway, phone: Phone) -> None:
    phone.dial("*1616*0103*4*STOP#").ends(STOPPED)
    assert gateway.tally()["scores"] == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0}


@pytest.mark.parametrize(
    "typed", ["stop it * no bribes", "ຢຸດເກັບເງິນ", "stop * asking", "I said * stop"]
)
def test_a_problem_typed_with_stop_in_it_is_a_problem(
    gateway: Gateway, phone: Phone, typed: str
) -> None:
    phone.dial().press("4", "0103", typed).ends("ໄດ້ຮັບຂໍ້ຄວາມ")
    gateway.work()
    assert gateway.rows("SELECT text FROM comments") == [(typed,)]
    assert not stopped(gateway)


@pytest.mark.parametrize("typed", ["ເລີ່ມໃໝ່", "ເລີ່ມໃຫມ່", "Start over"])
def test_starting_over_is_no_start(gateway: Gateway, phone: Phone, typed: str) -> None:
    phone.sends("STOP").gets()
    phone.dial().press("1", "0103", "2").hangs_up()
    phone.dial().press(typed).sees()
    assert phone.open
    assert stopped(gateway)


@pytest.mark.parametrize("said", ["please stop sending me SMS", "ກະລຸນາຢຸດສົ່ງຂໍ້ຄວາມ", "can you stop"])
@pytest.mark.parametrize("keys", [(), ("1", "0103", "2"), ("4", "0103")])
def test_stop_is_heard_with_words_around_it(
    gateway: Gateway, phone: Phone, keys: tuple[str, ...], said: str
) -> None:
    phone.dial().press(*keys, said).ends(STOPPED)
    assert stopped(gateway)
    phone.dial().press("please start again").ends(STARTED)
    assert not stopped(gateway)


def test_stop_is_stop_even_where_the_screen_before_is_gone(gateway: Gateway, phone: Phone) -> None:
    phone.dial().press("1")
    with gateway.office.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE conversations SET state = '{\"v\": 0}'")
    phone.press("STOP").ends(STOPPED)
    assert stopped(gateway)
