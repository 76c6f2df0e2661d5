"""Results of an evaluation: its document, the rows of its cases, and the figures while it is running.

The document is stored with the evaluation and written by `genaiops evaluate --output results.json`. `results_schema`
describes every field, docs/reference/results.md repeats it. Fields are added, never renamed, so a document of any earlier
version still loads.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score, generated_answer, judge_call
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.runs.evaluation import Evaluation
from genaiops_core.evaluation.verdicts import answer_figures
from genaiops_core.evaluation.verdicts.answer_figures import GeneratedAnswer
from genaiops_core.evaluation.verdicts.documents import SCHEMA
from genaiops_core.evaluation.verdicts.summaries import UnitResult

UnitsByCase = Mapping[int, Mapping[str, Sequence[UnitResult]]]
"""Case number -> metric -> its units in the order of repetitions."""


@dataclass(frozen=True, kw_only=True)
class MetricProgress:
    """One metric over the units that are scored so far; the mean does not cover the remaining units."""

    metric: str
    mean: float | None
    """None while no unit has a value."""
    n: int
    undefined: int
    """Units without a value, including failed ones."""
    failed: int


@dataclass(frozen=True, kw_only=True)
class MetricSpend:
    """Calls, tokens and cost of judging one metric."""

    metric: str
    calls: int
    unpriced_calls: int
    input_tokens: int | None
    output_tokens: int | None
    """None when the provider sent no count for a call."""
    cost_nano_usd: int
    """A lower bound while `unpriced_calls` is above 0."""


def build_document(run: Evaluation, details: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The whole results document of an evaluation.

    Args:
        run: the evaluation.
        details: rows of `load_details`.
    """
    # A copy: `run` may come from a cache of the pages.
    body = dict(run.results or {"schema": SCHEMA, "metrics": {}, "gates": [], "stages": [], "verdict": None})
    body.setdefault("evaluation", run.id)
    body.update(state=run.state, problem=run.problem, partial=run.state != "finished")
    body["details"] = list(details)
    return body


def build_header(run: Evaluation, *, cases_total: int, finished_at: dt.datetime) -> dict[str, Any]:
    """The fields of a results document that identify the evaluation and give its judging cost."""
    is_priced = not run.unpriced_calls
    return {
        "schema": SCHEMA,
        "evaluation": run.id,
        "application": run.application,
        "release": run.release,
        "dataset": run.dataset,
        "version": run.version,
        "cases": count_cases(run),
        "cases_total": cases_total,
        "split": run.split,
        "sample_size": run.sample_size,
        "repetitions": run.repetitions,
        "judge": run.judge,
        "target": run.config.get("target"),
        "pace": run.config.get("pace"),
        "attempt": run.attempt,
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": finished_at.isoformat(),
        "cost_usd": run.cost_usd if is_priced else None,
        "judging": {
            "calls": run.judge_calls,
            "unpriced_calls": run.unpriced_calls,
            "uncounted_calls": run.uncounted_calls,
            **run.token_counts,
            "cost_usd": run.cost_usd if is_priced else None,
            "cost_usd_at_least": run.cost_usd,
            "units_failed": run.units_failed,
        },
    }


def count_cases(run: Evaluation) -> int:
    """How many cases an evaluation scores."""
    return run.units // max(1, len(run.metrics) * run.repetitions)


def hash_input(text: str) -> str:
    """SHA-256 of a case's input, which identifies the case across evaluations and dataset versions."""
    return hashlib.sha256(text.encode()).hexdigest()


def fetch_units(connection: sa.Connection, id: str, *, repetition: int | None = None) -> UnitsByCase:
    """Every score of an evaluation, or those of one repetition, by case and metric."""
    columns = ("case_no", "metric", "value", "reason", "is_failed")
    query = (
        sa.select(*(evaluation_score.c[name] for name in columns))
        .where(evaluation_score.c.evaluation_id == id)
        .order_by(evaluation_score.c.case_no, evaluation_score.c.repetition)
    )
    if repetition is not None:
        query = query.where(evaluation_score.c.repetition == repetition)
    units: dict[int, dict[str, list[UnitResult]]] = defaultdict(lambda: defaultdict(list))
    for case_no, metric, value, reason, is_failed in connection.execute(query):
        units[case_no][metric].append(UnitResult(value, reason, is_failed))
    return units


def load_details(connection: sa.Connection, run: Evaluation) -> list[dict[str, Any]]:
    """The rows of `details` in a results document, in the order of the dataset: input, answer, scores, cost, latency."""
    units = fetch_units(connection, run.id)
    answers = answer_figures.load_answers(connection, run.id)
    return [
        _build_detail(number, input, answer, units.get(number, {}), answers.get(number, ()))
        for number, input, answer in datasets.list_texts(connection, run.dataset, run.version)
        if number in units or number in answers
    ]


def list_generated_texts(
    connection: sa.Connection, dataset: str, version: int
) -> list[tuple[int, str | None]]:
    """(Case number, answer) of every answer that an evaluation of a dataset version has generated."""
    query = (
        sa.select(generated_answer.c.case_no, generated_answer.c.answer)
        .join(evaluation, evaluation.c.id == generated_answer.c.evaluation_id)
        .where(evaluation.c.dataset == dataset, evaluation.c.version == version)
    )
    return [(row.case_no, row.answer) for row in connection.execute(query)]


def fetch_metric_progress(connection: sa.Connection, id: str) -> list[MetricProgress]:
    """The metrics of an evaluation that have a scored unit, by name."""
    score = evaluation_score.c
    query = (
        sa.select(
            score.metric,
            sa.func.avg(score.value),
            sa.func.count(score.value),
            sa.func.count(),
            sa.func.sum(sa.case((score.is_failed, 1), else_=0)),
        )
        .where(score.evaluation_id == id)
        .group_by(score.metric)
        .order_by(score.metric)
    )
    return [
        MetricProgress(metric=metric, mean=mean, n=n, undefined=units - n, failed=int(failed))
        for metric, mean, n, units, failed in connection.execute(query)
    ]


def count_failures(connection: sa.Connection, id: str, limit: int = 3) -> list[tuple[str, int]]:
    """(reason, units) of units whose judge or target failed, the most frequent reason first."""
    score = evaluation_score.c
    units = sa.func.count().label("units")
    query = (
        sa.select(score.reason, units)
        .where(score.evaluation_id == id, score.is_failed)
        .group_by(score.reason)
        .order_by(units.desc(), score.reason)
        .limit(limit)
    )
    return [(row.reason, row.units) for row in connection.execute(query)]


def fetch_metric_spend(connection: sa.Connection, id: str) -> list[MetricSpend]:
    """Calls, tokens and cost of judging by metric, highest cost first; empty when the judge calls no model."""
    call = judge_call.c
    query = (
        sa.select(
            call.metric,
            sa.func.count(),
            sa.func.sum(sa.case((call.cost_nano_usd.is_(None), 1), else_=0)),
            sa.func.sum(call.input_tokens),
            sa.func.sum(call.output_tokens),
            # Counts ignore NULL: fewer than calls means that a count is missing.
            sa.func.count(call.input_tokens),
            sa.func.count(call.output_tokens),
            sa.func.coalesce(sa.func.sum(call.cost_nano_usd), 0),
        )
        .where(call.evaluation_id == id)
        .group_by(call.metric)
    )
    spend = [
        # PostgreSQL sums bigint columns as decimals.
        MetricSpend(
            metric=metric,
            calls=calls,
            unpriced_calls=int(unpriced),
            input_tokens=int(input_tokens) if input_counts == calls else None,
            output_tokens=int(output_tokens) if output_counts == calls else None,
            cost_nano_usd=int(cost),
        )
        for (
            metric,
            calls,
            unpriced,
            input_tokens,
            output_tokens,
            input_counts,
            output_counts,
            cost,
        ) in connection.execute(query)
    ]
    return sorted(spend, key=lambda metric_spend: (-metric_spend.cost_nano_usd, metric_spend.metric))


def _build_detail(
    case_no: int,
    text: str,
    dataset_answer: str | None,
    units_by_metric: Mapping[str, Sequence[UnitResult]],
    answers: Sequence[GeneratedAnswer],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "case": case_no,
        "input_sha256": hash_input(text),
        "input": text,
        "answer": answers[0].answer if answers else dataset_answer,
        "scores": {metric: _compute_mean(units) for metric, units in sorted(units_by_metric.items())},
        "reasons": {
            metric: reason
            for metric, units in sorted(units_by_metric.items())
            if (reason := next((unit.reason for unit in units if unit.reason), ""))
        },
    }
    if answers:
        succeeded = [answer for answer in answers if not answer.problem]
        row |= {
            "cost_nano_usd": answer_figures.compute_mean_cost(succeeded),
            "latency_ms": succeeded[0].latency_ms if succeeded else None,
            "problem": next((answer.problem for answer in answers if answer.problem), ""),
        }
    return row


def _compute_mean(units: Sequence[UnitResult]) -> float | None:
    values = [unit.value for unit in units if unit.value is not None]
    return sum(values) / len(values) if values else None
