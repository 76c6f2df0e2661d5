"""Results documents with known values, for tests of comparisons and reports."""

from __future__ import annotations

import numpy as np

from genaiops_core.evaluation.runs.results import hash_input
from genaiops_core.evaluation.verdicts.summaries import UnitResult, summarise

BASELINE_VALUES = list(np.random.default_rng(1).uniform(0.5, 0.9, 60))


def build_results(
    values: list[float | None], *, metric: str = "grounding_overlap", **fields: object
) -> dict[str, object]:
    """A document of one metric with one case per value; None is undefined."""
    result = summarise(
        metric, [[UnitResult(value, "" if value is not None else "no answer")] for value in values]
    )
    details = [
        {
            "case": number,
            "input_sha256": hash_input(f"question {number}"),
            "input": f"question {number} <b>|`@here",
            "scores": {metric: value},
            "reasons": {},
        }
        for number, value in enumerate(values, start=1)
    ]
    return {
        "metrics": {metric: result.as_json()},
        "gates": [],
        "details": details,
        "verdict": "passed",
        **fields,
    }
