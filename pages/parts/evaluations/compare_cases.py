"""The cases behind a comparison: what fell most, what rose, what only one run has; both answers side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.comparing import Compared
from genaiops_core.evaluation.verdicts.pairing import CaseChange, Side
from pages.parts.reads import evaluations
from pages.parts.shared import keys, metric_names, tables, units
from pages.parts.shared.frame import Screen

PAGE = 20
FELL, ROSE, BASELINE_ONLY, CURRENT_ONLY = "Fell", "Rose", "Only in the baseline", "Only in this run"

_ALL = "All metrics"
_RELATIVE = {
    "cost": "Cost of an answer, USD",
    "latency_p50": "Latency p50, ms",
    "latency_p95": "Latency p95, ms",
    "latency_p99": "Latency p99, ms",
}


def metric_title(name: str) -> str:
    """A metric, a cost or a latency as people say it."""
    return _RELATIVE.get(name) or metric_names.title(name)


def draw(here: Screen, compared: Compared) -> None:
    """One list at a time, a page at a time; the case that is selected stands below it."""
    pairs = compared.comparison.pairs
    run = compared.current.id
    with st.container(horizontal=True, vertical_alignment="center"):
        which = st.segmented_control(
            "Cases",
            (FELL, ROSE, BASELINE_ONLY, CURRENT_ONLY),
            default=FELL,
            key=f"{keys.COMPARE_CASES}_{run}",
            label_visibility="collapsed",
        )
        metric = st.selectbox(
            "Metric",
            [_ALL, *sorted(compared.scales)],
            format_func=lambda name: name if name == _ALL else metric_title(name),
            key=f"{keys.COMPARE_METRIC}_{run}",
            label_visibility="collapsed",
            width=280,
        )
    if which in (BASELINE_ONLY, CURRENT_ONLY):
        _one_sided(run, which, pairs.only_baseline if which == BASELINE_ONLY else pairs.only_current)
        return
    found = compared.changes(None if metric in (None, _ALL) else metric, rising=which == ROSE)
    if not found:
        st.caption("No case rose." if which == ROSE else "No case fell.")
        return
    key = f"{run}_{compared.baseline.id}_{which}_{metric}"
    shown = _page(found, key)
    picked = _table(shown, key)
    _side_by_side(here, compared, shown[picked if picked is not None else 0])


def _page(found: Sequence[CaseChange], key: str) -> Sequence[CaseChange]:
    pages = -(-len(found) // PAGE)
    number = min(int(st.session_state.get(f"{keys.COMPARE_PAGE}_{key}") or 1), pages)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{len(found):,}, the largest change first", width="content")
        st.space("stretch")
        if pages > 1:
            st.pagination(pages, key=f"{keys.COMPARE_PAGE}_{key}")
    return found[(number - 1) * PAGE : number * PAGE]


def _table(shown: Sequence[CaseChange], key: str) -> int | None:
    column = tables.column
    return tables.pick(
        [
            {
                "case": one.current.case,
                "metric": metric_title(one.metric),
                "before": one.before,
                "after": one.after,
                "difference": one.after - one.before,
                "input": one.current.input,
            }
            for one in shown
        ],
        {
            "case": column.NumberColumn("Case", width=52),
            "metric": column.TextColumn("Metric", width=190),
            "before": column.NumberColumn("Baseline", format="%.3f", width=80),
            "after": column.NumberColumn("This run", format="%.3f", width=80),
            "difference": column.NumberColumn("Difference", format="%+.3f", width=90),
            "input": column.TextColumn("Input", width="large"),
        },
        key=f"{keys.COMPARE_TABLE}_{key}",
        alt="Cases by how far they moved; select one to read both answers",
        height=300 if len(shown) > 7 else "content",
        default=0,
    )


def _side_by_side(here: Screen, compared: Compared, one: CaseChange) -> None:
    st.markdown(f"**Case {one.current.case}**")
    st.code(one.current.input, language=None, wrap_lines=True)
    left, right = st.columns(2)
    with left:
        _side(here, "Baseline", compared.baseline, one.baseline, one.before)
    with right:
        _side(here, "This run", compared.current, one.current, one.after)


def _side(here: Screen, title: str, run: Evaluation, side: Side, value: float) -> None:
    """Answer and contexts of one run; texts are shown as text, because they may come from anywhere."""
    release = f"{run.application}/{run.release}, " if run.application else ""
    st.markdown(f"**{title}** · {units.plain(release)}{value:.3f}")
    if side.answer:
        st.code(side.answer, language=None, wrap_lines=True)
    else:
        st.caption("There is no answer.")
    case = evaluations.case_record(here.url, run.id, side.case, run.units_done).scored
    generated = next((answer.contexts for answer in case.answers if answer.contexts), None)
    contexts = generated or case.case.contexts or ()
    if contexts:
        with st.expander(units.things(len(contexts), "context"), icon=":material/article:"):
            for context in contexts:
                st.code(context, language=None, wrap_lines=True)


def _one_sided(run: str, which: str, found: Sequence[Side]) -> None:
    if not found:
        st.caption("Every case is in both runs.")
        return
    column = tables.column
    tables.show(
        [{"case": side.case, "input": side.input, "answer": side.answer} for side in found[:1_000]],
        {
            "case": column.NumberColumn("Case", width=52),
            "input": column.TextColumn("Input", width="large"),
            "answer": column.TextColumn("Answer", width="large"),
        },
        key=f"{keys.COMPARE_TABLE}_{run}_{which}",
        alt=f"Cases {which.lower()}",
    )
    if len(found) > 1_000:
        st.caption(f"The first 1,000 of {len(found):,}.")
