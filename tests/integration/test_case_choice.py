"""Which cases a run is about: those of a split, a sample, never those that wait for review."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.runs import case_scores, cases, estimate, execution


def split_suite(engine: sa.Engine) -> datasets.DatasetVersion:
    """Ten cases: the even ones in test, three of the others in train, the rest in none."""
    names = {1: "train", 3: "train", 5: "train"}
    cases = [
        Case(
            input=f"question {n}",
            answer=f"answer {n}" if n < 5 else None,
            contexts=None,
            reference="answer",
            metadata={"split": "test" if n % 2 == 0 else names.get(n, "")},
        )
        for n in range(1, 11)
    ]
    return datasets.add_cases(engine, actor="ada", name="parted", cases=cases, source="test")


def test_run_scores_cases_of_its_split(engine: sa.Engine) -> None:
    split_suite(engine)
    id = runs.launch(engine, actor="ada", dataset="parted", split="test", minimums={"reference_overlap": 0.1})
    run = execution.run(engine, id)
    with reading(engine) as connection:
        scored = [case.case_no for case in case_scores.fetch_page(connection, id).cases]
    assert scored == [2, 4, 6, 8, 10]
    assert run.results is not None and (run.results["split"], run.results["cases"]) == ("test", 5)


def test_sample_of_a_split_is_a_subset(engine: sa.Engine) -> None:
    suite = split_suite(engine)
    with reading(engine) as connection:
        two = cases.select_cases(connection, suite, "test", 2)
        four = cases.select_cases(connection, suite, "test", 4)
    assert len(two) == 2 and set(two) < set(four) < {2, 4, 6, 8, 10}


def test_unknown_split_error_lists_splits(engine: sa.Engine) -> None:
    split_suite(engine)
    with pytest.raises(
        BadInput, match=r"no case in the split 'tset'; its splits are test \(5 cases\), train \(3 cases\)"
    ):
        runs.launch(engine, actor="ada", dataset="parted", split="tset")


def test_coverage_of_a_split(engine: sa.Engine) -> None:
    split_suite(engine)
    with reading(engine) as connection:
        coverage = estimate.measure_coverage(connection, "parted", 1, "test")
    assert (coverage.cases, coverage.count_lacking(("answer",))) == (5, 3)


def drafts(engine: sa.Engine, reviews: list[str]) -> datasets.DatasetVersion:
    """A case for each state of review; '' needs none."""
    cases = [
        Case(input=f"question {n}", answer="yes", metadata={"review": review} if review else {})
        for n, review in enumerate(reviews, start=1)
    ]
    return datasets.add_cases(engine, actor="ada", name="drafts", cases=cases, source="test")


def test_cases_waiting_for_review_are_excluded(engine: sa.Engine) -> None:
    drafts(engine, ["pending", "accepted", "", "pending"])
    id = runs.launch(engine, actor="ada", dataset="drafts", minimums={"question_overlap": 0.1})
    run = execution.run(engine, id)
    with reading(engine) as connection:
        assert [case.case_no for case in case_scores.fetch_page(connection, id).cases] == [2, 3]
        assert estimate.measure_coverage(connection, "drafts", 1).cases == 2
    assert run.results is not None and (run.results["cases"], run.results["cases_total"]) == (2, 4)


def test_run_on_drafts_only_is_rejected(engine: sa.Engine) -> None:
    drafts(engine, ["pending", "pending"])
    with pytest.raises(BadInput, match="All 2 cases of drafts v1 wait for review; accept some first"):
        runs.launch(engine, actor="ada", dataset="drafts")
