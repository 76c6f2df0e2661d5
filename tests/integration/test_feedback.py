"""Feedback: one entry per user and trace, converted into a score, in any order of arrival."""

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
from tests.integration.request_rows import ALL_DAY, add_request, consider_all
from tests.integration.traffic import DAY

TRACE = f"{1:032x}"


def read_mean(engine: sa.Engine) -> tuple[float | None, int, int]:
    with reading(engine) as connection:
        (quality,) = read_quality(connection, ALL_DAY)
    return quality.mean, quality.scored, quality.undefined


@pytest.fixture
def request_engine(engine: sa.Engine) -> sa.Engine:
    with writing(engine) as connection:
        add_request(connection, 1, user_id="")
    consider_all(engine)
    return engine


def test_new_feedback_replaces_the_old_of_a_user(request_engine: sa.Engine) -> None:
    engine = request_engine
    feedback.record_feedback(engine, trace_id=TRACE, user_id="anna", thumb="down", comment="wrong")
    assert read_mean(engine) == (0.0, 1, 0)
    feedback.record_feedback(engine, trace_id=TRACE, user_id="anna", thumb="up")
    assert read_mean(engine) == (1.0, 1, 0)
    feedback.record_feedback(engine, trace_id=TRACE, user_id="ben", rating=3)
    assert read_mean(engine) == (0.75, 1, 0)  # the mean of 1 and 0.5, one score a request
    with reading(engine) as connection:
        entries = feedback.list_feedback(connection, TRACE)
    assert [(entry.user_id, entry.value, entry.comment) for entry in entries] == [
        ("anna", 1.0, ""),
        ("ben", 0.5, ""),
    ]


def test_identical_feedback_changes_nothing(request_engine: sa.Engine) -> None:
    engine = request_engine
    for _ in range(3):
        feedback.record_feedback(engine, trace_id=TRACE.upper(), user_id="anna", thumb="up", comment="good")
    assert read_mean(engine) == (1.0, 1, 0)
    with reading(engine) as connection:
        (row,) = connection.execute(sa.select(feedback_table)).all()
    feedback.record_feedback(engine, trace_id=TRACE, user_id="anna", thumb="up", comment="good")
    with reading(engine) as connection:
        assert connection.execute(sa.select(feedback_table)).one() == row


def test_rating_on_another_scale_gives_no_score(request_engine: sa.Engine) -> None:
    feedback.record_feedback(request_engine, trace_id=TRACE, user_id="anna", rating=87)
    assert read_mean(request_engine) == (None, 0, 1)
    feedback.record_feedback(request_engine, trace_id=TRACE, user_id="anna", rating=5)
    assert read_mean(request_engine) == (1.0, 1, 0)


def test_concurrent_feedback_of_users_all_counts(request_engine: sa.Engine) -> None:
    engine = request_engine
    ready = threading.Barrier(6)

    def send_feedback(number: int) -> None:
        ready.wait()
        feedback.record_feedback(
            engine, trace_id=TRACE, user_id=f"u{number}", thumb="up" if number % 2 else "down"
        )

    threads = [threading.Thread(target=send_feedback, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_mean(engine) == (0.5, 1, 0)


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
def test_value_of_ratings_and_thumbs(
    rating: float | None, thumb: str | None, value: float | None, is_negative: bool
) -> None:
    entry = Feedback(
        user_id="u", rating=rating, thumb=thumb, comment="", received_at=DAY + dt.timedelta(hours=1)
    )
    assert (entry.value, entry.is_negative) == (value, is_negative)
