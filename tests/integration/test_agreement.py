"""Judges against people: over a run, over a dataset, over production traffic."""

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
from tests.integration.labelled import DATASET, METRIC, create_finished_run, import_dataset, import_labels
from tests.integration.sampled import APPLICATION, DAY, ingest_and_sample, traces

# The judge scores every fourth case low; people find those bad, and two more.
VALUES = {n: 0.2 if n % 4 == 0 else 0.9 + n / 1_000 for n in range(1, 61)}
SAID = {n: "bad" if n % 4 == 0 or n in (1, 2) else "good" for n in range(1, 41)}


def test_agreement_of_a_run_beside_its_own_mean(engine: sa.Engine) -> None:
    import_dataset(engine, 60)
    import_labels(engine, SAID)
    with reading(engine) as connection:
        (one,) = judged.read_run_agreement(connection, create_finished_run(engine, VALUES, minimum=0.6))
    assert (one.judge, one.metric, one.label, one.why) == ("offline", METRIC, "groundedness", "default")
    assert (one.labelled, one.judged, one.cut, one.problem) == (40, 60, 0.6, "")
    # Judge good 30, people good 28, both 28: chance is (30 * 28 + 10 * 12) / 1600.
    assert one.kappa is not None
    assert one.kappa.kappa == pytest.approx((38 / 40 - 0.6) / 0.4)
    # Bad ones: ten below all 28 good ones; 0.901 and 0.902 below all of them too, but not above any.
    assert one.auroc is not None
    assert one.auroc.value == pytest.approx(1.0)
    assert one.raw is not None
    assert one.raw.mean == pytest.approx(sum(VALUES.values()) / 60)
    assert one.corrected.mean is not None
    # People find 70 % good where the judge's mean is 0.74.
    assert one.corrected.mean == pytest.approx(0.7, abs=0.02)
    assert one.corrected.bias == pytest.approx(sum(VALUES[n] for n in SAID) / 40 - 0.7)


def test_without_labels_there_is_nothing_to_compare(engine: sa.Engine) -> None:
    import_dataset(engine, 30)
    identifier = create_finished_run(engine, dict.fromkeys(range(1, 31), 0.5))
    with reading(engine) as connection:
        assert judged.read_run_agreement(connection, identifier) == []
        with pytest.raises(BadInput, match="there are labels of none yet"):
            judged.read_run_agreement(connection, identifier, chosen={METRIC: "groundedness"})


def test_few_labels_are_said_to_be_few(engine: sa.Engine) -> None:
    import_dataset(engine, 30)
    import_labels(engine, {1: "good", 2: "bad"})
    with reading(engine) as connection:
        (one,) = judged.read_run_agreement(
            connection, create_finished_run(engine, dict.fromkeys(range(1, 31), 0.5))
        )
    assert one.problem == "insufficient data: 2 of at least 20 labelled cases"
    assert (one.spearman, one.corrected.mean) == (None, None)


def test_another_label_or_cut_may_be_chosen(engine: sa.Engine) -> None:
    import_dataset(engine, 60)
    import_labels(engine, SAID, metric="helpfulness")
    identifier = create_finished_run(engine, VALUES)
    with reading(engine) as connection:
        assert judged.read_run_agreement(connection, identifier) == []
        (one,) = judged.read_run_agreement(
            connection, identifier, chosen={METRIC: "helpfulness"}, cuts={METRIC: 0.95}
        )
        assert judged.read_run_agreement(connection, identifier, chosen={METRIC: ""}) == []
    assert (one.label, one.why, one.cut) == ("helpfulness", "chosen", 0.95)


def test_a_dataset_takes_the_newest_run_of_each_judge(engine: sa.Engine) -> None:
    version = import_dataset(engine, 60)
    import_labels(engine, SAID)
    create_finished_run(engine, dict.fromkeys(VALUES, 0.1))
    create_finished_run(engine, VALUES)
    with reading(engine) as connection:
        (one,) = judged.read_dataset_agreement(connection, DATASET, version.version)
    assert one.raw is not None
    assert one.raw.mean == pytest.approx(sum(VALUES.values()) / 60)


def test_generated_answers_are_what_was_judged(engine: sa.Engine) -> None:
    import_dataset(engine, 3)
    identifier = create_finished_run(engine, {1: 0.5, 2: 0.6, 3: 0.7})
    answer = {"problem": "", "answered_at": now(), "repetition": 1, "evaluation_id": identifier}
    with writing(engine) as connection:
        connection.execute(sa.insert(generated_answer).values(case_no=2, answer="Two.", **answer))
    import_labels(engine, {1: "good", 2: "good"})
    with reading(engine) as connection:
        (one,) = judged.read_run_agreement(connection, identifier)
        assert [pair.case for pair in one.pairs] == ["1"]
    labels.label_case(
        engine, actor="g", dataset=DATASET, input="What is 2?", answer="Two.", metric="groundedness", value=0
    )
    with reading(engine) as connection:
        (one,) = judged.read_run_agreement(connection, identifier)
    assert {pair.case: pair.human for pair in one.pairs} == {"1": 1.0, "2": 0.0}


def test_what_to_label_next(engine: sa.Engine) -> None:
    import_dataset(engine, 40)
    identifier = create_finished_run(engine, {n: n / 40 for n in range(1, 41)}, minimum=0.5)

    def upcoming(order: str, labeller: str = "grace") -> list[int]:
        with reading(engine) as connection:
            found = judged.next_to_label(
                connection, identifier, label="groundedness", labeller=labeller, order=order, metric=METRIC
            )
        return [one.case_no for one in found]

    assert upcoming("nearest")[0] == 20
    first = upcoming("random")
    assert len(first) == 20
    assert first != sorted(first)
    assert upcoming("random", "ben") == first
    near = {"dataset": DATASET, "input": "What is 20?", "answer": "It is 20.", "metric": "groundedness"}
    labels.label_case(engine, actor="grace", value=1.0, source=labels.NEAREST, **near)  # type: ignore[arg-type]
    assert 20 not in upcoming("nearest")
    assert upcoming("random") == first, "it comes again in its turn"
    import_labels(engine, {first[0]: "good"})
    assert upcoming("random")[0] == first[1]
    with pytest.raises(BadInput, match="no order"), reading(engine) as connection:
        judged.next_to_label(connection, identifier, label="x", labeller="g", order="best")


def reviewed(engine: sa.Engine, count: int, *, rate: float = 1.0) -> list[str]:
    """Requests that a judge scored, of which every other one is good; all but the last ten were reviewed by one."""
    requests = traces(count, users=1)
    ingest_and_sample(engine, requests, rate=rate)
    with writing(engine) as connection:
        scores = [
            Score(
                application=APPLICATION,
                trace_id=one.trace_id,
                metric="faithfulness",
                judge="model",
                value=0.95 if at % 2 else 0.6,
                start_ns=one.start_ns,
                rate_ppm=1_000_000,
            )
            for at, one in enumerate(requests)
        ]
        record_scores(connection, scores)
    for at, one in enumerate(requests[: count - 10]):
        reviews.submit(
            engine,
            actor="anna",
            application=APPLICATION,
            trace_id=one.trace_id,
            ratings={"groundedness": "good" if at % 2 else "bad"},
            reviewers=1,
        )
    return [one.trace_id for one in requests]


def test_production_scores_against_reviews(engine: sa.Engine) -> None:
    reviewed(engine, 40)
    with reading(engine) as connection:
        (one,) = read_production_agreement(connection, DAY)
        assert read_production_agreement(connection, DAY, chosen={"faithfulness": ""}) == []
    assert (one.judge, one.metric, one.label) == ("model", "faithfulness", "groundedness")
    assert (one.labelled, one.judged) == (30, 40)
    assert one.auroc is not None
    assert one.auroc.value == 1.0
    assert one.raw is not None
    assert one.raw.mean == pytest.approx(0.775)
    assert one.corrected.mean == pytest.approx(0.5)
    assert one.corrected.low is not None
    assert one.corrected.low < 0.5
    assert "weighted by inclusion probability" in one.corrected.method


def test_no_estimate_for_traffic_that_nobody_reviewed(engine: sa.Engine) -> None:
    reviewed(engine, 20)
    with reading(engine) as connection:
        (one,) = read_production_agreement(connection, DAY)
    assert one.corrected.mean is None
    assert one.corrected.problem.startswith("insufficient data: 10 of at least 20")
