"""Gates: whether measurements meet their thresholds. Deciders only: values in, verdicts out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genaiops_core.evaluation.metrics import REGISTRY, normalise_name
from genaiops_core.evaluation.verdicts import limits as limit_figures
from genaiops_core.evaluation.verdicts.answer_figures import AnswerFigures
from genaiops_core.evaluation.verdicts.compare import LATENCIES, LATENCY, RELATIVE, Difference
from genaiops_core.evaluation.verdicts.needed_cases import describe_needed_cases
from genaiops_core.evaluation.verdicts.pipeline import Pipeline, Stage
from genaiops_core.evaluation.verdicts.summaries import MetricResult
from genaiops_core.evaluation.verdicts.traffic import TrafficFigures
from genaiops_core.evaluation.verdicts.verdict import WARNING, combine_verdicts

MINIMUMS = "minimums"
"""Name of the stage with the thresholds of the launch."""

_MAX_REASONS = 3
"""How many reasons for missing values a message lists."""


THRESHOLD, LIMIT, REGRESSION, SCORE = "threshold", "limit", "regression", "score"
"""Kinds of gate: threshold of a metric, upper limit of cost or latency, regression against the baseline, weighted score
of a stage."""

STAGE_SCORE = "stage_score"
"""The `metric` of a gate on the weighted score of its stage."""


@dataclass(frozen=True, kw_only=True)
class GateDecision:
    """One gate: its threshold, the measured value, the verdict and its reason."""

    name: str
    stage: str
    kind: str
    metric: str
    threshold: float | None
    """The minimum, or the maximum where lower is better; the allowed degradation of a regression."""
    measured: float | None
    verdict: str
    why: str
    low: float | None = None
    """Bounds of the measured value, with undefined cases at their worst and best."""
    high: float | None = None

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


SCORE_METHOD = "weighted sum of the metrics' bounds (conservative)"


@dataclass(frozen=True, kw_only=True)
class StageDecision:
    """One stage: its verdict, and its weighted score if all its metrics were measured."""

    name: str
    description: str
    verdict: str
    score: float | None
    """0 to 1; a metric where lower is better counts with its distance from its worst value."""
    low: float | None = None
    """All metrics at their worse bound at once: conservative for any correlation between the metrics."""
    high: float | None = None
    method: str = ""
    threshold: float | None = None
    """Minimum of the score; None without a gate on it."""

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
    """The evidence of all gates."""

    metrics: Mapping[str, MetricResult]
    judge: str
    traffic: TrafficFigures | None = None
    answers: AnswerFigures | None = None
    """Figures of generated answers; they take precedence over traffic."""
    differences: Mapping[str, Sequence[Difference]] | None = None
    """Regression stage -> differences with its baseline; a stage without an entry had no baseline."""
    no_baseline: str = ""
    """Why there is no baseline, as the end of a sentence."""


def decide(
    evidence: Evidence,
    *,
    pipeline: Pipeline | None = None,
    minimums: Mapping[str, float] | None = None,
    limits: Mapping[str, float] | None = None,
) -> Decision:
    """Decide all gates of a pipeline and of the thresholds of the launch.

    Args:
        evidence: the measurements.
        pipeline: the stages; None when the launch has only thresholds.
        minimums: metric -> threshold; replaces a stage's threshold of the same metric.
        limits: upper limits of `cost_per_query` (USD), `latency_p95` (ms), or a metric where neither end is better.
    """
    thresholds = {normalise_name(name): value for name, value in (minimums or {}).items()}
    gates: list[GateDecision] = []
    stages: list[StageDecision] = []
    stage_metrics: set[str] = set()
    for stage in pipeline.stages if pipeline else ():
        score = _compute_score(stage, evidence.metrics)
        stage_gates = _decide_stage(stage, evidence, thresholds)
        if stage.threshold is not None:
            stage_gates.append(_decide_score(stage, stage.threshold, score, evidence))
        stage_metrics |= set(stage.metrics)
        gates += stage_gates
        stages.append(
            StageDecision(
                name=stage.name,
                description=stage.description,
                verdict=combine_verdicts([gate.verdict for gate in stage_gates]),
                threshold=stage.threshold,
                **vars(score),
            )
        )
    launch_gates = [
        _decide_threshold(MINIMUMS, name, value, evidence)
        for name, value in thresholds.items()
        # In a stage, the minimum has replaced the threshold already.
        if name not in stage_metrics
    ]
    launch_gates += _decide_launch_limits(limits or {}, evidence)
    if launch_gates:
        gates += launch_gates
        verdict = combine_verdicts([gate.verdict for gate in launch_gates])
        stages.append(
            StageDecision(name=MINIMUMS, description="Thresholds of the launch", verdict=verdict, score=None)
        )
    return Decision(
        gates=tuple(gates), stages=tuple(stages), verdict=combine_verdicts([gate.verdict for gate in gates])
    )


def _decide_stage(stage: Stage, evidence: Evidence, minimums: Mapping[str, float]) -> list[GateDecision]:
    gates = [
        _decide_threshold(stage.name, name, minimum, evidence)
        for name, threshold in stage.metrics.items()
        if (minimum := minimums.get(name, threshold.threshold)) is not None
    ]
    gates += _decide_regression(stage, evidence)
    if stage.max_cost_per_query_usd is not None:
        gates.append(_decide_limit(stage.name, limit_figures.COST, stage.max_cost_per_query_usd, evidence))
    if stage.max_monthly_budget_usd is not None:
        gate = _decide_limit(stage.name, limit_figures.MONTHLY, stage.max_monthly_budget_usd, evidence)
        gates.append(_add_budget_alert(gate, stage))
    for share, limit in stage.max_latency_ms.items():
        gates.append(_decide_limit(stage.name, f"latency_{share}", limit, evidence))
    return gates


def _decide_threshold(
    stage: str, metric: str, threshold: float, evidence: Evidence, *, is_most: bool = False
) -> GateDecision:
    """Passed when the whole interval is on the good side of the threshold, failed when all of it is on the bad side."""
    result = evidence.metrics.get(metric)
    measured = low = high = None
    if result is None:
        verdict, why = "inconclusive", _explain_not_measured(metric, evidence)
    elif result.mean is None:
        verdict, why = _decide_no_value(result)
    else:
        measured, low, high = result.mean, result.low_bounded, result.high_bounded
        # `is False`: None means that neither end is better, and then the threshold is a minimum.
        is_most = is_most or result.scale.higher_is_better is False
        verdict, why = _decide_interval(result, threshold, is_most=is_most)
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


def _decide_interval(result: MetricResult, threshold: float, *, is_most: bool) -> tuple[str, str]:
    low, high = result.low_bounded, result.high_bounded
    interval = f"the interval {low:.3f} to {high:.3f}"
    if result.undefined:
        missing = f"{result.undefined} undefined of {result.n + result.undefined} cases"
        if result.failed:
            missing += f" ({result.failed} failed)"
        interval += f" with the {missing} at their worst and best"
    if not is_most:
        is_passed, is_failed, passed_relation, failed_relation = (
            low >= threshold,
            high < threshold,
            "at or above",
            "below",
        )
    else:
        is_passed, is_failed, passed_relation, failed_relation = (
            high <= threshold,
            low > threshold,
            "at or below",
            "above",
        )
    if is_passed:
        return "passed", f"{interval} is {passed_relation} {threshold:g}"
    if is_failed:
        return "failed", f"{interval} is {failed_relation} {threshold:g}"
    return "inconclusive", f"{interval} includes {threshold:g}; {describe_needed_cases(result, threshold)}"


def _decide_no_value(result: MetricResult) -> tuple[str, str]:
    """Error when the judge failed on every case; inconclusive when cases lack a field."""
    reason_counts = list(result.reasons.items())
    reasons = "; ".join(
        f"{count} {'case' if count == 1 else 'cases'}: {reason}"
        for reason, count in reason_counts[:_MAX_REASONS]
    )
    reasons = reasons or "no case"
    if len(reason_counts) > _MAX_REASONS:
        # Error messages of servers differ from call to call, so the list is cut.
        reasons += f"; {len(reason_counts) - _MAX_REASONS:,} more reasons"
    if result.failed and result.failed == result.undefined:
        return "error", f"every case failed ({reasons})"
    return "inconclusive", f"no case has a value ({reasons})"


def _explain_not_measured(metric: str, evidence: Evidence) -> str:
    proxies = [name for name, result in evidence.metrics.items() if result.is_proxy]
    why = f"{metric} was not measured"
    if proxies:
        why += f": judge '{evidence.judge}' only gives proxies ({', '.join(proxies)})"
    suggestions = difflib.get_close_matches(
        # A high cutoff: only typing errors are suggested, not other metrics.
        metric,
        [*REGISTRY, "faithfulness", "answer_relevancy"],
        n=1,
        cutoff=0.85,
    )
    return why + (f"; did you mean {suggestions[0]}?" if suggestions and suggestions[0] != metric else "")


def _decide_regression(stage: Stage, evidence: Evidence) -> list[GateDecision]:
    differences = {item.metric: item for item in (evidence.differences or {}).get(stage.name, ())}
    gates: list[GateDecision] = []
    if stage.compare_against is None:
        return gates
    # Without a baseline every measured metric gets an inconclusive gate; no gate at all would look like
    # success.
    for metric in stage.compared_metrics or tuple(differences) or tuple(evidence.metrics):
        # `latency` was compared by percentile.
        names = [name for name in LATENCIES if name in differences] if metric == LATENCY else []
        gates += [
            _decide_regression_metric(stage, name, differences.get(name), evidence)
            for name in names or [metric]
        ]
    return gates


def _decide_regression_metric(
    stage: Stage, metric: str, difference: Difference | None, evidence: Evidence
) -> GateDecision:
    measured = low = high = None
    if difference is not None:
        verdict, why, measured, low, high = (
            difference.verdict,
            difference.why,
            difference.difference,
            difference.low,
            difference.high,
        )
    elif metric not in evidence.metrics and metric not in RELATIVE:
        verdict, why = "inconclusive", _explain_not_measured(metric, evidence)
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


def _decide_launch_limits(limits: Mapping[str, float], evidence: Evidence) -> list[GateDecision]:
    return [
        _decide_limit(MINIMUMS, name, limit, evidence)
        if name == limit_figures.COST or name.startswith("latency_p")
        else _decide_threshold(MINIMUMS, name, limit, evidence, is_most=True)
        for name, limit in limits.items()
    ]


def _decide_limit(stage: str, metric: str, limit: float, evidence: Evidence) -> GateDecision:
    figure = limit_figures.find_figure(metric, evidence.answers, evidence.traffic)
    verdict, why = limit_figures.decide_limit(figure, limit)
    return GateDecision(
        name=f"{stage}.{metric}",
        stage=stage,
        kind=LIMIT,
        metric=metric,
        threshold=limit,
        measured=figure.value,
        low=figure.low,
        high=figure.high,
        verdict=verdict,
        why=why,
    )


def _add_budget_alert(gate: GateDecision, stage: Stage) -> GateDecision:
    """A budget that passes, but may be used up to its alert threshold, is a warning."""
    share, budget = stage.alert_threshold, stage.max_monthly_budget_usd
    if gate.verdict != "passed" or gate.measured is None or share is None or not budget:
        return gate
    used = gate.measured if gate.high is None else gate.high
    if used < share * budget:
        return gate
    why = f"{gate.why}; alert: {used / budget:.0%} of the budget, and alert_threshold is {share:.0%}"
    return replace(gate, verdict=WARNING, why=why)


@dataclass(frozen=True, kw_only=True)
class _Score:
    """The weighted score of a stage with its bounds; None while a metric has no value."""

    score: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""


def _compute_score(stage: Stage, metrics: Mapping[str, MetricResult]) -> _Score:
    """Weighted mean of the stage's metrics with its bounds."""
    total = sum(threshold.weight for threshold in stage.metrics.values())
    if total <= 0:
        return _Score()
    score = low = high = 0.0
    for name, threshold in stage.metrics.items():
        if not threshold.weight:
            continue
        result = metrics.get(name)
        if result is None or result.mean is None:
            return _Score()
        share = threshold.weight / total
        # Sorted, because goodness reverses the bounds where lower is better.
        bounds = sorted(result.scale.goodness(bound) for bound in (result.low_bounded, result.high_bounded))
        score += share * result.scale.goodness(result.mean)
        low += share * bounds[0]
        high += share * bounds[1]
    return _Score(score=score, low=low, high=high, method=SCORE_METHOD)


def _decide_score(stage: Stage, minimum: float, score: _Score, evidence: Evidence) -> GateDecision:
    """Decide the weighted score of a stage by its bounds; without the value of a metric there is no score."""
    if score.score is None or score.low is None or score.high is None:
        verdict, why = _explain_no_score(stage, evidence)
    else:
        bounds = f"the weighted score {score.score:.3f} ({score.low:.3f} to {score.high:.3f})"
        if score.low >= minimum:
            verdict, why = "passed", f"{bounds} is at or above {minimum:g}"
        elif score.high < minimum:
            verdict, why = "failed", f"{bounds} is below {minimum:g}"
        else:
            verdict, why = "inconclusive", f"{bounds} includes {minimum:g}; add cases"
    return GateDecision(
        name=f"{stage.name}.{STAGE_SCORE}",
        stage=stage.name,
        kind=SCORE,
        metric=STAGE_SCORE,
        threshold=minimum,
        measured=score.score,
        low=score.low,
        high=score.high,
        verdict=verdict,
        why=why,
    )


def _explain_no_score(stage: Stage, evidence: Evidence) -> tuple[str, str]:
    reasons: list[tuple[str, str]] = []
    for name, threshold in stage.metrics.items():
        result = evidence.metrics.get(name)
        if not threshold.weight or (result is not None and result.mean is not None):
            continue
        if result is None:
            reasons.append(("inconclusive", _explain_not_measured(name, evidence)))
        else:
            verdict, why = _decide_no_value(result)
            reasons.append((verdict, f"{name}: {why}"))
    why = "; ".join(reason for _, reason in reasons)
    return combine_verdicts([verdict for verdict, _ in reasons]), f"no score without every metric: {why}"
