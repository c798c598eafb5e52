"""Questions that config/insight.yaml declares: counted, changed and recounted as the core ones."""

from __future__ import annotations

from sqlalchemy import Engine
from structlog.testing import capture_logs

from app.feedback.responses import drain
from app.insight import recount
from tests.talks import DAY, EXTRA, NOW, go_on, say, stored, tallied, turn_later


def test_a_declared_question_is_tallied_and_follows_what_is_changed(engine: Engine) -> None:
    talk = say(engine, odsc="0103", score="4", again="yes", sufs_access="2", free="ສະບາຍດີ")
    drain(engine, NOW, go_on, extra=EXTRA)
    start, status = (DAY, "0103", ""), ("status", "partial", "")
    said = [status, ("score", "4", ""), ("again", "yes", ""), ("sufs_access", "2", "")]
    assert tallied(engine) == {(*start, *one): 1 for one in said}
    assert [one[-1] for one in stored(engine)] == [{"again": "yes", "sufs_access": "2"}]
    turn_later(engine, talk, score="5", again=None, sufs_access="4", sex="F")
    drain(engine, NOW, go_on, extra=EXTRA)
    said = [("status", "partial", "F"), ("score", "5", "F"), ("sufs_access", "4", "F")]
    assert tallied(engine) == {(*start, *one): 1 for one in said}
    with engine.connect() as tx:
        assert recount.check(tx) is None


def test_a_question_that_is_no_longer_declared_leaves_the_tallies(engine: Engine) -> None:
    talk = say(engine, odsc="0103", score="4", again="yes")
    drain(engine, NOW, go_on, extra=EXTRA)
    turn_later(engine, talk, score="3")
    drain(engine, NOW, go_on)
    assert {key[3] for key in tallied(engine)} == {"status", "score"}
    with engine.connect() as tx:
        assert recount.check(tx) is None


def test_an_answer_that_is_not_declared_is_left_out_and_named(engine: Engine) -> None:
    say(engine, odsc="0103", score="4", again="perhaps", sufs_access="6")
    with capture_logs() as logs:
        drain(engine, NOW, go_on, extra=EXTRA)
    named = [one["question"] for one in logs if one["event"] == "answer_left_out"]
    assert named == ["again", "sufs_access"]
    assert [one[-1] for one in stored(engine)] == [{}]
