"""A run as commands and routes tell it: flat, with money as decimal text."""

from __future__ import annotations

from typing import Any

from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.telemetry.figures import format_usd

_COPIED_FIELDS = (
    *("id", "application", "release", "dataset", "version", "split", "judge", "sample_size"),
    *("state", "verdict", "problem", "attempt"),
    *("units", "units_done", "units_undefined", "units_failed", "answers", "answers_done"),
    *("judge_calls", "unpriced_calls", "answers_unpriced", "input_tokens", "output_tokens"),
    *("created_by", "created_at", "started_at", "finished_at"),
)


def describe_evaluation(run: Evaluation) -> dict[str, Any]:
    """Everything but the results and the cases.

    Costs are lower bounds while `unpriced_calls` or `answers_unpriced` is above 0. Times are aware datetimes.
    """
    pace = RateLimits.from_json(run.config.get("pace"))
    return {
        **{name: getattr(run, name) for name in _COPIED_FIELDS},
        "metrics": list(run.metrics),
        "judging_usd": run.cost_usd,
        "answers_usd": format_usd(run.answers_cost_nano_usd),
        "spent_usd": run.spent_usd,
        "spend_limit_usd": None if pace.spend_limit_nano_usd is None else format_usd(pace.spend_limit_nano_usd),
        "concurrency": pace.concurrency,
        "repetitions": run.repetitions,
    }
