"""Results of a run: what is kept on the evaluation and what `genaiops evaluate --output results.json` writes.

`results_schema` describes every field, docs/reference/results.md repeats it. Fields are added, never renamed, so a
document of any earlier version still loads.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.evaluation.verdicts.documents import SCHEMA


def build_document(run: Evaluation, details: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
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


def build_header(run: Evaluation, *, cases_total: int, finished_at: dt.datetime) -> dict[str, Any]:
    """The fields of a results document that say which run this is and what judging took."""
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
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost_usd": run.cost_usd if is_priced else None,
            "cost_usd_at_least": run.cost_usd,
            "units_failed": run.units_failed,
        },
    }


def count_cases(run: Evaluation) -> int:
    """How many cases a run uses."""
    return run.units // max(1, len(run.metrics) * run.repetitions)
