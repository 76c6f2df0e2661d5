"""The registry of metrics: required fields, range and direction, cost and source of each.

| kind | method | module |
|---|---|---|
| proxy | counts words, without a model | `proxies` |
| text | compares answer and reference as texts, without a model | `texts` |
| ragas | RAGAS with a model | `ragas` |
| rubric | one model call with a scale of labels | `rubric`, `builtin_rubrics`, and saved rubrics (`rubrics`) |
| code | the code of an installed package | `code` |
| agentcore | evaluators of Amazon Bedrock AgentCore | `agentcore` |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.metrics import agentcore, code, proxies, ragas, texts
from genaiops_core.evaluation.metrics.builtin_rubrics import BUILTIN
from genaiops_core.evaluation.metrics.metric import (
    ALIASES,
    MISSING_REASONS,
    OFFLINE,
    CallCounts,
    Measurement,
    Metric,
    normalise_name,
)
from genaiops_core.evaluation.metrics.rubric import parse_rubrics

__all__ = [
    "ALIASES",
    "OFFLINE",
    "PROXIES",
    "REGISTRY",
    "CallCounts",
    "Measurement",
    "Metric",
    "find_missing_field",
    "list_metrics",
    "load_code_metrics",
    "lookup_metric",
    "measure",
    "normalise_name",
]

REGISTRY: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *proxies.ENTRIES,
        *ragas.ENTRIES,
        *(rubric.metric for rubric in BUILTIN),
        *texts.ENTRIES,
    )
}
"""The built-in metrics, without AgentCore's evaluators, which have some of the same names."""

PROXIES = tuple(metric.name for metric in proxies.ENTRIES)

COMPUTED = {**proxies.COMPUTED, **texts.COMPUTED}

_NAMES = frozenset(REGISTRY)


def load_code_metrics() -> code.InstalledMetrics:
    """Load the metrics of installed packages, and the problems of those that cannot be loaded."""
    return code.load_metrics(_NAMES)


def lookup_metric(name: str, rubrics: Sequence[Any] = (), *, judge: str = "") -> Metric | None:
    """Look up a metric by name; None if it is unknown.

    Args:
        name: as in results.
        rubrics: saved rubrics, or the documents that an evaluation stores (`judge_options.rubrics`).
        judge: the judge that measures; evaluators of AgentCore have metrics of their own.
    """
    # First, because AgentCore's faithfulness has other needs than the metric of the same name.
    if judge.startswith("agentcore:") and (agentcore_metric := agentcore.list_judge_metrics(judge).get(name)):
        return agentcore_metric
    if name in REGISTRY:
        return REGISTRY[name]
    for rubric in parse_rubrics(rubrics):
        if rubric.name == name:
            return rubric.metric
    code_metric = load_code_metrics().metrics.get(name)
    if code_metric:
        return code_metric.entry
    # A name that only AgentCore uses: the direction of harmfulness must not depend on the judge.
    return agentcore.BY_NAME.get(name)


def list_metrics(rubrics: Sequence[Any] = ()) -> list[Metric]:
    """List all known metrics, AgentCore's built-in evaluators included."""
    return [
        *REGISTRY.values(),
        *(rubric.metric for rubric in parse_rubrics(rubrics)),
        *(metric.entry for metric in load_code_metrics().metrics.values()),
        *agentcore.BUILTIN,
    ]


def find_missing_field(metric: Metric, case: Case) -> str:
    """Find why the metric is undefined for a case: a required field is missing; '' if none is."""
    return next((MISSING_REASONS[field] for field in metric.needs if not getattr(case, field)), "")


def measure(name: str, case: Case) -> Measurement:
    """Measure one metric without a model; the value is None, with the reason, if a field is missing.

    Raises:
        code.MetricFailed: the code of a package failed.
        KeyError: the metric requires a model.
    """
    if name not in COMPUTED:
        metric = load_code_metrics().metrics[name]
        missing_reason = find_missing_field(metric.entry, case)
        return Measurement(value=None, reason=missing_reason) if missing_reason else metric.measure(case)
    if missing_reason := find_missing_field(REGISTRY[name], case):
        return Measurement(value=None, reason=missing_reason)
    value = COMPUTED[name](case)
    if value is None:
        return Measurement(value=None, reason="a text has no words")
    return Measurement(value=value)
