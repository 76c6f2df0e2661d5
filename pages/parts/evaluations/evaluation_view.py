"""One evaluation that has ended: did it pass, how sure is that, and everything behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.verdicts.summaries import NOT_SCORED
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
from pages.parts.shared import metric_names, tables, units
from pages.parts.shared.frame import Screen

TABS = ("Gates", "Cases", "Compare", "Spend", "Against humans", "Setup")

_DRAW_TABS = (
    gate_table.draw,
    case_table.draw,
    compare_view.draw,
    evaluation_spend.draw,
    judge_agreement_view.draw,
    evaluation_setup.draw,
)

_MAX_TITLES = 4

_VERDICT_TEXTS = {
    "passed": ":green[:material/check_circle: **Passed.**] Every gate is cleared by the whole of its interval.",
    "failed": ":red[:material/cancel: **Failed.**] Missed by the whole of the interval:",
    "inconclusive": ":orange[:material/help: **Inconclusive**], which is no pass. Neither cleared nor missed:",
    "error": ":red[:material/error: **Error.**] Could not be decided:",
}


def draw_head(evaluation: Evaluation) -> None:
    """Which run this is and what it came to."""
    if evaluation.verdict:
        tables.badge(evaluation.verdict, label=f"verdict {evaluation.verdict}", icon=":material/gavel:")
    st.subheader(
        f"{units.plain(evaluation.dataset)} v{evaluation.version}",
        icon=":material/science:",
        anchor=False,
        width="content",
    )
    if not evaluation.is_open:
        # While it is open the progress below says the state, and goes on saying it when it changes.
        tables.badge(evaluation.state)
    if evaluation.is_demo:
        tables.badge("demo", icon=":material/experiment:")
    if evaluation.application:
        st.caption(units.plain(evaluation_list.format_release(evaluation)), width="content")
    st.caption(f"judge {units.plain(evaluation.judge)}", width="content")


def draw_results(screen: Screen, evaluation: Evaluation) -> None:
    """Everything that came out of a run that has ended."""
    results = evaluation.results or {}
    metrics = _sort_metrics(results.get("metrics") or {})
    gates: Sequence[Mapping[str, Any]] = results.get("gates") or []
    if evaluation.verdict:
        _draw_verdict(evaluation, evaluation.verdict, gates)
    if evaluation.problem:
        st.warning(units.plain(evaluation.problem), icon=":material/info:")
    if metrics:
        _draw_cards(metrics, evaluation)
        _draw_chart(metrics, evaluation)
    tabs = st.tabs(list(TABS), key=evaluation_keys.EVALUATION_TAB, on_change="rerun", bind="query-params")
    for tab, draw_tab in zip(tabs, _DRAW_TABS, strict=True):
        if tab.open:
            with tab:
                draw_tab(screen, evaluation)


def _sort_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Those that something was asked of first, because they decide."""
    return dict(sorted(metrics.items(), key=lambda item: (item[1].get("threshold") is None, item[0])))


def _draw_verdict(evaluation: Evaluation, verdict: str, gates: Sequence[Mapping[str, Any]]) -> None:
    """Whether it passed, in one sentence, and which gates stood in the way."""
    if not gates:
        st.markdown("This run had no gate, so it has nothing to pass or fail.")
        return
    decisive_gates = [gate for gate in gates if gate["verdict"] == verdict] if verdict != "passed" else []
    metric_titles = ", ".join(
        metric_names.title(str(gate.get("metric")), evaluation) for gate in decisive_gates[:_MAX_TITLES]
    )
    remainder = f" and {len(decisive_gates) - _MAX_TITLES} more" if len(decisive_gates) > _MAX_TITLES else ""
    st.markdown(_VERDICT_TEXTS[verdict] + (f" {units.plain(metric_titles)}{remainder}." if decisive_gates else ""))


def _draw_cards(metrics: Mapping[str, Any], evaluation: Evaluation) -> None:
    with st.grid(min(5, max(1, len(metrics))), min_column_width=190, gap="small"):
        for name, summary in metrics.items():
            has_interval = summary["mean"] is not None and summary["low"] is not None
            st.metric(
                units.plain(summary.get("title") or metric_names.title(name, evaluation)),
                units.score(summary["mean"]),
                f"{summary['low']:.3f} to {summary['high']:.3f}" if has_interval else "no case has a value",
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
            f"{metric_names.title(name, evaluation)} {unscored}"
            for name, unscored in unscored_by_metric.items()
        )
        st.caption(f":orange[:material/help:] Without a value: {units.plain(descriptions)}.")


def _format_case_count(summary: Mapping[str, Any]) -> str:
    """How many cases the figure rests on; short, for a card cuts off what is long."""
    cases = summary["n"] + (summary.get("undefined") or 0)
    return f"n {summary['n']:,}" if cases == summary["n"] else f"n {summary['n']:,} of {cases:,}"


def _describe_unscored(summary: Mapping[str, Any], repetitions: int) -> str:
    """Which cases have no value, and why; '' when all of them have one."""
    not_scored = (summary.get("reasons") or {}).get(NOT_SCORED, 0)
    failed = summary.get("failed") or 0
    undefined = (summary.get("undefined") or 0) - failed - not_scored
    # With repetitions a case counts as soon as one of its answers has a value; the others are not forgotten.
    missing_repetitions = summary["n"] * repetitions - (summary.get("values") or summary["n"] * repetitions)
    counts = {
        "undefined": undefined,
        "failed": failed,
        "not scored": not_scored,
        "repetitions missing": missing_repetitions,
    }
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count > 0)


def _explain(summary: Mapping[str, Any]) -> str:
    sentences = [units.plain(summary.get("method") or "")]
    if summary["low"] is not None and (
        summary["low_bounded"] < summary["low"] or summary["high_bounded"] > summary["high"]
    ):
        sentences.append(
            f"With what has no value at its worst and best: {summary['low_bounded']:.3f} to "
            f"{summary['high_bounded']:.3f}. Gates use these."
        )
    if summary.get("is_proxy"):
        sentences.insert(0, "A proxy: it counts words in common and is no measure of faithfulness.")
    return "\n\n".join(sentence for sentence in sentences if sentence)


def _draw_chart(metrics: Mapping[str, Any], evaluation: Evaluation) -> None:
    rows = [
        interval_chart.Interval(
            name=summary.get("title") or metric_names.title(name, evaluation),
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
        + (f", at least {row.threshold:g} asked for" if row.threshold is not None else "")
        for row in rows
    )
    plots.show(
        interval_chart.intervals(rows),
        key=f"evaluation_intervals_{evaluation.id}",
        alt=f"Means with intervals: {descriptions}",
    )
