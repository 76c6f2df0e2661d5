"""Judge-human agreement: over a run, over a dataset, over production traffic."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from db.tables.evaluations import generated_answer
from db.transaction import reading, writing
from genaiops_core.clock import now
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.human import judged, labels, reviews
from genaiops_core.evaluation.human.production_agreement import read_production_agreement
from genaiops_core.telemetry.scores import Score, record_scores
from tests.integration.labelled import (
    DATASET,
    LABELS,
    METRIC,
    SCORES,
    create_finished_run,
    import_dataset,
    import_labels,
)
from tests.integration.sampled import APPLICATION, DAY, ingest_and_sample, traces


def test_agreement_of_a_run_beside_its_own_mean(engine: sa.Engine) -> None:
    import_dataset(engine, 60)
    import_labels(engine, LABELS)
    with reading(engine) as connection:
        (agreement,) = judged.read_run_agreement(connection, create_finished_run(engine, SCORES, minimum=0.6))
    assert (agreement.judge, agreement.metric, agreement.label, agreement.why) == (
        "offline",
        METRIC,
        "groundedness",
        "default",
    )
    assert (agreement.labelled, agreement.judged, agreement.cut, agreement.problem) == (40, 60, 0.6, "")
    # Judge good 30, people good 28, both 28: chance is (30 * 28 + 10 * 12) / 1600.
    assert agreement.kappa is not None
    assert agreement.kappa.kappa == pytest.approx((38 / 40 - 0.6) / 0.4)
    # Bad ones: ten below all 28 good ones; 0.901 and 0.902 below all of them too, but not above any.
    assert agreement.auroc is not None
    assert agreement.auroc.value == pytest.approx(1.0)
    assert agreement.raw is not None
    assert agreement.raw.mean == pytest.approx(sum(SCORES.values()) / 60)
    assert agreement.corrected.mean is not None
    # People find 70 % good where the judge's mean is 0.74.
    assert agreement.corrected.mean == pytest.approx(0.7, abs=0.02)
    assert agreement.corrected.bias == pytest.approx(sum(SCORES[n] for n in LABELS) / 40 - 0.7)


def test_without_labels_there_is_nothing_to_compare(engine: sa.Engine) -> None:
    import_dataset(engine, 30)
    identifier = create_finished_run(engine, dict.fromkeys(range(1, 31), 0.5))
    with reading(engine) as connection:
        assert judged.read_run_agreement(connection, identifier) == []
        with pytest.raises(BadInput, match="the labels are: none"):
            judged.read_run_agreement(connection, identifier, chosen={METRIC: "groundedness"})


def test_few_labels_are_insufficient_data(engine: sa.Engine) -> None:
    import_dataset(engine, 30)
    import_labels(engine, {1: "good", 2: "bad"})
    with reading(engine) as connection:
        (agreement,) = judged.read_run_agreement(
            connection, create_finished_run(engine, dict.fromkeys(range(1, 31), 0.5))
        )
    assert agreement.problem == "insufficient data: 2 of at least 20 labelled cases"
    assert (agreement.spearman, agreement.corrected.mean) == (None, None)


def test_another_label_or_cut_may_be_chosen(engine: sa.Engine) -> None:
    import_dataset(engine, 60)
    import_labels(engine, LABELS, metric="helpfulness")
    identifier = create_finished_run(engine, SCORES)
    with reading(engine) as connection:
        assert judged.read_run_agreement(connection, identifier) == []
        (agreement,) = judged.read_run_agreement(
            connection, identifier, chosen={METRIC: "helpfulness"}, cuts={METRIC: 0.95}
        )
        assert judged.read_run_agreement(connection, identifier, chosen={METRIC: ""}) == []
    assert (agreement.label, agreement.why, agreement.cut) == ("helpfulness", "chosen", 0.95)


def test_a_dataset_takes_the_newest_run_of_each_judge(engine: sa.Engine) -> None:
    version = import_dataset(engine, 60)
    import_labels(engine, LABELS)
    create_finished_run(engine, dict.fromkeys(SCORES, 0.1))
    create_finished_run(engine, SCORES)
    with reading(engine) as connection:
        (agreement,) = judged.read_dataset_agreement(connection, DATASET, version.version)
    assert agreement.raw is not None
    assert agreement.raw.mean == pytest.approx(sum(SCORES.values()) / 60)


def test_agreement_uses_generated_answers(engine: sa.Engine) -> None:
    import_dataset(engine, 3)
    identifier = create_finished_run(engine, {1: 0.5, 2: 0.6, 3: 0.7})
    answer = {"problem": "", "answered_at": now(), "repetition": 1, "evaluation_id": identifier}
    with writing(engine) as connection:
        connection.execute(sa.insert(generated_answer).values(case_no=2, answer="Two.", **answer))
    import_labels(engine, {1: "good", 2: "good"})
    with reading(engine) as connection:
        (agreement,) = judged.read_run_agreement(connection, identifier)
        assert [pair.case for pair in agreement.pairs] == ["1"]
    labels.label_case(
        engine, actor="g", dataset=DATASET, input="What is 2?", answer="Two.", metric="groundedness", value=0
    )
    with reading(engine) as connection:
        (agreement,) = judged.read_run_agreement(connection, identifier)
    assert {pair.case: pair.human for pair in agreement.pairs} == {"1": 1.0, "2": 0.0}


def test_what_to_label_next(engine: sa.Engine) -> None:
    import_dataset(engine, 40)
    identifier = create_finished_run(engine, {n: n / 40 for n in range(1, 41)}, minimum=0.5)

    def upcoming(order: str, labeller: str = "grace") -> list[int]:
        with reading(engine) as connection:
            cases = judged.next_to_label(
                connection, identifier, label="groundedness", labeller=labeller, order=order, metric=METRIC
            )
        return [case.case_no for case in cases]

    assert upcoming("nearest")[0] == 20
    first = upcoming("random")
    assert len(first) == 20
    assert first != sorted(first)
    assert upcoming("random", "ben") == first
    near = {"dataset": DATASET, "input": "What is 20?", "answer": "It is 20.", "metric": "groundedness"}
    labels.label_case(engine, actor="grace", value=1.0, source=labels.NEAREST, **near)  # type: ignore[arg-type]
    assert 20 not in upcoming("nearest")
    assert upcoming("random") == first, "a nearest-first label does not remove the case from the random order"
    import_labels(engine, {first[0]: "good"})
    assert upcoming("random")[0] == first[1]
    with pytest.raises(BadInput, match="no order"), reading(engine) as connection:
        judged.next_to_label(connection, identifier, label="x", labeller="g", order="best")


def ingest_reviewed_requests(engine: sa.Engine, count: int, *, rate: float = 1.0) -> list[str]:
    """Requests that a judge scored, of which every other one is good; all but the last ten have one review."""
    requests = traces(count, users=1)
    ingest_and_sample(engine, requests, rate=rate)
    with writing(engine) as connection:
        scores = [
            Score(
                application=APPLICATION,
                trace_id=request.trace_id,
                metric="faithfulness",
                judge="model",
                value=0.95 if at % 2 else 0.6,
                start_ns=request.start_ns,
                rate_ppm=1_000_000,
            )
            for at, request in enumerate(requests)
        ]
        record_scores(connection, scores)
    for at, request in enumerate(requests[: count - 10]):
        reviews.submit(
            engine,
            actor="anna",
            application=APPLICATION,
            trace_id=request.trace_id,
            ratings={"groundedness": "good" if at % 2 else "bad"},
            reviewers=1,
        )
    return [request.trace_id for request in requests]


def test_production_scores_against_reviews(engine: sa.Engine) -> None:
    ingest_reviewed_requests(engine, 40)
    with reading(engine) as connection:
        (agreement,) = read_production_agreement(connection, DAY)
        assert read_production_agreement(connection, DAY, chosen={"faithfulness": ""}) == []
    assert (agreement.judge, agreement.metric, agreement.label) == ("model", "faithfulness", "groundedness")
    assert (agreement.labelled, agreement.judged) == (30, 40)
    assert agreement.auroc is not None
    assert agreement.auroc.value == 1.0
    assert agreement.raw is not None
    assert agreement.raw.mean == pytest.approx(0.775)
    assert agreement.corrected.mean == pytest.approx(0.5)
    assert agreement.corrected.low is not None
    assert agreement.corrected.low < 0.5
    assert "weighted by inclusion probability" in agreement.corrected.method


def test_no_estimate_for_traffic_that_nobody_reviewed(engine: sa.Engine) -> None:
    ingest_reviewed_requests(engine, 20)
    with reading(engine) as connection:
        (agreement,) = read_production_agreement(connection, DAY)
    assert agreement.corrected.mean is None
    assert agreement.corrected.problem.startswith("insufficient data: 10 of at least 20")
