"""Measured values and thresholds of gates as text with their units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genaiops_core.evaluation.verdicts.compare import RELATIVE
from genaiops_core.evaluation.verdicts.gates import LIMIT, REGRESSION
from genaiops_core.evaluation.verdicts.limits import COST, MONTHLY


def format_measured(gate: Mapping[str, Any]) -> str:
    """The measured value: `0.912`, `0.0123 USD`, `2,400 ms`, `+4.2 %` for a relative change, or `unknown`."""
    value = gate.get("measured")
    if value is None:
        return "unknown"
    if gate.get("kind") == REGRESSION:
        return f"{value:+.1%}".replace("%", " %") if gate["metric"] in RELATIVE else f"{value:+.4f}"
    return _add_unit(f"{value:.4g}" if abs(value) < 1_000 else f"{value:,.0f}", find_unit(gate))


def format_threshold(gate: Mapping[str, Any]) -> str:
    """The threshold: `0.85`, `0.02 USD`, `3,000 ms`, `5 %` for a relative change, or '' without one."""
    value = gate.get("threshold")
    if value is None:
        return ""
    if gate.get("kind") == REGRESSION and gate["metric"] in RELATIVE:
        return f"{value * 100:g} %"
    return _add_unit(f"{value:,g}" if abs(value) < 10_000 else f"{value:,.0f}", find_unit(gate))


def find_unit(gate: Mapping[str, Any]) -> str:
    """`USD`, `USD a month` or `ms`; '' for scores and changes. Gates of early documents have no `kind`."""
    metric = str(gate.get("metric"))
    if gate.get("kind", LIMIT) != LIMIT:
        return ""
    if metric.startswith("latency_p"):
        return "ms"
    return {COST: "USD", MONTHLY: "USD a month"}.get(metric, "")


def _add_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit else text
