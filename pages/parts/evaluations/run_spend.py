"""What a run cost: judging and answering apart, by metric, and what has no known price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from pages.parts.evaluations import run_actions
from pages.parts.reads import evaluations
from pages.parts.shared import metric_names, tables, units
from pages.parts.shared.frame import Screen


def draw(here: Screen, run: Evaluation) -> None:
    """Totals, then a row for each metric."""
    limit = run_actions.spend_limit(run)
    with st.grid(4, min_column_width=190, gap="small"):
        _card("Judging", run.cost_nano_usd, run.unpriced_calls, f"{run.judge_calls:,} calls")
        _card(
            "Answers",
            run.answers_cost_nano_usd,
            run.answers_unpriced,
            f"{run.answers_done:,} answers" if run.answers else "those of the dataset were scored",
        )
        st.metric(
            "Tokens of judging",
            units.count(run.input_tokens + run.output_tokens),
            f"{units.count(run.input_tokens)} in, {units.count(run.output_tokens)} out",
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
        st.metric("Spend limit", "none" if limit is None else units.usd(limit), border=True, height="stretch")
    if answers := (run.results or {}).get("answers"):
        _answers(answers)
    found = evaluations.spend(here.url, run.id, run.units_done)
    if not found:
        st.caption("This judge asks no model, so it costs nothing.")
        return
    column = tables.column
    tables.show(
        [
            {
                "metric": metric_names.title(one.metric, run),
                "cost": None if one.unpriced_calls else one.cost_nano_usd / units.NANO_PER_USD,
                "calls": one.calls,
                "unpriced": one.unpriced_calls,
                "input": one.input_tokens,
                "output": one.output_tokens,
            }
            for one in found
        ],
        {
            "metric": column.TextColumn("Metric"),
            "cost": column.NumberColumn("Cost, USD", format="%.6f"),
            "calls": column.NumberColumn("Calls", format="localized"),
            "unpriced": column.NumberColumn("Without a price", format="localized"),
            "input": column.NumberColumn("Tokens in", format="localized"),
            "output": column.NumberColumn("Tokens out", format="localized"),
        },
        key=f"evaluation_spend_{run.id}",
        alt="Cost of judging by metric",
    )


def _answers(answers: Mapping[str, Any]) -> None:
    """What the target took: gates on cost and latency are decided by these."""
    cost = answers.get("cost_per_query_usd") or {}
    facts = {"Cost of an answer": _between(cost, "mean", lambda usd: units.usd(usd * units.NANO_PER_USD))}
    for share, one in (answers.get("latency_ms") or {}).items():
        facts[f"Latency {share}"] = _between(one or {}, "value", units.duration)
    tables.facts(facts)


def _between(one: Mapping[str, Any], name: str, written: Callable[[float], str]) -> str:
    """A figure with its interval; an end that is not known is said."""
    known = {
        key: units.UNKNOWN if one.get(key) is None else written(one[key]) for key in (name, "low", "high")
    }
    if one.get(name) is None:
        return units.UNKNOWN
    return f"{known[name]} ({known['low']} to {known['high']}), n {one.get('n', 0):,}"


def _card(label: str, cost_nano_usd: int, unpriced: int, below: str) -> None:
    # With some calls unpriced the sum is the least it can have been.
    value = units.usd(cost_nano_usd) if not unpriced else f"at least {units.usd(cost_nano_usd)}"
    if unpriced and not cost_nano_usd:
        value = units.UNKNOWN
    st.metric(
        label,
        value,
        below + (f", {unpriced:,} without a price" if unpriced else ""),
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
    )
