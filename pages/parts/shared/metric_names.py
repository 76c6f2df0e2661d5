"""How metrics are called on screen; a name that nobody knows is written as it is.

Of a run, the rubrics it kept and the evaluators of its judge are known too.
"""

from __future__ import annotations

from genaiops_core.evaluation.metrics import Metric, find
from genaiops_core.evaluation.runs import Evaluation


def find_metric(name: str, evaluation: Evaluation | None = None) -> Metric | None:
    """What is known of a metric."""
    if evaluation is None:
        return find(name)
    return find(
        name, (evaluation.config.get("judge_options") or {}).get("rubrics") or (), judge=evaluation.judge
    )


def format_title(name: str, evaluation: Evaluation | None = None) -> str:
    """As people say it: `Faithfulness`, `Grounding overlap (proxy)`."""
    metric = find_metric(name, evaluation)
    return metric.title if metric else name.replace("_", " ").capitalize()


def format_heading(name: str) -> str:
    """For the head of a narrow column: `grounding overlap`; the column's help says what a proxy is."""
    return name.replace("_", " ")


def find_description(name: str, evaluation: Evaluation) -> str | None:
    """What it says, in a sentence or two."""
    metric = find_metric(name, evaluation)
    return metric.description if metric else None


def is_higher_worse(name: str | None, evaluation: Evaluation) -> bool:
    """Whether more of it is worse."""
    metric = find_metric(name, evaluation) if name else None
    return metric is not None and metric.higher_is_better is False
