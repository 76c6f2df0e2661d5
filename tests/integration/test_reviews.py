"""Two people read an answer without seeing what the other says; then it counts."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.human import review_agreement, reviews
from genaiops_core.telemetry.sampling import feedback
from genaiops_core.telemetry.sampling.samples import get_sample
from genaiops_core.telemetry.traffic.quality import read_quality
from tests.integration.sampled import APPLICATION, DAY, ingest_and_sample, traces


@pytest.fixture
def ids(engine: sa.Engine) -> list[str]:
    requests = traces(5, users=1)
    ingest_and_sample(engine, requests)
    feedback.record_feedback(engine, trace_id=requests[3].trace_id, thumb="down")
    return [request.trace_id for request in requests]


def queue(engine: sa.Engine, reviewer: str) -> list[str]:
    with reading(engine) as connection:
        items = reviews.queue(connection, reviewer=reviewer)
        assert reviews.open_count(connection, reviewer=reviewer) == len(items)
    return [item.trace_id for item in items]


def submit(engine: sa.Engine, actor: str, trace_id: str, **ratings: float | str) -> reviews.ReviewPage:
    return reviews.submit(
        engine,
        actor=actor,
        application=APPLICATION,
        trace_id=trace_id,
        ratings=ratings,
        comment=f"by {actor}",
    )


def page(engine: sa.Engine, reviewer: str, trace_id: str) -> reviews.ReviewPage:
    with reading(engine) as connection:
        review_page = reviews.read(connection, reviewer=reviewer, application=APPLICATION, trace_id=trace_id)
    assert review_page is not None
    return review_page


def test_the_queue_goes_by_priority(engine: sa.Engine, ids: list[str]) -> None:
    # Disliked, then the user's first, then by chance: the newest first.
    assert queue(engine, "anna") == [ids[3], ids[0], ids[4], ids[2], ids[1]]
    submit(engine, "ben", ids[1], helpfulness="good")
    # What lacks only one more comes first among its equals.
    assert queue(engine, "anna") == [ids[3], ids[0], ids[1], ids[4], ids[2]]
    assert queue(engine, "ben") == [ids[3], ids[0], ids[4], ids[2]]


def test_nobody_sees_the_other_before_both_are_done(engine: sa.Engine, ids: list[str]) -> None:
    first = submit(engine, "anna", ids[0], answer_quality="good", helpfulness=0.5)
    assert (first.is_done, first.others) == (False, ())
    unread = page(engine, "ben", ids[0])
    assert (unread.others, unread.mine, unread.item.reviews) == ((), None, 1)
    assert unread.question
    assert unread.answer
    assert unread.contexts
    with reading(engine) as connection:
        assert [quality for quality in read_quality(connection, DAY) if quality.judge == "human"] == []
        assert review_agreement.read_disagreements(connection) == []
    submit(engine, "anna", ids[0], answer_quality="partly", helpfulness=0.5)  # thought again
    both = submit(engine, "ben", ids[0], answer_quality="bad", helpfulness=0.5)
    assert both.is_done
    assert [(review.reviewer, review.comment) for review in both.others] == [("anna", "by anna")]
    assert ids[0] not in queue(engine, "anna") + queue(engine, "ben") + queue(engine, "carl")
    for actor in ("anna", "carl"):
        with pytest.raises(Conflict, match="anna and ben"):
            submit(engine, actor, ids[0], answer_quality="good")
    with reading(engine) as connection:
        human = {
            quality.metric: quality for quality in read_quality(connection, DAY) if quality.judge == "human"
        }
        assert (human["answer_quality"].scored, human["helpfulness"].scored) == (1, 1)
        (disagreement,) = review_agreement.read_disagreements(connection)
        assert (disagreement.metric, disagreement.first_value, disagreement.second_value) == (
            "answer_quality",
            0.5,
            0.0,
        )
        assert disagreement.comments == ("by anna", "by ben")


def test_one_reviewer_is_enough_where_it_is_set_so(engine: sa.Engine, ids: list[str]) -> None:
    done = reviews.submit(
        engine,
        actor="anna",
        application=APPLICATION,
        trace_id=ids[0],
        ratings={"groundedness": 1},
        reviewers=1,
    )
    assert done.is_done
    with reading(engine) as connection:
        assert [quality.metric for quality in read_quality(connection, DAY) if quality.judge == "human"] == [
            "groundedness"
        ]


def test_skipping_leaves_it_to_others(engine: sa.Engine, ids: list[str]) -> None:
    reviews.skip(engine, actor="anna", application=APPLICATION, trace_id=ids[0])
    assert ids[0] not in queue(engine, "anna")
    assert ids[0] in queue(engine, "ben")
    reviews.undo_skip(engine, actor="anna", application=APPLICATION, trace_id=ids[0])
    assert ids[0] in queue(engine, "anna")
    for actor in ("anna", "ben"):
        reviews.skip(engine, actor=actor, application=APPLICATION, trace_id=ids[0])
    assert ids[0] not in queue(engine, "carl")
    submit(engine, "anna", ids[1], helpfulness="good")
    with pytest.raises(Conflict, match="rate it again"):
        reviews.skip(engine, actor="anna", application=APPLICATION, trace_id=ids[1])


def test_agreement_over_all_that_two_have_rated(engine: sa.Engine, ids: list[str]) -> None:
    rating_pairs = [("good", "good"), ("good", "bad"), ("bad", "bad"), (0.9, 1.0)]
    for trace_id, (first, second) in zip(ids, rating_pairs, strict=False):
        submit(engine, "zoe", trace_id, helpfulness=first)
        submit(engine, "adam", trace_id, helpfulness=second)
    submit(engine, "zoe", ids[4], helpfulness="good")  # alone: does not count
    with reading(engine) as connection:
        (agreement,) = review_agreement.read_agreement(connection, APPLICATION)
    # 3 of 4 agree; chance is 3/4 * 2/4 + 1/4 * 2/4 = 0.5.
    assert (agreement.items, agreement.agreed, agreement.percent_agreement) == (4, 3, 75.0)
    assert agreement.kappa == pytest.approx(0.5)


def test_a_request_that_was_not_sampled_may_be_reviewed(engine: sa.Engine) -> None:
    requests = traces(2, users=1)
    ingest_and_sample(engine, requests, rate=0.0)
    other = requests[1].trace_id
    assert page(engine, "anna", other).item.reason == "chosen"
    submit(engine, "anna", other, helpfulness="good")
    with reading(engine) as connection:
        sample = get_sample(connection, APPLICATION, other)
    assert sample is not None
    assert (sample.reason, sample.rate) == ("chosen", None)
    with pytest.raises(NotFound):
        submit(engine, "anna", "f" * 32, helpfulness="good")


@pytest.mark.parametrize("ratings", [{}, {"helpfulness": 1.5}, {"helpfulness": "great"}, {"Bad Name": 1}])
def test_invalid_ratings_are_refused(
    engine: sa.Engine, ids: list[str], ratings: dict[str, float | str]
) -> None:
    with pytest.raises(BadInput):
        submit(engine, "anna", ids[0], **ratings)


def test_from_a_trace_to_a_test_case(engine: sa.Engine, ids: list[str]) -> None:
    def add(trace_id: str, reference: str | None = None) -> datasets.DatasetVersion:
        return reviews.add_trace(
            engine,
            actor="anna",
            application=APPLICATION,
            trace_id=trace_id,
            dataset="regressions",
            reference=reference,
        )

    assert [(add(ids[0]).version, add(ids[1]).version, add(ids[0]).version)] == [(1, 2, 2)]
    changed_version = add(ids[0], "30 days")
    assert (changed_version.version, changed_version.cases, changed_version.is_new) == (3, 2, True)
    assert not add(ids[0], "30 days").is_new
    with reading(engine) as connection:
        cases = [case for _, case in datasets.list_cases(connection, "regressions", 3)]
    assert [case.metadata["trace_id"] for case in cases] == ids[:2]
    assert cases[0].reference == "30 days"
    assert cases[0].metadata["application"] == APPLICATION
    assert cases[0].metadata["release"]
    assert cases[0].answer
    assert cases[0].contexts
    with pytest.raises(NotFound):
        add("f" * 32)
