"""The cases of a run, a row each: what was asked, what was answered, what it scored, cost and took."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation_score, test_case
from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.evaluation.verdicts import answer_figures
from genaiops_core.evaluation.verdicts.answer_figures import Answer
from genaiops_core.evaluation.verdicts.summaries import Unit

UnitsByCase = Mapping[int, Mapping[str, Sequence[Unit]]]
"""Case -> metric -> its units in the order of repetitions."""


def fetch_units(connection: sa.Connection, id: str) -> UnitsByCase:
    """Every score of a run, by case and metric."""
    columns = ("case_no", "metric", "value", "reason", "is_failed")
    query = (
        sa.select(*(evaluation_score.c[name] for name in columns))
        .where(evaluation_score.c.evaluation_id == id)
        .order_by(evaluation_score.c.case_no, evaluation_score.c.repetition)
    )
    units: dict[int, dict[str, list[Unit]]] = defaultdict(lambda: defaultdict(list))
    for case_no, metric, value, reason, is_failed in connection.execute(query):
        units[case_no][metric].append(Unit(value, reason, is_failed))
    return units


def load_details(connection: sa.Connection, run: Evaluation) -> list[dict[str, Any]]:
    """Rows of `details` as results documents have them, in the order of the dataset."""
    units = fetch_units(connection, run.id)
    answers = answer_figures.load(connection, run.id)
    query = (
        sa.select(test_case.c.case_no, test_case.c.input, test_case.c.answer)
        .where(test_case.c.dataset == run.dataset, test_case.c.version == run.version)
        .order_by(test_case.c.case_no)
    )
    return [
        _build_row(row.case_no, row.input, row.answer, units.get(row.case_no, {}), answers.get(row.case_no, ()))
        for row in connection.execute(query)
        if row.case_no in units or row.case_no in answers
    ]


def _build_row(
    case_no: int,
    text: str,
    dataset_answer: str | None,
    units_by_metric: Mapping[str, Sequence[Unit]],
    answers: Sequence[Answer],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "case": case_no,
        "input_sha256": hash_input(text),
        "input": text,
        "answer": answers[0].answer if answers else dataset_answer,
        "scores": {metric: _mean_value(found) for metric, found in sorted(units_by_metric.items())},
        "reasons": {
            metric: reason
            for metric, found in sorted(units_by_metric.items())
            if (reason := next((unit.reason for unit in found if unit.reason), ""))
        },
    }
    if answers:
        succeeded = [answer for answer in answers if not answer.problem]
        row |= {
            "cost_nano_usd": answer_figures.mean_cost(succeeded),
            "latency_ms": succeeded[0].latency_ms if succeeded else None,
            "problem": next((answer.problem for answer in answers if answer.problem), ""),
        }
    return row


def hash_input(text: str) -> str:
    """Names a case across runs and dataset versions."""
    return hashlib.sha256(text.encode()).hexdigest()


def _mean_value(units: Sequence[Unit]) -> float | None:
    values = [unit.value for unit in units if unit.value is not None]
    return sum(values) / len(values) if values else None
