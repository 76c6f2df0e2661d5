"""Cached reads of metrics and rubrics: what there is, and what a judge can measure of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation import metrics as registry
from genaiops_core.evaluation.cases import Case
from genaiops_core.evaluation.judges import Judge, judge
from genaiops_core.evaluation.judges.protocol import JudgeOptions, Prompt
from genaiops_core.evaluation.judges.rubric_metrics import prompt as prompt_of
from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.metrics.builtin_rubrics import BUILTIN
from genaiops_core.evaluation.metrics.rubric import PLACEHOLDERS, Label, Rubric


def judge_of(url: str, name: str, options: Mapping[str, Any]) -> Judge | None:
    """The judge of a run that is being put together, with every rubric there is; None while its name is incomplete."""
    try:
        return judge(name, JudgeOptions(**options, rubrics=tuple(rubrics(url))))
    except BadInput:
        return None


def metrics(url: str) -> dict[str, Metric]:
    """Every metric there is, by name; AgentCore's evaluators of the same name are left out."""
    found: dict[str, Metric] = {}
    for one in registry.every(rubrics(url)):
        found.setdefault(one.name, one)
    return found


def entries(url: str, who: Judge) -> dict[str, Metric]:
    """What a judge can measure, by name."""
    found = {name: registry.find(name, rubrics(url), judge=who.name) for name in who.metrics}
    return {name: entry for name, entry in found.items() if entry is not None}


def rubrics(url: str) -> list[Rubric]:
    """The newest version of every rubric."""
    return list(BUILTIN)


def rubric_versions(url: str, name: str) -> list[Rubric]:
    """Every version of a rubric, newest first."""
    return [one for one in BUILTIN if one.name == name]


def rubric_prompt(rubric: Mapping[str, Any], case: Case) -> Prompt:
    """What a model will read of a rubric and a case.

    Raises:
        BadInput: the rubric cannot be used as it is.
    """
    return prompt_of(made(rubric), case, JudgeOptions())


def made(rubric: Mapping[str, Any]) -> Rubric:
    """A rubric as it is being written."""
    needs = tuple(name for name in PLACEHOLDERS[1:] if f"{{{name}}}" in rubric["prompt"])
    scale = tuple(Label(**one) for one in rubric["scale"])
    return Rubric(
        name=rubric["name"],
        version=0,
        title=rubric["title"],
        prompt=rubric["prompt"],
        scale=scale,
        needs=needs,
    )
