"""The cost of an evaluation: judging and answering separately, by metric, with the unpriced calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from pages.parts.evaluations import evaluation_actions
from pages.parts.reads import evaluations
from pages.parts.shared import metric_names, tables, units
from pages.parts.shared.frame import Screen


def draw(screen: Screen, evaluation: Evaluation) -> None:
    """Draw the totals, then one row per metric."""
    limit_nano_usd = evaluation_actions.read_spend_limit(evaluation)
    with st.grid(4, min_column_width=190, gap="small"):
        _draw_card(
            "Judging",
            evaluation.cost_nano_usd,
            evaluation.unpriced_calls,
            f"{evaluation.judge_calls:,} calls",
        )
        _draw_card(
            "Answers",
            evaluation.answers_cost_nano_usd,
            evaluation.answers_unpriced,
            f"{evaluation.answers_done:,} answers"
            if evaluation.answers
            else "answers of the dataset, no cost",
        )
        st.metric(
            "Judge tokens",
            "unknown"
            if evaluation.uncounted_calls
            else units.format_count(evaluation.input_tokens + evaluation.output_tokens),
            describe_tokens(evaluation),
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
        st.metric(
            "Spend limit",
            "none" if limit_nano_usd is None else units.format_usd(limit_nano_usd),
            border=True,
            height="stretch",
        )
    if answers := (evaluation.results or {}).get("answers"):
        _draw_answers(answers)
    spend_by_metric = evaluations.break_down_spend(screen.url, evaluation.id, evaluation.units_done)
    if not spend_by_metric:
        st.caption("No model calls: this judge costs nothing.")
        return
    column = tables.column
    tables.draw(
        [
            {
                "metric": metric_names.format_title(spend.metric, evaluation),
                "cost": None if spend.unpriced_calls else spend.cost_nano_usd / units.NANO_PER_USD,
                "calls": spend.calls,
                "unpriced": spend.unpriced_calls,
                "input": spend.input_tokens,
                "output": spend.output_tokens,
            }
            for spend in spend_by_metric
        ],
        {
            "metric": column.TextColumn("Metric"),
            "cost": column.NumberColumn("Cost, USD", format="%.6f"),
            "calls": column.NumberColumn("Calls", format="localized"),
            "unpriced": column.NumberColumn("Unpriced calls", format="localized"),
            "input": column.NumberColumn("Input tokens", format="localized"),
            "output": column.NumberColumn("Output tokens", format="localized"),
        },
        key=f"evaluation_spend_{evaluation.id}",
        alt="Cost of judging by metric",
    )


def describe_tokens(evaluation: Evaluation) -> str:
    """Describe the tokens of judging; those of calls without counts are unknown, not 0."""
    if not evaluation.uncounted_calls:
        return (
            f"{units.format_count(evaluation.input_tokens)} input tokens, "
            f"{units.format_count(evaluation.output_tokens)} output"
        )
    return f"{units.format_quantity(evaluation.uncounted_calls, 'call')} without token counts"


def _draw_answers(answers: Mapping[str, Any]) -> None:
    """Draw cost and latency of the target's answers; gates on cost and latency use these figures."""
    cost = answers.get("cost_per_query_usd") or {}
    facts = {
        "Cost per answer": _format_interval(
            cost, "mean", lambda usd: units.format_usd(usd * units.NANO_PER_USD)
        )
    }
    for percentile, latency in (answers.get("latency_ms") or {}).items():
        facts[f"Latency {percentile}"] = _format_interval(latency or {}, "value", units.format_duration)
    tables.draw_facts(facts)


def _format_interval(estimate: Mapping[str, Any], centre: str, format_value: Callable[[float], str]) -> str:
    """Format an estimate with its interval and sample size; an unknown bound is written as unknown."""
    texts = {
        key: units.NO_DATA if estimate.get(key) is None else format_value(estimate[key])
        for key in (centre, "low", "high")
    }
    if estimate.get(centre) is None:
        return units.NO_DATA
    return f"{texts[centre]} ({texts['low']} to {texts['high']}), n {estimate.get('n', 0):,}"


def _draw_card(label: str, cost_nano_usd: int, unpriced: int, detail: str) -> None:
    # Unpriced calls add an unknown amount, so the sum is only a lower bound.
    value = units.format_usd(cost_nano_usd) if not unpriced else f"at least {units.format_usd(cost_nano_usd)}"
    if unpriced and not cost_nano_usd:
        value = units.NO_DATA
    st.metric(
        label,
        value,
        detail + (f", {unpriced:,} without a price" if unpriced else ""),
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
    )
