"""Names of metrics on screens; an unregistered name is written as it is.

With an evaluation, its saved rubrics and the evaluators of its judge are found too.
"""

from __future__ import annotations

from genaiops_core.evaluation.metrics import Metric, lookup_metric
from genaiops_core.evaluation.runs import Evaluation


def find_metric(name: str, evaluation: Evaluation | None = None) -> Metric | None:
    """The registered metric of a name."""
    if evaluation is None:
        return lookup_metric(name)
    return lookup_metric(
        name, (evaluation.config.get("judge_options") or {}).get("rubrics") or (), judge=evaluation.judge
    )


def format_title(name: str, evaluation: Evaluation | None = None) -> str:
    """The title of a metric: `Faithfulness`, `Grounding overlap (proxy)`."""
    metric = find_metric(name, evaluation)
    return metric.title if metric else name.replace("_", " ").capitalize()


def format_heading(name: str) -> str:
    """The head of a narrow column: `grounding overlap`; the help of the column explains proxies."""
    return name.replace("_", " ")


def find_description(name: str, evaluation: Evaluation) -> str | None:
    """The description of a metric, in a sentence or two."""
    metric = find_metric(name, evaluation)
    return metric.description if metric else None


def is_higher_worse(name: str | None, evaluation: Evaluation) -> bool:
    """Whether a higher value is worse."""
    metric = find_metric(name, evaluation) if name else None
    return metric is not None and metric.higher_is_better is False
