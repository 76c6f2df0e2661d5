"""Figures with an upper limit: cost per query, monthly cost, latency. Deciders only."""

from __future__ import annotations

from dataclasses import dataclass

from genaiops_core.evaluation.verdicts.answer_figures import AnswerFigures
from genaiops_core.evaluation.verdicts.traffic import MIN_REQUESTS, TrafficFigures

COST = "cost_per_query"
MONTHLY = "monthly_cost"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The measured value for a limit and its evidence; None is unknown."""

    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str
    evidence: str = ""
    missing: str = ""
    """Why there is no value, or too little evidence to decide."""


def find_figure(name: str, answers: AnswerFigures | None, traffic: TrafficFigures | None) -> Figure:
    """`cost_per_query` (USD), `monthly_cost` (USD) or `latency_p50|p95|p99` (ms).

    Generated answers of the evaluation take precedence: they are of the current release, on the cases of the dataset.
    Otherwise the release's traffic of the last days decides. It is complete, not a sample, so it needs no interval.
    The monthly cost is that of the application's whole traffic, so that the small share of a canary does not hide what
    its promotion costs.
    """
    if name == MONTHLY:
        return _find_monthly_figure(answers, traffic)
    if answers is not None:
        return _find_answers_figure(name, answers)
    unit = "ms" if name.startswith("latency") else "USD"
    if traffic is None:
        missing = "not measured: generate the answers with a target, or name the application and the release for figures of its traffic"
        return Figure(value=None, unit=unit, missing=missing)
    return _find_traffic_figure(name, traffic, unit)


def decide_limit(figure: Figure, limit: float) -> tuple[str, str]:
    """Passed when the whole interval is at most the limit, failed when the whole interval is above it."""
    if figure.value is None or figure.missing:
        return "inconclusive", figure.missing
    unit = figure.unit
    # Traffic is complete, so its figure has no interval.
    if figure.low == figure.high == figure.value:
        relation = "at most" if figure.value <= limit else "above"
        why = f"{figure.value:.4g} {unit} over {figure.evidence} is {relation} {limit:g} {unit}"
        return ("passed" if figure.value <= limit else "failed"), why
    low = "unknown" if figure.low is None else f"{figure.low:.4g}"
    high = "unknown" if figure.high is None else f"{figure.high:.4g}"
    formatted = f"{figure.value:.4g} {unit} ({low} to {high}) over {figure.evidence}"
    if figure.high is not None and figure.high <= limit:
        return "passed", f"{formatted} is at most {limit:g} {unit}"
    if figure.low is not None and figure.low > limit:
        return "failed", f"{formatted} is above {limit:g} {unit}"
    return "inconclusive", f"{formatted} includes {limit:g} {unit}; add cases"


def _find_answers_figure(name: str, answers: AnswerFigures) -> Figure:
    evidence = f"{answers.cases:,} cases with generated answers"
    if name == COST:
        cost = answers.cost_per_query_usd
        if cost is None:
            why = (
                f"{answers.unpriced} generated answers have no price"
                if answers.unpriced
                else "too few answers"
            )
            return Figure(value=None, unit="USD", missing=f"not measured: {why}")
        return Figure(value=cost.mean, low=cost.low, high=cost.high, unit="USD", evidence=evidence)
    latency = answers.latency_ms.get(name.removeprefix("latency_"))
    if latency is None:
        return Figure(
            value=None, unit="ms", missing="not measured: no answer was generated with a known latency"
        )
    return Figure(value=latency.value, low=latency.low, high=latency.high, unit="ms", evidence=evidence)


def _find_traffic_figure(name: str, traffic: TrafficFigures, unit: str) -> Figure:
    value = (
        traffic.cost_per_query_usd if name == COST else traffic.latency_ms.get(name.removeprefix("latency_"))
    )
    missing = _explain_missing(value, traffic)
    evidence = f"{traffic.requests:,} requests of the last {traffic.window_days} days"
    return Figure(value=value, low=value, high=value, unit=unit, evidence=evidence, missing=missing)


def _find_monthly_figure(answers: AnswerFigures | None, traffic: TrafficFigures | None) -> Figure:
    """Cost per request of the release, times the requests of its application in 30 days.

    The release's own traffic decides from `MIN_REQUESTS` requests on, because users ask other questions than the
    dataset; before, the cost of generated answers does.
    """
    if traffic is None:
        missing = "not measured: name the application and the release for figures of their traffic"
        return Figure(value=None, unit="USD", missing=missing)
    requests = traffic.monthly_application_requests or 0.0
    evidence = (
        f"30 days of the application's whole traffic ({traffic.application_requests or 0:,} requests of the last "
        f"{traffic.window_days} days, all releases)"
    )
    missing = _explain_missing(traffic.monthly_cost_at_full_traffic_usd, traffic)
    cost = answers.cost_per_query_usd if answers is not None else None
    if missing and cost is not None and (traffic.application_requests or 0) >= MIN_REQUESTS:
        return Figure(
            value=cost.mean * requests,
            low=cost.low * requests,
            high=cost.high * requests,
            unit="USD",
            evidence=f"{evidence} at {cost.mean:.4g} USD per generated answer",
        )
    value = traffic.monthly_cost_at_full_traffic_usd
    if value is not None:
        evidence += f" at {traffic.cost_per_query_usd:.4g} USD per request of this release"
    return Figure(value=value, low=value, high=value, unit="USD", evidence=evidence, missing=missing)


def _explain_missing(value: float | None, traffic: TrafficFigures) -> str:
    """Why a figure of traffic is unknown or has too little evidence; '' when it decides."""
    if value is None:
        unpriced = f"; {traffic.unpriced_calls} calls have no price" if traffic.unpriced_calls else ""
        return f"not measured in the last {traffic.window_days} days{unpriced}"
    if traffic.requests < MIN_REQUESTS:
        return f"only {traffic.requests} requests; at least {MIN_REQUESTS} are needed"
    return ""
