"""Results of a run: what is kept on the evaluation and what `genaiops evaluate --output results.json` writes.

`results_schema` describes every field, docs/reference/results.md repeats it. Fields are added, never renamed, so a
document of any earlier version still loads.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.answer_figures import AnswerFigures
from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.summaries import MetricResult
from genaiops_core.evaluation.traffic import TrafficFigures

SCHEMA = 1


def document(run: Evaluation, details: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The whole results document of a run.

    Args:
        run: whose.
        details: rows of `details.load`.
    """
    body = dict(run.results or {"schema": SCHEMA, "metrics": {}, "gates": [], "stages": [], "verdict": None})
    body.setdefault("evaluation", run.id)
    body.update(state=run.state, problem=run.problem, partial=run.state != "finished")
    body["details"] = list(details)
    return body


def header(run: Evaluation, *, cases_total: int, finished_at: dt.datetime) -> dict[str, Any]:
    """The fields of a results document that say which run this is and what judging took."""
    is_priced = not run.unpriced_calls
    return {
        "schema": SCHEMA,
        "evaluation": run.id,
        "application": run.application,
        "release": run.release,
        "dataset": run.dataset,
        "version": run.version,
        "cases": cases(run),
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
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost_usd": run.cost_usd if is_priced else None,
            "cost_usd_at_least": run.cost_usd,
            "units_failed": run.units_failed,
        },
    }


def cases(run: Evaluation) -> int:
    """How many cases a run uses."""
    return run.units // max(1, len(run.metrics) * run.repetitions)


def read(path: Path) -> dict[str, Any]:
    """A results document from a file.

    Raises:
        BadInput: there is none, or it was not written by `genaiops evaluate`.
    """
    try:
        body = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist; write it with genaiops evaluate --output {path}.") from error
    except (orjson.JSONDecodeError, OSError) as error:
        raise BadInput(f"{path} cannot be read as results: {error}.") from error
    if not isinstance(body, dict) or not isinstance(body.get("metrics"), dict):
        raise BadInput(
            f"{path} holds no results: 'metrics' is missing; write it with genaiops evaluate --output."
        )
    if not isinstance(body.get("schema", SCHEMA), int) or body.get("schema", SCHEMA) > SCHEMA:
        raise BadInput(
            f"{path} has schema {body['schema']}, this program knows up to {SCHEMA}; read it with the newer genaiops."
        )
    for name, reader in (("metrics", metrics_of), ("traffic", traffic_of), ("answers", answers_of)):
        try:
            reader(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"{path}: '{name}' is not as genaiops evaluate writes it ({error}).") from error
    problem = _malformed_rows(body)
    if problem:
        raise BadInput(f"{path}: {problem} is not as genaiops evaluate writes it.")
    return body


def metrics_of(body: Mapping[str, Any]) -> dict[str, MetricResult]:
    return {name: MetricResult.from_json(name, entry) for name, entry in body["metrics"].items()}


def traffic_of(body: Mapping[str, Any]) -> TrafficFigures | None:
    found = body.get("traffic")
    return TrafficFigures(**{"unpriced_calls": 0, "monthly_cost_usd": None, **found}) if found else None


def answers_of(body: Mapping[str, Any]) -> AnswerFigures | None:
    return AnswerFigures.from_json(body["answers"]) if body.get("answers") else None


def _malformed_rows(body: Mapping[str, Any]) -> str:
    """Where a list of the document holds something else than its rows; '' when all is well."""
    wanted = {
        "gates": ("name", "metric", "verdict", "why"),
        "stages": ("name", "verdict"),
        "details": ("case", "input_sha256", "scores"),
    }
    for name, fields in wanted.items():
        rows = body.get(name) or []
        if not isinstance(rows, list):
            return f"'{name}'"
        for at, row in enumerate(rows, start=1):
            if not isinstance(row, dict) or any(field not in row for field in fields):
                return f"row {at} of '{name}'"
            if name == "details" and not _are_scores(row["scores"]):
                return f"'scores' in row {at} of 'details'"
    return ""


def _are_scores(scores: object) -> bool:
    return isinstance(scores, dict) and all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        for value in scores.values()
    )
