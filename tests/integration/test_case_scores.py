"""The cases of a run by page, its figures so far, and its cases as a file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score, generated_answer, judge_call
from db.transaction import reading, writing
from genaiops_core.clock import now
from genaiops_core.errors import NotFound
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.runs import case_scores, estimate, results

CASES = [
    Case(input="=1+1", answer="two", contexts=("a",), reference="2", metadata={}),
    Case(input="b", answer="B", contexts=None, reference=None, metadata={}),
    Case(input="c", answer=None, contexts=(), reference="C", metadata={}),
    Case(input="d", answer="", contexts=("x", "y"), reference="D", metadata={}),
]


def score_run(engine: sa.Engine) -> str:
    """Four cases: m is 0.9, 0.2, undefined, failed; n is 0.5 for the first alone; the second was answered twice."""
    datasets.add_cases(engine, actor="ada", name="four", cases=CASES, source="test")
    id = runs.launch(engine, actor="ada", dataset="four")
    rows: list[dict[str, Any]] = [
        unit(1, "m", 0.9),
        unit(1, "n", 0.5),
        unit(2, "m", 0.8),
        unit(2, "m", 0.2, repetition=2),
        unit(3, "m", None, reason="the case has no answer"),
        unit(4, "m", None, reason="timed out", is_failed=True),
    ]
    with writing(engine) as connection:
        # No judge measures these; the worker of a test is not there to notice.
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(metrics=["m", "n"]))
        connection.execute(sa.insert(evaluation_score), [{"evaluation_id": id, **row} for row in rows])
    return id


def unit(case_no: int, metric: str, value: float | None, **more: Any) -> dict[str, Any]:
    return {
        "case_no": case_no,
        "repetition": 1,
        "metric": metric,
        "value": value,
        "reason": "",
        "is_failed": False,
        "cost_nano_usd": 10,
        "latency_ms": 1.0,
        **more,
    }


def numbers(page: case_scores.CasePage) -> list[int]:
    return [item.case_no for item in page.cases]


def test_cases_order_by_worst_repetition_unknown_last(engine: sa.Engine) -> None:
    id = score_run(engine)
    with reading(engine) as connection:
        worst = case_scores.fetch_page(connection, id, worst_by="m")
        high = case_scores.fetch_page(connection, id, worst_by="m", is_high_worst=True)
        second = case_scores.fetch_page(connection, id, worst_by="m", limit=2, offset=2)
    assert numbers(worst) == [2, 1, 3, 4]
    assert numbers(high) == [1, 2, 3, 4]
    assert (numbers(second), second.total) == ([3, 4], 4)
    assert worst.cases[0].mean("m") == 0.5


@pytest.mark.parametrize(("only", "expected"), [("failed", [4]), ("undefined", [3, 4]), (None, [1, 2, 3, 4])])
@pytest.mark.parametrize("worst_by", [None, "n"])
def test_cases_are_filtered(
    engine: sa.Engine, only: str | None, expected: list[int], worst_by: str | None
) -> None:
    id = score_run(engine)
    with reading(engine) as connection:
        page = case_scores.fetch_page(connection, id, only=only, worst_by=worst_by)
    assert (numbers(page), page.total) == (expected, len(expected))


def test_case_record_has_answers_and_explanations(engine: sa.Engine) -> None:
    id = score_run(engine)
    at = {"evaluation_id": id, "case_no": 2, "repetition": 1}
    call = {**at, "metric": "m", "latency_ms": 5.0, "called_at": now(), "input_tokens": 7, "output_tokens": 2}
    with writing(engine) as connection:
        connection.execute(
            sa.insert(generated_answer).values(
                **at, answer="fresh", contexts=["z"], problem="", answered_at=now()
            )
        )
        connection.execute(
            sa.insert(judge_call),
            [
                {**call, "call_sha256": "1", "reply": {"text": "because"}, "cost_nano_usd": 100},
                {**call, "call_sha256": "2", "reply": {"vector": [1.0]}, "cost_nano_usd": None},
            ],
        )
    with reading(engine) as connection:
        record = case_scores.fetch_case(connection, id, 2)
        spent = results.fetch_metric_spend(connection, id)
        with pytest.raises(NotFound, match="no score of case 9"):
            case_scores.fetch_case(connection, id, 9)
    assert [item.answer for item in record.scored.answers] == ["fresh"]
    assert [item.text for item in record.explanations] == ["because"]
    assert (spent[0].calls, spent[0].unpriced_calls, spent[0].cost_nano_usd) == (2, 1, 100)
    assert (spent[0].input_tokens, spent[0].output_tokens) == (14, 4)


def test_metric_progress_excludes_undefined(engine: sa.Engine) -> None:
    id = score_run(engine)
    with reading(engine) as connection:
        m, n = results.fetch_metric_progress(connection, id)
        why = results.count_failures(connection, id)
    assert m.mean == pytest.approx((0.9 + 0.8 + 0.2) / 3)
    assert (m.n, m.undefined, m.failed) == (3, 2, 1)
    assert (n.mean, n.n, n.undefined) == (0.5, 1, 0)
    assert why == [("timed out", 1)]


def test_csv_has_a_row_per_answer_and_no_formula(engine: sa.Engine) -> None:
    id = score_run(engine)
    with reading(engine) as connection:
        text = b"".join(case_scores.write_csv(connection, id)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["case"], row["repetition"], row["m"]) for row in rows] == [
        ("1", "1", "0.9"),
        ("2", "1", "0.8"),
        ("2", "2", "0.2"),
        ("3", "1", ""),
        ("4", "1", ""),
    ]
    assert rows[0]["input"] == "'=1+1"
    assert rows[3]["reasons"] == "m: the case has no answer"


def test_coverage_counts_what_cases_lack(engine: sa.Engine) -> None:
    score_run(engine)
    with reading(engine) as connection:
        coverage = estimate.measure_coverage(connection, "four", 1)
    assert coverage.cases == 4
    assert coverage.count_lacking(("input",)) == 0
    assert coverage.count_lacking(("answer",)) == 2
    assert coverage.count_lacking(("contexts",)) == 2
    assert coverage.count_lacking(("answer", "contexts", "reference")) == 3
    assert coverage.with_answers().count_lacking(("answer", "contexts")) == 2
    # a; none; an empty list; x and y.
    assert coverage.contexts == 3 / 4
