"""Gates: whether what was measured clears what was asked. Deciders only: values in, verdicts out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.compare import Difference
from genaiops_core.evaluation.metrics import REGISTRY, canonical
from genaiops_core.evaluation.pipeline import Pipeline, Stage
from genaiops_core.evaluation.results import MetricResult
from genaiops_core.evaluation.traffic import MIN_REQUESTS, TrafficFigures
from genaiops_core.evaluation.verdicts import overall

MINIMUMS = "minimums"
"""Name of the stage that the thresholds given at launch make."""


@dataclass(frozen=True, kw_only=True)
class GateDecision:
    """One gate: what was asked, what was found, and why the verdict is what it is."""

    name: str
    stage: str
    metric: str
    threshold: float | None
    measured: float | None
    verdict: str
    why: str

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class StageDecision:
    """One stage: its verdict, and its weighted score where every metric of it was measured."""

    name: str
    description: str
    verdict: str
    score: float | None

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Decision:
    """All gates and stages, and the verdict over them."""

    gates: tuple[GateDecision, ...]
    stages: tuple[StageDecision, ...]
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything the gates are decided by."""

    metrics: Mapping[str, MetricResult]
    judge: str
    traffic: TrafficFigures | None = None
    differences: Mapping[str, Sequence[Difference]] | None = None
    """Regression stage -> paired differences with its baseline; a stage without an entry had no baseline."""


def decide(
    evidence: Evidence,
    *,
    pipeline: Pipeline | None = None,
    minimums: Mapping[str, float] | None = None,
    limits: Mapping[str, float] | None = None,
) -> Decision:
    """All gates of a pipeline and of the thresholds given at launch.

    Args:
        evidence: what was measured.
        pipeline: stages; None when only thresholds were given.
        minimums: metric -> least value; replaces the threshold of a stage that asks for the same metric.
        limits: `cost_per_query` (USD) and `latency_p95` (ms), at most.
    """
    wanted = {canonical(name): value for name, value in (minimums or {}).items()}
    gates: list[GateDecision] = []
    stages: list[StageDecision] = []
    used: set[str] = set()
    for stage in pipeline.stages if pipeline else ():
        decided = _stage_gates(stage, evidence, wanted)
        used |= set(stage.metrics)
        gates += decided
        stages.append(
            StageDecision(
                name=stage.name,
                description=stage.description,
                verdict=overall([gate.verdict for gate in decided]),
                score=_score(stage, evidence.metrics),
            )
        )
    extra = [_minimum(MINIMUMS, name, value, evidence) for name, value in wanted.items() if name not in used]
    extra += _launch_limits(limits or {}, evidence)
    if extra:
        gates += extra
        verdict = overall([gate.verdict for gate in extra])
        stages.append(
            StageDecision(
                name=MINIMUMS, description="Thresholds given at launch", verdict=verdict, score=None
            )
        )
    return Decision(
        gates=tuple(gates), stages=tuple(stages), verdict=overall([gate.verdict for gate in gates])
    )


def _stage_gates(stage: Stage, evidence: Evidence, minimums: Mapping[str, float]) -> list[GateDecision]:
    gates = [
        _minimum(stage.name, name, minimums.get(name, wanted.threshold), evidence)
        for name, wanted in stage.metrics.items()
    ]
    gates += _regression(stage, evidence)
    traffic = evidence.traffic
    if stage.max_cost_per_query_usd is not None:
        value = traffic.cost_per_query_usd if traffic else None
        gates.append(
            _maximum(stage.name, "cost_per_query", stage.max_cost_per_query_usd, value, "USD", traffic)
        )
    if stage.max_monthly_budget_usd is not None:
        value = traffic.monthly_cost_usd if traffic else None
        gate = _maximum(stage.name, "monthly_cost", stage.max_monthly_budget_usd, value, "USD", traffic)
        gates.append(_with_alert(gate, stage))
    for share, limit in stage.max_latency_ms.items():
        value = traffic.latency_ms.get(share) if traffic else None
        gates.append(_maximum(stage.name, f"latency_{share}", limit, value, "ms", traffic))
    return gates


def _minimum(stage: str, metric: str, threshold: float, evidence: Evidence) -> GateDecision:
    """Passed when the whole interval is at or above the threshold, failed when the whole of it is below."""
    result = evidence.metrics.get(metric)
    if result is None:
        verdict, why, measured = "inconclusive", _not_measured(metric, evidence), None
    elif result.mean is None:
        reasons = (
            "; ".join(f"{count} cases: {reason}" for reason, count in result.reasons.items()) or "no case"
        )
        verdict, why, measured = "inconclusive", f"no case has a value ({reasons})", None
    else:
        measured = result.mean
        shown = f"{result.low_bounded:.3f} to {result.high_bounded:.3f}"
        if result.undefined:
            shown += f" with the {result.undefined} undefined of {result.n + result.undefined} cases at their worst and best"
        if result.low_bounded >= threshold:
            verdict, why = "passed", f"the interval {shown} is at or above {threshold:g}"
        elif result.high_bounded < threshold:
            verdict, why = "failed", f"the interval {shown} is below {threshold:g}"
        else:
            verdict, why = "inconclusive", f"the interval {shown} holds {threshold:g}; more cases would tell"
    return GateDecision(
        name=f"{stage}.{metric}",
        stage=stage,
        metric=metric,
        threshold=threshold,
        measured=measured,
        verdict=verdict,
        why=why,
    )


def _not_measured(metric: str, evidence: Evidence) -> str:
    proxies = [name for name, result in evidence.metrics.items() if result.is_proxy]
    why = f"{metric} was not measured"
    if proxies:
        why += f": judge '{evidence.judge}' only gives proxies ({', '.join(proxies)})"
    near = difflib.get_close_matches(
        metric, [*REGISTRY, "faithfulness", "answer_relevancy"], n=1, cutoff=0.85
    )
    return why + (f"; did you mean {near[0]}?" if near and near[0] != metric else "")


def _regression(stage: Stage, evidence: Evidence) -> list[GateDecision]:
    found = {item.metric: item for item in (evidence.differences or {}).get(stage.name, ())}
    gates: list[GateDecision] = []
    for metric in stage.compared_metrics:
        item = found.get(metric)
        if item is not None:
            verdict, why, measured = item.verdict, item.why, item.difference
        elif metric not in evidence.metrics and metric not in ("cost", "latency"):
            verdict, why, measured = "inconclusive", _not_measured(metric, evidence), None
        else:
            why = (
                f"{metric} has no baseline: no finished evaluation of {stage.compare_against} on these cases"
            )
            verdict, measured = "inconclusive", None
        gates.append(
            GateDecision(
                name=f"{stage.name}.{metric}",
                stage=stage.name,
                metric=metric,
                threshold=stage.max_degradation,
                measured=measured,
                verdict=verdict,
                why=why,
            )
        )
    return gates


def _launch_limits(limits: Mapping[str, float], evidence: Evidence) -> list[GateDecision]:
    traffic = evidence.traffic
    gates: list[GateDecision] = []
    for name, limit in limits.items():
        if name == "cost_per_query":
            value, unit = (traffic.cost_per_query_usd if traffic else None), "USD"
        else:
            value, unit = (traffic.latency_ms.get(name.removeprefix("latency_")) if traffic else None), "ms"
        gates.append(_maximum(MINIMUMS, name, limit, value, unit, traffic))
    return gates


def _maximum(
    stage: str, metric: str, limit: float, value: float | None, unit: str, traffic: TrafficFigures | None
) -> GateDecision:
    """Decided by the figure itself once enough requests stand behind it."""
    if traffic is None:
        verdict, why = (
            "inconclusive",
            "not measured: name the application and the release whose traffic counts",
        )
    elif value is None:
        unpriced = f"; {traffic.unpriced_calls} calls have no price" if traffic.unpriced_calls else ""
        verdict, why = "inconclusive", f"not measured in the last {traffic.window_days} days{unpriced}"
    elif traffic.requests < MIN_REQUESTS:
        verdict, why = "inconclusive", f"only {traffic.requests} requests; at least {MIN_REQUESTS} are needed"
    else:
        verdict = "passed" if value <= limit else "failed"
        relation = "at most" if value <= limit else "above"
        why = f"{value:.4g} {unit} over {traffic.requests:,} requests is {relation} {limit:g} {unit}"
    return GateDecision(
        name=f"{stage}.{metric}",
        stage=stage,
        metric=metric,
        threshold=limit,
        measured=value,
        verdict=verdict,
        why=why,
    )


def _with_alert(gate: GateDecision, stage: Stage) -> GateDecision:
    """A budget that is nearly used up still passes, but says so."""
    share, budget = stage.alert_threshold, stage.max_monthly_budget_usd
    if gate.verdict != "passed" or gate.measured is None or share is None or not budget:
        return gate
    if gate.measured < share * budget:
        return gate
    return GateDecision(
        **{**vars(gate), "why": f"{gate.why}; alert: {gate.measured / budget:.0%} of the budget"}
    )


def _score(stage: Stage, metrics: Mapping[str, MetricResult]) -> float | None:
    """Weighted mean of the stage's metrics; unknown as soon as one of them is."""
    total = sum(wanted.weight for wanted in stage.metrics.values())
    means = {name: metrics[name].mean if name in metrics else None for name in stage.metrics}
    if not means or total <= 0 or any(mean is None for mean in means.values()):
        return None
    return sum(stage.metrics[name].weight * (mean or 0.0) for name, mean in means.items()) / total
