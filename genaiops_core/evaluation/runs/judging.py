"""The judge of an evaluation: built from its name and options; and which metrics need no model."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.judges import computed, create_judge, ragas_metrics
from genaiops_core.evaluation.judges.protocol import Judge, JudgeOptions
from genaiops_core.evaluation.metrics import libraries, ragas
from genaiops_core.evaluation.runs.evaluation import Evaluation

_LIBRARIES = {
    "bedrock": ("boto3", "genaiops_core.evaluation.models.bedrock"),
    "openai": ("openai.resources", "genaiops_core.evaluation.models.openai"),
}
_RAGAS_METRICS = frozenset(entry.name for entry in ragas.ENTRIES)


def build_judge(run: Evaluation) -> Judge:
    """The judge of an evaluation.

    Raises:
        BadInput: there is no judge of that name, an option is invalid, or the library of a metric is not installed
            here.
    """
    # Also checked at launch, but the worker may run on another host.
    libraries.require_installed(run.metrics)
    return create_judge(run.judge, parse_judge_options(run.config.get("judge_options") or {}))


def parse_judge_options(document: Mapping[str, Any]) -> JudgeOptions:
    """Options of the command line or of a stored evaluation, whose values may be text.

    Raises:
        BadInput: an option is unknown, or its value is not of its type.
    """
    # Types of fields are texts, because annotations are postponed; options are str, int or float.
    types = {field.name: str(field.type) for field in fields(JudgeOptions) if field.name != "rubrics"}
    options: dict[str, Any] = {}
    for name, value in document.items():
        if name == "rubrics" and isinstance(value, Sequence) and not isinstance(value, str):
            options[name] = tuple(value)
            continue
        if name not in types:
            raise BadInput(f"There is no judge option '{name}'; options are {', '.join(sorted(types))}.")
        options[name] = _convert_option(name, value, types[name])
    return JudgeOptions(**options)


def load_libraries(run: Evaluation) -> None:
    """Import the libraries of the judge: this takes seconds, which is better spent before the first call.

    Raises:
        BadInput: the library of a metric is not installed here.
    """
    libraries.require_installed(run.metrics)
    kind = run.judge.partition(":")[0]
    for name in _LIBRARIES.get(kind, ()):
        importlib.import_module(name)
    if kind in _LIBRARIES and any(name in _RAGAS_METRICS for name in run.metrics):
        ragas_metrics.import_ragas()


def is_computed(judge: Judge, metric: str) -> bool:
    """Whether the metric is computed without a call, and so without cost."""
    return judge.model is None or computed.is_computed(metric)


def _convert_option(name: str, value: Any, kind: str) -> Any:
    if value is None or kind == "str":
        return "" if value is None and kind == "str" else value
    try:
        return int(value) if kind == "int" else float(value)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The judge option {name} must be a number, not '{value}'.") from error
