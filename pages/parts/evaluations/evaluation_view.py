"""One evaluation that has ended: its verdict, its metrics with intervals, and a tab for each kind of detail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.verdicts.gates import THRESHOLD
from genaiops_core.evaluation.verdicts.summaries import NOT_SCORED
from genaiops_core.evaluation.verdicts.verdict import WARNING
from pages.parts.charts import interval_chart, plots
from pages.parts.evaluations import (
    case_table,
    compare_view,
    evaluation_keys,
    evaluation_list,
    evaluation_setup,
    evaluation_spend,
    gate_table,
)
from pages.parts.reviews import judge_agreement_view
from pages.parts.shared import glossary, metric_names, tables, units
from pages.parts.shared.frame import Screen

TABS = ("Gates", "Cases", "Compare", "Spend", "Judge-human agreement", "Setup")

# In the order of TABS; all have the parameters (screen, evaluation).
_DRAW_TABS = (
    gate_table.draw,
    case_table.draw,
    compare_view.draw,
    evaluation_spend.draw,
    judge_agreement_view.draw,
    evaluation_setup.draw,
)

_MAX_TITLES = 4
"""Metrics that the sentence of the verdict names; the gate table lists all of them."""

_VERDICT_TEXTS = {
    "passed": ":green[:material/check_circle: **Passed.**] Every gate's whole 95 % interval meets its threshold.",
    "warning": ":orange[:material/notifications: **Passed with a warning.**] Close to its limit:",
    "failed": ":red[:material/cancel: **Failed.**] 95 % interval entirely {side} threshold:",
    "inconclusive": ":orange[:material/help: **Inconclusive**] (counts as not passed). Not decided:",
    "error": ":red[:material/error: **Error.**] Gate not evaluated:",
}


def draw_head(evaluation: Evaluation) -> None:
    """Draw the dataset, verdict, state, release and judge of an evaluation."""
    if evaluation.verdict:
        tables.draw_badge(evaluation.verdict, label=f"verdict {evaluation.verdict}", icon=":material/gavel:")
    st.subheader(
        f"{units.escape_markdown(evaluation.dataset)} v{evaluation.version}",
        icon=":material/science:",
        anchor=False,
        width="content",
    )
    if not evaluation.is_open:
        # The live progress panel shows the state of an open evaluation.
        tables.draw_badge(evaluation.state)
    if evaluation.is_demo:
        tables.draw_badge("demo", icon=":material/experiment:")
    if evaluation.application:
        st.caption(units.escape_markdown(evaluation_list.format_release(evaluation)), width="content")
    st.caption(f"judge {units.escape_markdown(evaluation.judge)}", width="content")


def draw_results(screen: Screen, evaluation: Evaluation) -> None:
    """Draw the results of an evaluation that has ended."""
    results = evaluation.results or {}
    metrics = _sort_metrics(results.get("metrics") or {})
    gates: Sequence[Mapping[str, Any]] = results.get("gates") or []
    if evaluation.verdict:
        _draw_verdict(evaluation, evaluation.verdict, gates)
    if evaluation.problem:
        st.warning(units.escape_markdown(evaluation.problem), icon=":material/info:")
    if metrics:
        _draw_cards(metrics, evaluation)
        _draw_chart(metrics, evaluation)
    tabs = st.tabs(list(TABS), key=evaluation_keys.EVALUATION_TAB, on_change="rerun", bind="query-params")
    for tab, draw_tab in zip(tabs, _DRAW_TABS, strict=True):
        # A closed tab reads nothing.
        if tab.open:
            with tab:
                draw_tab(screen, evaluation)


def _sort_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Sort metrics by name, those with a threshold first because they decide the verdict."""
    return dict(sorted(metrics.items(), key=lambda item: (item[1].get("threshold") is None, item[0])))


def _draw_verdict(evaluation: Evaluation, verdict: str, gates: Sequence[Mapping[str, Any]]) -> None:
    """Draw the verdict in one sentence with the gates that caused it."""
    if not gates:
        st.markdown("This evaluation has no gates, so there is nothing to pass or fail.")
        return
    decisive_gates = [gate for gate in gates if gate["verdict"] == verdict] if verdict != "passed" else []
    metric_titles = ", ".join(
        metric_names.format_title(str(gate.get("metric")), evaluation)
        for gate in decisive_gates[:_MAX_TITLES]
    )
    remainder = f" and {len(decisive_gates) - _MAX_TITLES} more" if len(decisive_gates) > _MAX_TITLES else ""
    text = _VERDICT_TEXTS[verdict].format(side="below" if _are_below(decisive_gates) else "beyond")
    st.markdown(text + (f" {units.escape_markdown(metric_titles)}{remainder}." if decisive_gates else ""))
    for gate in decisive_gates if verdict == WARNING else ():
        st.caption(f":orange[:material/notifications:] {units.escape_markdown(str(gate.get('why')))}")


def _are_below(failed_gates: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every gate failed because its metric is too low; a limit or a regression fails by being too high."""
    return all(
        gate.get("kind") == THRESHOLD and (gate.get("measured") or 0.0) < (gate.get("threshold") or 0.0)
        for gate in failed_gates
    )


def _draw_cards(metrics: Mapping[str, Any], evaluation: Evaluation) -> None:
    with st.grid(min(5, max(1, len(metrics))), min_column_width=190, gap="small"):
        for name, summary in metrics.items():
            has_interval = summary["mean"] is not None and summary["low"] is not None
            st.metric(
                units.escape_markdown(summary.get("title") or metric_names.format_title(name, evaluation)),
                units.format_score(summary["mean"]),
                f"{summary['low']:.3f} to {summary['high']:.3f}" if has_interval else "no case has a score",
                delta_color="off",
                delta_arrow="off",
                border=True,
                height="stretch",
                delta_description=_format_case_count(summary),
                help=_explain(summary),
            )
    unscored_by_metric = {
        name: unscored
        for name, summary in metrics.items()
        if (unscored := _describe_unscored(summary, evaluation.repetitions))
    }
    if unscored_by_metric:
        descriptions = "; ".join(
            f"{metric_names.format_title(name, evaluation)} {unscored}"
            for name, unscored in unscored_by_metric.items()
        )
        st.caption(f":orange[:material/help:] Not scored: {units.escape_markdown(descriptions)}.")


def _format_case_count(summary: Mapping[str, Any]) -> str:
    """Format the number of scored cases; short, because a card truncates long text."""
    cases = summary["n"] + (summary.get("undefined") or 0)
    return f"n {summary['n']:,}" if cases == summary["n"] else f"n {summary['n']:,} of {cases:,}"


def _describe_unscored(summary: Mapping[str, Any], repetitions: int) -> str:
    """Describe how many cases have no score, by reason; '' when every case has one."""
    not_scored = (summary.get("reasons") or {}).get(NOT_SCORED, 0)
    failed = summary.get("failed") or 0
    undefined = (summary.get("undefined") or 0) - failed - not_scored
    # A case counts as scored when one of its repetitions has a score; missing repetitions are counted apart.
    missing_repetitions = summary["n"] * repetitions - (summary.get("values") or summary["n"] * repetitions)
    counts = {
        "undefined": undefined,
        "failed": failed,
        "not scored": not_scored,
        "repetitions missing": missing_repetitions,
    }
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count > 0)


def _explain(summary: Mapping[str, Any]) -> str:
    """Explain the interval of a metric card: what it is, its method and, for a proxy, what it cannot measure."""
    interval = glossary.INTERVAL if summary["low"] is not None else ""
    sentences = [interval, units.escape_markdown(summary.get("method") or "")]
    if summary["low"] is not None and (
        summary["low_bounded"] < summary["low"] or summary["high_bounded"] > summary["high"]
    ):
        sentences.append(
            f"With unscored cases at the worst and best score: {summary['low_bounded']:.3f} to "
            f"{summary['high_bounded']:.3f}. Gates use this wider interval."
        )
    if summary.get("is_proxy"):
        sentences.insert(0, glossary.PROXY)
    return "\n\n".join(sentence for sentence in sentences if sentence)


def _draw_chart(metrics: Mapping[str, Any], evaluation: Evaluation) -> None:
    rows = [
        interval_chart.Interval(
            name=summary.get("title") or metric_names.format_title(name, evaluation),
            mean=summary["mean"],
            low=summary["low"],
            high=summary["high"],
            low_bounded=summary["low_bounded"],
            high_bounded=summary["high_bounded"],
            threshold=summary.get("threshold"),
        )
        for name, summary in metrics.items()
        if summary["mean"] is not None and summary["low"] is not None
    ]
    if not rows:
        return
    descriptions = "; ".join(
        f"{row.name} {row.mean:.3f}, {row.low:.3f} to {row.high:.3f}"
        + (f", threshold {row.threshold:g}" if row.threshold is not None else "")
        for row in rows
    )
    plots.draw(
        interval_chart.build_interval_chart(rows),
        key=f"evaluation_intervals_{evaluation.id}",
        alt=f"Means with intervals: {descriptions}",
    )
