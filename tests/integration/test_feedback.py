"""Feedback: one opinion a user and trace, as a score, in any order."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
import sqlalchemy as sa

from db.tables.telemetry import feedback as feedback_table
from db.transaction import reading, writing
from genaiops_core.telemetry.sampling import feedback
from genaiops_core.telemetry.sampling.feedback_scores import Feedback
from genaiops_core.telemetry.traffic.quality import read_quality
from tests.integration.test_sampling import ALL_DAY, add, consider_all
from tests.integration.traffic import DAY

TRACE = f"{1:032x}"


def mean(engine: sa.Engine) -> tuple[float | None, int, int]:
    with reading(engine) as connection:
        (found,) = read_quality(connection, ALL_DAY)
    return found.mean, found.scored, found.undefined


@pytest.fixture
def one_request(engine: sa.Engine) -> sa.Engine:
    with writing(engine) as connection:
        add(connection, 1, user_id="")
    consider_all(engine)
    return engine


def test_a_changed_opinion_replaces_the_one_before(one_request: sa.Engine) -> None:
    engine = one_request
    feedback.record_feedback(engine, trace_id=TRACE, user_id="anna", thumb="down", comment="wrong")
    assert mean(engine) == (0.0, 1, 0)
    feedback.record_feedback(engine, trace_id=TRACE, user_id="anna", thumb="up")
    assert mean(engine) == (1.0, 1, 0)
    feedback.record_feedback(engine, trace_id=TRACE, user_id="ben", rating=3)
    assert mean(engine) == (0.75, 1, 0)  # the mean of 1 and 0.5, one score a request
    with reading(engine) as connection:
        told = feedback.list_feedback(connection, TRACE)
    assert [(one.user_id, one.value, one.comment) for one in told] == [("anna", 1.0, ""), ("ben", 0.5, "")]


def test_the_same_again_changes_nothing(one_request: sa.Engine) -> None:
    engine = one_request
    for _ in range(3):
        feedback.record_feedback(engine, trace_id=TRACE.upper(), user_id="anna", thumb="up", comment="good")
    assert mean(engine) == (1.0, 1, 0)
    with reading(engine) as connection:
        (row,) = connection.execute(sa.select(feedback_table)).all()
    feedback.record_feedback(engine, trace_id=TRACE, user_id="anna", thumb="up", comment="good")
    with reading(engine) as connection:
        assert connection.execute(sa.select(feedback_table)).one() == row


def test_a_rating_on_another_scale_is_kept_but_no_score(one_request: sa.Engine) -> None:
    feedback.record_feedback(one_request, trace_id=TRACE, user_id="anna", rating=87)
    assert mean(one_request) == (None, 0, 1)
    feedback.record_feedback(one_request, trace_id=TRACE, user_id="anna", rating=5)
    assert mean(one_request) == (1.0, 1, 0)


def test_users_who_speak_at_once_all_count(one_request: sa.Engine) -> None:
    engine = one_request
    ready = threading.Barrier(6)

    def speak(number: int) -> None:
        ready.wait()
        feedback.record_feedback(engine, trace_id=TRACE, user_id=f"u{number}", thumb="up" if number % 2 else "down")

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mean(engine) == (0.5, 1, 0)


@pytest.mark.parametrize(
    ("rating", "thumb", "value", "is_negative"),
    [
        (1, None, 0.0, True),
        (2, None, 0.25, True),
        (2.5, None, 0.375, False),
        (5, None, 1.0, False),
        (0, None, None, False),
        (None, "down", 0.0, True),
        (1, "up", 1.0, False),
        (5, "down", 0.0, True),
    ],
)
def test_what_an_opinion_is_worth(
    rating: float | None, thumb: str | None, value: float | None, is_negative: bool
) -> None:
    one = Feedback(
        user_id="u", rating=rating, thumb=thumb, comment="", received_at=DAY + dt.timedelta(hours=1)
    )
    assert (one.value, one.is_negative) == (value, is_negative)
