"""The flat fields of an exported results document, for scripts that read `results.faithfulness` and the like.

Such scripts call `results.faithfulness.toFixed(3)`, which fails for null, and compare `results.avg_cost <= 0.02`, which
is true for null and for 0. So an unmeasured figure is a number that no measurement can be and that misses every
threshold. `unmeasured` lists these fields; everywhere else in the document unknown is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genaiops_core.evaluation.verdicts import documents
from genaiops_core.evaluation.verdicts.limits import COST, find_figure
from genaiops_core.evaluation.verdicts.verdict import ACCEPTED

METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall")

UNMEASURED_SCORE = -1.0
"""Below every minimum of a score."""
UNMEASURED_LIMIT = 1e99
"""Above every maximum of a cost or a latency."""
UNKNOWN_MODEL = "unknown"


def build_flat_fields(body: Mapping[str, Any], *, model: str = "") -> dict[str, Any]:
    """Build the flat fields of a results document.

    Args:
        body: the document.
        model: the model that answered, if the target of the evaluation names none; '' when it is unknown.
    """
    answers, traffic = documents.parse_answers(body), documents.parse_traffic(body)
    p95_ms = find_figure("latency_p95", answers, traffic).value
    figures: dict[str, float | None] = {
        **{name: (body["metrics"].get(name) or {}).get("mean") for name in METRICS},
        "avg_cost": find_figure(COST, answers, traffic).value,
        # Scripts print it as it is.
        "p95_latency": None if p95_ms is None else round(p95_ms, 3),
    }
    return {
        **{
            name: (UNMEASURED_SCORE if name in METRICS else UNMEASURED_LIMIT) if value is None else value
            for name, value in figures.items()
        },
        "unmeasured": [name for name, value in figures.items() if value is None],
        "test_case_count": body.get("cases") or 0,
        "model_id": (body.get("target") or {}).get("model") or model or UNKNOWN_MODEL,
        "all_gates_passed": body.get("verdict") in ACCEPTED and not body.get("partial"),
    }
