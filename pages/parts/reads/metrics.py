"""Cached reads of metrics and rubrics: what there is, and what a judge can measure of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation import metrics as registry
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import Judge, judge
from genaiops_core.evaluation.judges.protocol import JudgeOptions
from genaiops_core.evaluation.judges.rubric_metrics import prompt as prompt_of
from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.metrics import rubrics as store
from genaiops_core.evaluation.metrics.builtin_rubrics import BUILTIN
from genaiops_core.evaluation.metrics.rubric import Label, Rubric
from genaiops_core.evaluation.metrics.rubrics import SavedRubric
from genaiops_core.evaluation.models.protocol import Prompt
from pages.parts.reads.cache import SLOW_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot


def build_judge(url: str, name: str, options: Mapping[str, Any]) -> Judge | None:
    """The judge of a run that is being put together, with every rubric there is; None while its name is incomplete."""
    try:
        return judge(name, JudgeOptions(**options, rubrics=tuple(list_rubrics(url))))
    except BadInput:
        return None


def list_metrics(url: str) -> dict[str, Metric]:
    """Every metric there is, by name; AgentCore's evaluators of the same name are left out."""
    found: dict[str, Metric] = {}
    for one in registry.every(list_rubrics(url)):
        found.setdefault(one.name, one)
    return found


def list_judge_metrics(url: str, who: Judge) -> dict[str, Metric]:
    """What a judge can measure, by name."""
    found = {name: registry.find(name, list_rubrics(url), judge=who.name) for name in who.metrics}
    return {name: entry for name, entry in found.items() if entry is not None}


@cache_for(SLOW_S)
def list_saved_rubrics(url: str) -> list[SavedRubric]:
    """Every version that people wrote, by name, the newest first."""
    with open_snapshot(url) as connection:
        return store.list_rubrics(connection)


def list_rubrics(url: str) -> list[Rubric]:
    """The newest version of every rubric, those of the product last."""
    found: dict[str, Rubric] = {}
    for saved in list_saved_rubrics(url):
        found.setdefault(saved.rubric.name, saved.rubric)
    return [*found.values(), *BUILTIN]


def build_rubric_prompt(rubric: Mapping[str, Any], case: Case) -> Prompt:
    """What a model will read of a rubric that is being written.

    Raises:
        BadInput: it has no scale yet.
    """
    scale = tuple(Label(**one) for one in rubric["scale"])
    if not scale:
        raise BadInput("The scale is empty: a model can choose only a label that is on it.")
    drafted = Rubric(
        name=rubric["name"], version=0, title=rubric["title"], prompt=rubric["prompt"], scale=scale, needs=()
    )
    return prompt_of(drafted, case, JudgeOptions())


register_reads("rubrics", list_saved_rubrics)
