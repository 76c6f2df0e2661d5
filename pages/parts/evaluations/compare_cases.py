"""The cases behind a comparison: largest falls, largest rises, unpaired cases; both answers side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.comparison import RunComparison
from genaiops_core.evaluation.verdicts.pairing import CaseChange, CaseResult
from pages.parts.evaluations import evaluation_keys
from pages.parts.reads import evaluations
from pages.parts.shared import metric_names, tables, units
from pages.parts.shared.frame import Screen

PAGE = 20
FELL, ROSE, BASELINE_ONLY, CURRENT_ONLY = "Fell", "Rose", "Only in the baseline", "Only in this evaluation"

_ALL_METRICS = "All metrics"
_MAX_UNPAIRED = 1_000
_RELATIVE_TITLES = {
    "cost": "Cost per answer, USD",
    "latency_p50": "Latency p50, ms",
    "latency_p95": "Latency p95, ms",
    "latency_p99": "Latency p99, ms",
}


def format_metric(name: str) -> str:
    """Format the display name of a metric, a cost or a latency."""
    return _RELATIVE_TITLES.get(name) or metric_names.format_title(name)


def draw(screen: Screen, run_comparison: RunComparison) -> None:
    """Draw one list of cases with pages, and the selected case below it."""
    pairs = run_comparison.comparison.pairs
    evaluation_id = run_comparison.current.id
    with st.container(horizontal=True, vertical_alignment="center"):
        case_list = st.segmented_control(
            "Cases",
            (FELL, ROSE, BASELINE_ONLY, CURRENT_ONLY),
            default=FELL,
            key=f"{evaluation_keys.COMPARE_CASES}_{evaluation_id}",
            label_visibility="collapsed",
        )
        metric = st.selectbox(
            "Metric",
            [_ALL_METRICS, *sorted(run_comparison.scales)],
            format_func=lambda name: name if name == _ALL_METRICS else format_metric(name),
            key=f"{evaluation_keys.COMPARE_METRIC}_{evaluation_id}",
            label_visibility="collapsed",
            width=280,
        )
    if case_list in (BASELINE_ONLY, CURRENT_ONLY):
        _draw_unpaired(
            evaluation_id,
            case_list,
            pairs.only_baseline if case_list == BASELINE_ONLY else pairs.only_current,
        )
        return
    changes = run_comparison.changes(
        None if metric in (None, _ALL_METRICS) else metric, rising=case_list == ROSE
    )
    if not changes:
        st.caption("No case rose." if case_list == ROSE else "No case fell.")
        return
    key = f"{evaluation_id}_{run_comparison.baseline.id}_{case_list}_{metric}"
    page = _draw_page(changes, key)
    row_number = _draw_table(page, key)
    _draw_side_by_side(screen, run_comparison, page[row_number if row_number is not None else 0])


def _draw_page(changes: Sequence[CaseChange], key: str) -> Sequence[CaseChange]:
    page_count = -(-len(changes) // PAGE)
    page_number = min(int(st.session_state.get(f"{evaluation_keys.COMPARE_PAGE}_{key}") or 1), page_count)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{units.format_quantity(len(changes), 'change')}, largest first", width="content")
        st.space("stretch")
        if page_count > 1:
            st.pagination(page_count, key=f"{evaluation_keys.COMPARE_PAGE}_{key}")
    return changes[(page_number - 1) * PAGE : page_number * PAGE]


def _draw_table(changes: Sequence[CaseChange], key: str) -> int | None:
    column = tables.column
    return tables.pick(
        [
            {
                "case": change.current.case,
                "metric": format_metric(change.metric),
                "before": change.before,
                "after": change.after,
                "difference": change.after - change.before,
                "input": change.current.input,
            }
            for change in changes
        ],
        {
            "case": column.NumberColumn("Case", width=52),
            "metric": column.TextColumn("Metric", width=190),
            "before": column.NumberColumn("Baseline", format="%.3f", width=80),
            "after": column.NumberColumn("Current", format="%.3f", width=80),
            "difference": column.NumberColumn("Difference", format="%+.3f", width=90),
            "input": column.TextColumn("Input", width="large"),
        },
        key=f"{evaluation_keys.COMPARE_TABLE}_{key}",
        alt="Cases by size of change; select a case to read both answers",
        height=300 if len(changes) > 7 else "content",
        default=0,
    )


def _draw_side_by_side(screen: Screen, run_comparison: RunComparison, change: CaseChange) -> None:
    st.markdown(f"**Case {change.current.case}**")
    st.code(change.current.input, language=None, wrap_lines=True)
    baseline_column, current_column = st.columns(2)
    with baseline_column:
        _draw_side(screen, "Baseline", run_comparison.baseline, change.baseline, change.before)
    with current_column:
        _draw_side(screen, "This evaluation", run_comparison.current, change.current, change.after)


def _draw_side(screen: Screen, title: str, evaluation: Evaluation, side: CaseResult, score: float) -> None:
    """Draw answer and contexts of one evaluation. Texts are untrusted, so they are never rendered as Markdown."""
    release = f"{evaluation.application}/{evaluation.release}, " if evaluation.application else ""
    st.markdown(f"**{title}** · {units.escape_markdown(release)}{score:.3f}")
    if side.answer:
        st.code(side.answer, language=None, wrap_lines=True)
    else:
        st.caption("No answer.")
    case_scores = evaluations.get_case_record(
        screen.url, evaluation.id, side.case, evaluation.units_done
    ).scored
    generated = next((answer.contexts for answer in case_scores.answers if answer.contexts), None)
    contexts = generated or case_scores.case.contexts or ()
    if contexts:
        with st.expander(units.format_quantity(len(contexts), "context"), icon=":material/article:"):
            for context in contexts:
                st.code(context, language=None, wrap_lines=True)


def _draw_unpaired(evaluation_id: str, case_list: str, sides: Sequence[CaseResult]) -> None:
    if not sides:
        st.caption("Both evaluations have every case.")
        return
    column = tables.column
    tables.draw(
        [{"case": side.case, "input": side.input, "answer": side.answer} for side in sides[:_MAX_UNPAIRED]],
        {
            "case": column.NumberColumn("Case", width=52),
            "input": column.TextColumn("Input", width="large"),
            "answer": column.TextColumn("Answer", width="large"),
        },
        key=f"{evaluation_keys.COMPARE_TABLE}_{evaluation_id}_{case_list}",
        alt=f"Cases {case_list.lower()}",
    )
    if len(sides) > _MAX_UNPAIRED:
        st.caption(f"First {_MAX_UNPAIRED:,} of {len(sides):,} cases.")
