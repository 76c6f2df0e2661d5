"""One evaluation that has ended: did it pass, how sure is that, and everything behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.verdicts.summaries import NOT_SCORED
from pages.parts.charts import interval_chart, plots
from pages.parts.evaluations import case_table, compare_view, gate_table, run_list, run_setup, run_spend
from pages.parts.reviews import judge_agreement_view
from pages.parts.shared import keys, metric_names, tables, units
from pages.parts.shared.frame import Screen

TABS = ("Gates", "Cases", "Compare", "Spend", "Against humans", "Setup")

_DRAWN = (
    gate_table.draw,
    case_table.draw,
    compare_view.draw,
    run_spend.draw,
    judge_agreement_view.draw,
    run_setup.draw,
)

_MOST_NAMED = 4

_MEANING = {
    "passed": ":green[:material/check_circle: **Passed.**] Every gate is cleared by the whole of its interval.",
    "failed": ":red[:material/cancel: **Failed.**] Missed by the whole of the interval:",
    "inconclusive": ":orange[:material/help: **Inconclusive**], which is no pass. Neither cleared nor missed:",
    "error": ":red[:material/error: **Error.**] Could not be decided:",
}


def draw_head(run: Evaluation) -> None:
    """Which run this is and what it came to."""
    if run.verdict:
        tables.badge(run.verdict, label=f"verdict {run.verdict}", icon=":material/gavel:")
    st.subheader(
        f"{units.plain(run.dataset)} v{run.version}", icon=":material/science:", anchor=False, width="content"
    )
    if not run.is_open:
        # While it is open the progress below says the state, and goes on saying it when it changes.
        tables.badge(run.state)
    if run.is_demo:
        tables.badge("demo", icon=":material/experiment:")
    if run.application:
        st.caption(units.plain(run_list.release_name(run)), width="content")
    st.caption(f"judge {units.plain(run.judge)}", width="content")


def draw_results(here: Screen, run: Evaluation) -> None:
    """Everything that came out of a run that has ended."""
    found = run.results or {}
    metrics = _ordered(found.get("metrics") or {})
    gates: Sequence[Mapping[str, Any]] = found.get("gates") or []
    if run.verdict:
        _verdict(run, run.verdict, gates)
    if run.problem:
        st.warning(units.plain(run.problem), icon=":material/info:")
    if metrics:
        _cards(metrics, run)
        _chart(metrics, run)
    opened = st.tabs(list(TABS), key=keys.EVALUATION_TAB, on_change="rerun", bind="query-params")
    for tab, draw in zip(opened, _DRAWN, strict=True):
        if tab.open:
            with tab:
                draw(here, run)


def _ordered(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Those that something was asked of first, because they decide."""
    return dict(sorted(metrics.items(), key=lambda item: (item[1].get("threshold") is None, item[0])))


def _verdict(run: Evaluation, verdict: str, gates: Sequence[Mapping[str, Any]]) -> None:
    """Whether it passed, in one sentence, and which gates stood in the way."""
    if not gates:
        st.markdown("This run had no gate, so it has nothing to pass or fail.")
        return
    against = [gate for gate in gates if gate["verdict"] == verdict] if verdict != "passed" else []
    named = ", ".join(metric_names.title(str(gate.get("metric")), run) for gate in against[:_MOST_NAMED])
    more = f" and {len(against) - _MOST_NAMED} more" if len(against) > _MOST_NAMED else ""
    st.markdown(_MEANING[verdict] + (f" {units.plain(named)}{more}." if against else ""))


def _cards(metrics: Mapping[str, Any], run: Evaluation) -> None:
    with st.grid(min(5, max(1, len(metrics))), min_column_width=190, gap="small"):
        for name, one in metrics.items():
            known = one["mean"] is not None and one["low"] is not None
            st.metric(
                units.plain(one.get("title") or metric_names.title(name, run)),
                units.score(one["mean"]),
                f"{one['low']:.3f} to {one['high']:.3f}" if known else "no case has a value",
                delta_color="off",
                delta_arrow="off",
                border=True,
                height="stretch",
                delta_description=_evidence(one),
                help=_explained(one),
            )
    lacking = {name: words for name, one in metrics.items() if (words := _lacking(one, run.repetitions))}
    if lacking:
        said = "; ".join(f"{metric_names.title(name, run)} {words}" for name, words in lacking.items())
        st.caption(f":orange[:material/help:] Without a value: {units.plain(said)}.")


def _evidence(one: Mapping[str, Any]) -> str:
    """How many cases the figure rests on; short, for a card cuts off what is long."""
    cases = one["n"] + (one.get("undefined") or 0)
    return f"n {one['n']:,}" if cases == one["n"] else f"n {one['n']:,} of {cases:,}"


def _lacking(one: Mapping[str, Any], repetitions: int) -> str:
    """Which cases have no value, and why; '' when all of them have one."""
    unscored = (one.get("reasons") or {}).get(NOT_SCORED, 0)
    failed = one.get("failed") or 0
    undefined = (one.get("undefined") or 0) - failed - unscored
    # With repetitions a case counts as soon as one of its answers has a value; the others are not forgotten.
    missing = one["n"] * repetitions - (one.get("values") or one["n"] * repetitions)
    counts = {
        "undefined": undefined,
        "failed": failed,
        "not scored": unscored,
        "repetitions missing": missing,
    }
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count > 0)


def _explained(one: Mapping[str, Any]) -> str:
    words = [units.plain(one.get("method") or "")]
    if one["low"] is not None and (one["low_bounded"] < one["low"] or one["high_bounded"] > one["high"]):
        words.append(
            f"With what has no value at its worst and best: {one['low_bounded']:.3f} to "
            f"{one['high_bounded']:.3f}. Gates use these."
        )
    if one.get("is_proxy"):
        words.insert(0, "A proxy: it counts words in common and is no measure of faithfulness.")
    return "\n\n".join(word for word in words if word)


def _chart(metrics: Mapping[str, Any], run: Evaluation) -> None:
    rows = [
        interval_chart.Interval(
            name=one.get("title") or metric_names.title(name, run),
            mean=one["mean"],
            low=one["low"],
            high=one["high"],
            low_bounded=one["low_bounded"],
            high_bounded=one["high_bounded"],
            threshold=one.get("threshold"),
        )
        for name, one in metrics.items()
        if one["mean"] is not None and one["low"] is not None
    ]
    if not rows:
        return
    said = "; ".join(
        f"{row.name} {row.mean:.3f}, {row.low:.3f} to {row.high:.3f}"
        + (f", at least {row.threshold:g} asked for" if row.threshold is not None else "")
        for row in rows
    )
    plots.show(
        interval_chart.intervals(rows),
        key=f"evaluation_intervals_{run.id}",
        alt=f"Means with intervals: {said}",
    )
