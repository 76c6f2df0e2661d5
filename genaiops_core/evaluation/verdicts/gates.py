"""Gates: whether what was measured clears what was asked. Deciders only: values in, verdicts out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.metrics import REGISTRY, normalise_name
from genaiops_core.evaluation.verdicts import limits as limiting
from genaiops_core.evaluation.verdicts.answer_figures import AnswerFigures
from genaiops_core.evaluation.verdicts.compare import LATENCIES, LATENCY, RELATIVE, Difference
from genaiops_core.evaluation.verdicts.pipeline import Pipeline, Stage
from genaiops_core.evaluation.verdicts.summaries import MetricResult
from genaiops_core.evaluation.verdicts.traffic import TrafficFigures
from genaiops_core.evaluation.verdicts.verdict import overall

MINIMUMS = "minimums"
"""Name of the stage that the thresholds given at launch make."""

_TOLD = 3
"""Reasons for missing values that a sentence names."""


THRESHOLD, LIMIT, REGRESSION = "threshold", "limit", "regression"
"""Kinds of gate: a metric against its threshold, a cost or latency against a most, a run against its baseline."""


@dataclass(frozen=True, kw_only=True)
class GateDecision:
    """One gate: what was asked, what was found, and why the verdict is what it is."""

    name: str
    stage: str
    kind: str
    metric: str
    threshold: float | None
    """The least it must be, or the most where less is better; the allowed degradation of a regression."""
    measured: float | None
    verdict: str
    why: str
    low: float | None = None
    """What was measured lies between `low` and `high`, undefined cases at their worst and best."""
    high: float | None = None

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


SCORE_METHOD = "weighted sum of the metrics' bounds (conservative)"


@dataclass(frozen=True, kw_only=True)
class StageDecision:
    """One stage: its verdict, and its weighted score where every metric of it was measured."""

    name: str
    description: str
    verdict: str
    score: float | None
    """Between 0 and 1; a metric of which less is better counts with what it lacks of its worst."""
    low: float | None = None
    """If every metric were at its worse bound at once: wider than need be, whatever the metrics have in common."""
    high: float | None = None
    method: str = ""

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
    answers: AnswerFigures | None = None
    """Of the answers that the run generated; they go before traffic."""
    differences: Mapping[str, Sequence[Difference]] | None = None
    """Regression stage -> differences with its baseline; a stage without an entry had no baseline."""
    no_baseline: str = ""
    """Why there is none, in words that end a sentence."""


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
        minimums: metric -> threshold; replaces that of a stage that asks for the same metric.
        limits: `cost_per_query` (USD), `latency_p95` (ms), or a metric of which neither end is better: at most.
    """
    wanted = {normalise_name(name): value for name, value in (minimums or {}).items()}
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
                **_score(stage, evidence.metrics),
            )
        )
    extra = [
        _threshold(MINIMUMS, name, value, evidence) for name, value in wanted.items() if name not in used
    ]
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
        _threshold(stage.name, name, minimums.get(name, wanted.threshold), evidence)
        for name, wanted in stage.metrics.items()
    ]
    gates += _regression(stage, evidence)
    if stage.max_cost_per_query_usd is not None:
        gates.append(_maximum(stage.name, limiting.COST, stage.max_cost_per_query_usd, evidence))
    if stage.max_monthly_budget_usd is not None:
        gate = _maximum(stage.name, limiting.MONTHLY, stage.max_monthly_budget_usd, evidence)
        gates.append(_with_alert(gate, stage))
    for share, limit in stage.max_latency_ms.items():
        gates.append(_maximum(stage.name, f"latency_{share}", limit, evidence))
    return gates


def _threshold(
    stage: str, metric: str, threshold: float, evidence: Evidence, *, is_most: bool = False
) -> GateDecision:
    """Passed when the whole interval is on the good side of the threshold, failed when the whole of it is not."""
    result = evidence.metrics.get(metric)
    measured = low = high = None
    if result is None:
        verdict, why = "inconclusive", _not_measured(metric, evidence)
    elif result.mean is None:
        verdict, why = _no_value(result)
    else:
        measured, low, high = result.mean, result.low_bounded, result.high_bounded
        is_most = is_most or result.scale.higher_is_better is False
        verdict, why = _interval_verdict(result, threshold, is_most=is_most)
    return GateDecision(
        name=f"{stage}.{metric}",
        stage=stage,
        kind=THRESHOLD,
        metric=metric,
        threshold=threshold,
        measured=measured,
        low=low,
        high=high,
        verdict=verdict,
        why=why,
    )


def _interval_verdict(result: MetricResult, threshold: float, *, is_most: bool) -> tuple[str, str]:
    low, high = result.low_bounded, result.high_bounded
    shown = f"the interval {low:.3f} to {high:.3f}"
    if result.undefined:
        missing = f"{result.undefined} undefined of {result.n + result.undefined} cases"
        if result.failed:
            missing += f" ({result.failed} failed)"
        shown += f" with the {missing} at their worst and best"
    if not is_most:
        is_passed, is_failed, good, bad = low >= threshold, high < threshold, "at or above", "below"
    else:
        is_passed, is_failed, good, bad = high <= threshold, low > threshold, "at or below", "above"
    if is_passed:
        return "passed", f"{shown} is {good} {threshold:g}"
    if is_failed:
        return "failed", f"{shown} is {bad} {threshold:g}"
    return "inconclusive", f"{shown} holds {threshold:g}; more cases would tell"


def _no_value(result: MetricResult) -> tuple[str, str]:
    """A judge that failed everywhere is an error of the measurement; cases that lack something are a gap in it."""
    told = list(result.reasons.items())
    reasons = "; ".join(
        f"{count} {'case' if count == 1 else 'cases'}: {reason}" for reason, count in told[:_TOLD]
    )
    reasons = reasons or "no case"
    if len(told) > _TOLD:
        # Servers answer each failed call in other words; a sentence is no list of them.
        reasons += f"; {len(told) - _TOLD:,} more reasons"
    if result.failed and result.failed == result.undefined:
        return "error", f"every case failed ({reasons})"
    return "inconclusive", f"no case has a value ({reasons})"


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
    if stage.compare_against is None:
        return gates
    for metric in stage.compared_metrics or tuple(found) or tuple(evidence.metrics):
        # `latency` was compared percentile by percentile.
        names = [name for name in LATENCIES if name in found] if metric == LATENCY else []
        gates += [_regression_gate(stage, name, found.get(name), evidence) for name in names or [metric]]
    return gates


def _regression_gate(stage: Stage, metric: str, item: Difference | None, evidence: Evidence) -> GateDecision:
    measured = low = high = None
    if item is not None:
        verdict, why, measured, low, high = item.verdict, item.why, item.difference, item.low, item.high
    elif metric not in evidence.metrics and metric not in RELATIVE:
        verdict, why = "inconclusive", _not_measured(metric, evidence)
    else:
        missing = evidence.no_baseline or f"no finished evaluation of {stage.compare_against} on this dataset"
        verdict, why = "inconclusive", f"{metric} has no baseline: {missing}"
    return GateDecision(
        name=f"{stage.name}.{metric}",
        stage=stage.name,
        kind=REGRESSION,
        metric=metric,
        threshold=stage.max_degradation,
        measured=measured,
        low=low,
        high=high,
        verdict=verdict,
        why=why,
    )


def _launch_limits(limits: Mapping[str, float], evidence: Evidence) -> list[GateDecision]:
    return [
        _maximum(MINIMUMS, name, limit, evidence)
        if name == limiting.COST or name.startswith("latency_p")
        else _threshold(MINIMUMS, name, limit, evidence, is_most=True)
        for name, limit in limits.items()
    ]


def _maximum(stage: str, metric: str, limit: float, evidence: Evidence) -> GateDecision:
    found = limiting.figure(metric, evidence.answers, evidence.traffic)
    verdict, why = limiting.verdict(found, limit)
    return GateDecision(
        name=f"{stage}.{metric}",
        stage=stage,
        kind=LIMIT,
        metric=metric,
        threshold=limit,
        measured=found.value,
        low=found.low,
        high=found.high,
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


def _score(stage: Stage, metrics: Mapping[str, MetricResult]) -> dict[str, Any]:
    """Weighted mean of the stage's metrics with its bounds; unknown as soon as one of them is."""
    unknown = {"score": None, "low": None, "high": None, "method": ""}
    total = sum(wanted.weight for wanted in stage.metrics.values())
    if total <= 0:
        return unknown
    score = low = high = 0.0
    for name, wanted in stage.metrics.items():
        result = metrics.get(name)
        if result is None or result.mean is None:
            return unknown
        share = wanted.weight / total
        bounds = sorted(result.scale.goodness(bound) for bound in (result.low_bounded, result.high_bounded))
        score += share * result.scale.goodness(result.mean)
        low += share * bounds[0]
        high += share * bounds[1]
    return {"score": score, "low": low, "high": high, "method": SCORE_METHOD}
