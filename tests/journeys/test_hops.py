"""USSD by networks that send the newest input alone and use their session numbers again and again.

What a session did is one list here: who, which number, which id, how long ago, what was typed.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

import pytest

from tests import wire
from tests.phones import Gateway
from tests.wire import IDS, Wire

NUMBER, OTHER = "+8562055512345", "+8562077712345"
HOME = "1 ໃຫ້ຄະແນນ"
GOES_ON = "1 ສືບຕໍ່"


@dataclass
class Hopper:
    """A phone on such a network; `session` is what the network calls the session."""

    gateway: Gateway
    number: str = NUMBER
    session: str = "5"
    screen: str = ""
    last: dict[str, object] = field(default_factory=dict)

    def dial(self, text: str = "", **fields: object) -> Hopper:
        return self.hop(text, begins=True, **fields)

    def press(self, *texts: str, **fields: object) -> Hopper:
        for text in texts:
            self.hop(text, **fields)
        return self

    def hop(self, text: str, **fields: object) -> Hopper:
        said = {"kind": "ussd", "sender": self.number, "session": self.session, "text": text}
        self.last = {**said, "provider_id": f"hop-{next(IDS)}", **fields}
        return self.repeat()

    def repeat(self, **fields: object) -> Hopper:
        """The last one once more, as gateways do."""
        status, body = wire.brings(self.gateway, "ussd", self.last | fields)
        assert status == 200, body
        self.screen = body
        return self

    def sees(self, *fragments: str) -> Hopper:
        assert self.screen.startswith("CON "), self.screen
        assert all(fragment in self.screen for fragment in fragments), self.screen
        return self

    def ends(self, *fragments: str) -> Hopper:
        assert self.screen.startswith("END "), self.screen
        assert all(fragment in self.screen for fragment in fragments), self.screen
        return self


@pytest.fixture
def wired(gateway: Gateway) -> Gateway:
    return wire.on(gateway, Wire(wire.config()))


@pytest.fixture
def phone(wired: Gateway) -> Hopper:
    return Hopper(wired)


def rated(phone: Hopper) -> Hopper:
    return phone.dial().press("1", "0103", "2").sees("ບັດປະຈຳຕົວ")


def test_a_citizen_walks_the_whole_flow(wired: Gateway, phone: Hopper) -> None:
    phone.dial().sees(HOME).press("1").sees("ປ້ອນລະຫັດສູນ").press("0103").sees("5=ດີຫຼາຍ")
    phone.press("2").sees("ບັດປະຈຳຕົວ").press("1").sees("ເວລາລໍຖ້າ").press("1").sees("(ກີບ)")
    phone.press("25.000").sees("ເພດ?").press("1").ends("ຂອບໃຈ")
    tally = wired.tally()
    assert (tally["complete"], tally["women"], tally["mean"]) == (1, 1, 2.0)
    assert wired.rows("SELECT count(*) FROM conversations") == [(1,)]


def test_what_was_dialled_behind_the_code_is_played(wired: Gateway, phone: Hopper) -> None:
    phone.dial("1*0103*5*1*1*3").ends("ຂອບໃຈ")
    assert wired.tally()["complete"] == 1
    phone.dial("0103").sees("5=ດີຫຼາຍ")


def test_the_same_key_twice_is_two_answers(wired: Gateway, phone: Hopper) -> None:
    rated(phone).press("1").sees("ເວລາລໍຖ້າ").press("1").sees("(ກີບ)")


def test_a_star_in_what_is_written_is_a_star(wired: Gateway, phone: Hopper) -> None:
    phone.dial().press("4", "0103").sees("ຂຽນບັນຫາ").press("ເກັບ 1*2 ເທື່ອ").ends("ໄດ້ຮັບ")
    wired.work()
    assert wired.rows("SELECT text FROM comments") == [("ເກັບ 1*2 ເທື່ອ",)]


# --- session numbers --------------------------------------------------------------------------


def test_a_number_that_is_used_again_begins_anew(wired: Gateway, phone: Hopper) -> None:
    for _ in range(3):
        phone.dial("1*0103*5*1*1*3").ends("ຂອບໃຈ")
    assert wired.tally()["complete"] == 3


def test_who_dials_again_after_a_drop_may_go_on(wired: Gateway, phone: Hopper) -> None:
    rated(phone)
    phone.dial().sees(GOES_ON).press("1").sees("ບັດປະຈຳຕົວ").press("1", "1", "1", "1").ends("ຂອບໃຈ")
    assert (wired.tally()["responses"], wired.tally()["complete"]) == (1, 1)


def test_two_phones_with_one_number_do_not_mix(wired: Gateway, phone: Hopper) -> None:
    other = Hopper(wired, OTHER)
    phone.dial().press("1")
    other.dial().press("4")
    phone.press("0103").sees("5=ດີຫຼາຍ")
    other.press("0103").sees("ຂຽນບັນຫາ")


def test_a_network_without_numbers_goes_by_the_phone(wired: Gateway) -> None:
    phone = Hopper(wired, session="")
    rated(phone).press("1", "1", "1", "1").ends("ຂອບໃຈ")
    assert wired.tally()["complete"] == 1


def test_an_answer_to_an_unknown_session_begins_anew(wired: Gateway, phone: Hopper) -> None:
    phone.press("5").sees(HOME)
    phone.press("1").sees("ປ້ອນລະຫັດສູນ")
    assert wired.rows("SELECT count(*) FROM answers") == [(0,)]


def test_an_answer_under_another_number_is_not_played(wired: Gateway, phone: Hopper) -> None:
    rated(phone)
    phone.session = "6"
    phone.press("1").sees(GOES_ON)
    assert wired.rows("SELECT question FROM answers WHERE question = 'service'") == []


def test_an_answer_after_the_end_begins_anew(wired: Gateway, phone: Hopper) -> None:
    phone.dial("1*0103*5*1*1*3").ends("ຂອບໃຈ").press("1").sees(HOME)
    assert wired.tally()["responses"] == 1


# --- repeats ----------------------------------------------------------------------------------


def test_every_hop_three_times_changes_nothing(wired: Gateway, phone: Hopper) -> None:
    phone.dial()
    for key in ("", "1", "0103", "2", "1", "1", "25000", "1"):
        if key:
            phone.press(key)
        screens = {phone.screen, phone.repeat().screen, phone.repeat().screen}
        assert len(screens) == 1
    phone.ends("ຂອບໃຈ")
    assert (wired.tally()["responses"], wired.tally()["complete"]) == (1, 1)
    assert wired.rows("SELECT count(*) FROM conversations") == [(1,)]


def test_a_repeat_of_an_earlier_hop_gets_its_own_reply(wired: Gateway, phone: Hopper) -> None:
    first = phone.dial()
    began, shown = dict(first.last), first.screen
    phone.press("1", "0103")
    wire.brings(wired, "ussd", began)
    assert wire.brings(wired, "ussd", began) == (200, shown)
    phone.press("5").sees("ບັດປະຈຳຕົວ")


def test_without_ids_the_same_key_at_once_is_a_repeat(wired: Gateway, phone: Hopper) -> None:
    for text in ("", "1", "0103", "2"):
        phone.hop(text, begins=not text, provider_id="")
        screen = phone.screen
        assert phone.repeat().screen == screen
    phone.sees("ບັດປະຈຳຕົວ")
    assert wired.rows("SELECT count(*) FROM conversations") == [(1,)]


def test_without_ids_the_same_key_later_is_another_answer(wired: Gateway, phone: Hopper) -> None:
    phone.dial(provider_id="", ago=60).press("1", provider_id="", ago=50)
    phone.press("0103", provider_id="", ago=40).press("2", provider_id="", ago=30)
    phone.press("1", provider_id="", ago=20).sees("ເວລາລໍຖ້າ")
    phone.press("1", provider_id="", ago=10).sees("(ກີບ)")


def test_without_ids_the_last_screen_can_be_repeated(wired: Gateway, phone: Hopper) -> None:
    phone.dial("1*0103*5*1*1", provider_id="", ago=9).press("3", provider_id="").ends("ຂອບໃຈ")
    phone.repeat().ends("ຂອບໃຈ")
    assert wired.tally()["responses"] == 1


def test_without_ids_a_network_that_repeats_later_can_say_so(gateway: Gateway) -> None:
    wired = wire.on(gateway, Wire(wire.config(ussd_repeat_seconds=8)))
    phone = Hopper(wired)
    phone.dial(provider_id="", ago=60).press("1", provider_id="", ago=7).sees("ປ້ອນລະຫັດສູນ")
    shown = phone.screen
    assert phone.repeat(ago=0).screen == shown
    assert wired.rows("SELECT path_length FROM conversations") == [(1,)]


def test_an_id_that_comes_with_another_key_is_refused_and_told(
    wired: Gateway, phone: Hopper
) -> None:
    phone.dial().press("1", "0103").press("1", provider_id="u-2").sees("ບັດປະຈຳຕົວ")
    shown = phone.screen
    assert wire.brings(wired, "ussd", phone.last | {"text": "2"})[0] == 409
    assert phone.repeat().screen == shown
    assert wired.rows("SELECT value FROM answers WHERE question = 'score'") == [("1",)]
    alarms = wired.rows("SELECT kind, subject, times FROM alarms")
    assert alarms == [("contradiction", "wire", 1)]


def test_an_id_of_before_its_input_was_compared_is_known(wired: Gateway, phone: Hopper) -> None:
    shown = phone.dial().press("1", provider_id="u-2").screen
    with wired.office.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE turns SET body_hash = NULL")
    assert phone.repeat(text="2").screen == shown


def test_eight_at_once_advance_once(wired: Gateway, phone: Hopper) -> None:
    phone.dial().press("1", "0103")
    said = phone.last | {"text": "5", "provider_id": "the-same"}
    answers: list[tuple[int, str]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(wire.brings(wired, "ussd", said)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert wired.tally()["responses"] == 1


# --- out of order -----------------------------------------------------------------------------


def test_an_answer_that_was_overtaken_is_not_played(wired: Gateway, phone: Hopper) -> None:
    phone.dial(ago=30).press("1", ago=20).press("0103", ago=10).sees("5=ດີຫຼາຍ")
    shown = phone.screen
    # Sent before the center's code and delivered after it: it would be taken for a score.
    phone.press("4", ago=15)
    assert phone.screen == shown
    assert wired.rows("SELECT question FROM answers") == [("odsc",)]
    phone.press("5").sees("ບັດປະຈຳຕົວ")


def test_a_beginning_that_was_overtaken_changes_nothing(wired: Gateway, phone: Hopper) -> None:
    phone.press("1", ago=20).sees(HOME)
    phone.press("1", ago=10).sees("ປ້ອນລະຫັດສູນ")
    shown = phone.screen
    phone.dial(ago=30)
    assert phone.screen == shown
    phone.press("0103").sees("5=ດີຫຼາຍ")
    assert wired.rows("SELECT count(*) FROM conversations") == [(1,)]


def test_forged_sequences_reach_nothing_that_the_flow_does_not_allow(wired: Gateway) -> None:
    chance = random.Random(15)
    for _ in range(400):
        said = {
            "kind": "ussd",
            "sender": chance.choice((NUMBER, OTHER)),
            "session": chance.choice("567"),
            "text": chance.choice(("", "1", "0103", "5", "9", "0", "00", "1*0103*5", "x*#", "ຊ້າ")),
            "begins": chance.random() < 0.3,
            "provider_id": chance.choice(("", f"id-{chance.randrange(200)}")),
            "ago": chance.choice((0, 0, 0, 2, 40)),
        }
        status, body = wire.brings(wired, "ussd", said)
        assert (status, body[:4]) in ((200, "CON "), (200, "END ")) or status == 409
    wired.work()
    opened = wired.rows("SELECT count(*) FROM conversations WHERE status = 'open'")
    assert opened in ([(0,)], [(1,)], [(2,)])
    scores = wired.rows("SELECT DISTINCT value FROM answers WHERE question = 'score'")
    assert {value for (value,) in scores} <= {"1", "5"}


# --- STOP -------------------------------------------------------------------------------------


def stopped(gateway: Gateway) -> bool:
    return (True,) in gateway.rows("SELECT stopped_at IS NOT NULL FROM contacts")


def test_stop_ends_the_session_and_leaves_the_answers(wired: Gateway, phone: Hopper) -> None:
    rated(phone).press("STOP").ends("START")
    assert stopped(wired)
    assert phone.repeat().screen.startswith("END ")
    assert wired.tally()["partial"] == 1
    phone.dial().sees(GOES_ON)


@pytest.mark.parametrize("begins", [True, False])
def test_stop_needs_no_session(wired: Gateway, phone: Hopper, begins: bool) -> None:
    phone.hop("ຢຸດ", begins=begins).ends("START")
    assert stopped(wired)
