"""Cached reads of metrics and rubrics, and the metrics that a judge can measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation import metrics as registry
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import Judge
from genaiops_core.evaluation.judges import create_judge as open_judge
from genaiops_core.evaluation.judges.protocol import JudgeOptions
from genaiops_core.evaluation.judges.rubric_metrics import build_rubric_prompt as build_judge_prompt
from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.metrics import rubrics as store
from genaiops_core.evaluation.metrics.builtin_rubrics import BUILTIN
from genaiops_core.evaluation.metrics.rubric import Label, Rubric
from genaiops_core.evaluation.metrics.rubrics import SavedRubric
from genaiops_core.evaluation.models.protocol import Prompt
from pages.parts.reads.cache import SLOW_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot


def build_judge(url: str, name: str, options: Mapping[str, Any]) -> Judge | None:
    """The judge of a draft evaluation with every known rubric; None while the judge's name is incomplete."""
    try:
        return open_judge(name, JudgeOptions(**options, rubrics=tuple(list_rubrics(url))))
    except BadInput:
        return None


def list_metrics(url: str) -> dict[str, Metric]:
    """Every known metric by name; an AgentCore evaluator of the same name is excluded."""
    metrics: dict[str, Metric] = {}
    for metric in registry.list_metrics(list_rubrics(url)):
        metrics.setdefault(metric.name, metric)
    return metrics


def list_judge_metrics(url: str, judge: Judge) -> dict[str, Metric]:
    """The metrics that a judge can measure, by name."""
    candidates = {
        name: registry.lookup_metric(name, list_rubrics(url), judge=judge.name) for name in judge.metrics
    }
    return {name: metric for name, metric in candidates.items() if metric is not None}


@cache_for(SLOW_S)
def list_saved_rubrics(url: str) -> list[SavedRubric]:
    """Every saved version of a rubric, by name, newest first."""
    with open_snapshot(url) as connection:
        return store.list_rubrics(connection)


def list_rubrics(url: str) -> list[Rubric]:
    """The newest version of every saved rubric, then the built-in rubrics."""
    newest: dict[str, Rubric] = {}
    for saved in list_saved_rubrics(url):
        newest.setdefault(saved.rubric.name, saved.rubric)
    return [*newest.values(), *BUILTIN]


def build_rubric_prompt(rubric: Mapping[str, Any], case: Case) -> Prompt:
    """The prompt that a draft rubric gives for one test case.

    Raises:
        BadInput: the draft has no scale.
    """
    scale = tuple(Label(**label) for label in rubric["scale"])
    if not scale:
        raise BadInput("The scale is empty: a model can choose only a label that is on it.")
    draft = Rubric(
        name=rubric["name"], version=0, title=rubric["title"], prompt=rubric["prompt"], scale=scale, needs=()
    )
    return build_judge_prompt(draft, case, JudgeOptions())


register_reads("rubrics", list_saved_rubrics)
