"""The registry of metrics: what each needs, its range and direction, its cost and where it comes from.

| kind | measured by | where |
|---|---|---|
| proxy | counting words, here | `proxies` |
| text | comparing answer and reference as texts, here | `texts` |
| ragas | RAGAS on a model | `ragas` |
| rubric | one question to a model with a scale | `rubric`, `builtin_rubrics`, and those that people write |
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
"""What comes with the product, AgentCore's evaluators aside: those share names with it."""

PROXIES = tuple(metric.name for metric in proxies.ENTRIES)

COMPUTED = {**proxies.COMPUTED, **texts.COMPUTED}

_NAMES = frozenset(REGISTRY)


def load_code_metrics() -> code.InstalledMetrics:
    """Metrics of installed packages, and what is wrong with the others."""
    return code.load_metrics(_NAMES)


def lookup_metric(name: str, rubrics: Sequence[Any] = (), *, judge: str = "") -> Metric | None:
    """The entry of a metric; None where nothing is known of it.

    Args:
        name: as results have it.
        rubrics: rubrics that people wrote, or what a run kept of them (`judge_options.rubrics`).
        judge: who measures; evaluators of AgentCore have entries of their own.
    """
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
    # A name that only AgentCore uses: which end of harmfulness is good must not depend on who asks.
    return agentcore.BY_NAME.get(name)


def list_metrics(rubrics: Sequence[Any] = ()) -> list[Metric]:
    """All that is known, AgentCore's built-in evaluators included."""
    return [
        *REGISTRY.values(),
        *(rubric.metric for rubric in parse_rubrics(rubrics)),
        *(metric.entry for metric in load_code_metrics().metrics.values()),
        *agentcore.BUILTIN,
    ]


def find_missing_field(metric: Metric, case: Case) -> str:
    """Why the metric is undefined for a case: a field it needs is not there; '' when all are."""
    return next((MISSING_REASONS[field] for field in metric.needs if not getattr(case, field)), "")


def measure(name: str, case: Case) -> Measurement:
    """One metric that is computed here, without a model; undefined, with the reason, where the case lacks something.

    Raises:
        code.MetricFailed: the code of a package failed.
        KeyError: it is not computed here.
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
