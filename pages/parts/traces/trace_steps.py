"""The steps of a trace: the waterfall in pages, folding, and which step is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.telemetry.traces.trace import Trace, TraceSpan
from pages.parts.charts import waterfall
from pages.parts.shared import units
from pages.parts.traces import trace_keys

_TALL_PX = 460


def look_at(state: dict[str, Any], span_id: str) -> None:
    """Choose a step; whatever was clicked in the chart is forgotten."""
    state["wanted"] = span_id
    state["version"] += 1


def draw(trace: Trace, state: dict[str, Any], *, most: int) -> TraceSpan | None:
    """The waterfall of one page of steps, and the step that was chosen."""
    spans = trace.spans
    if not spans:
        return None
    _controls(trace, state, most=most)
    is_tall = len(spans) > waterfall.TALL
    with st.container(height=_TALL_PX if is_tall else "content", border=is_tall):
        clicked = waterfall.pick(
            bars(spans),
            key=f"trace_waterfall_{trace.trace_id}_{trace.offset}_{state['version']}",
            alt="Steps of the trace over time by component",
        )
    if clicked is not None and clicked.row < len(spans):
        if clicked.is_arrow:
            toggle(state, spans[clicked.row].span_id)
            st.rerun()
        state["wanted"] = spans[clicked.row].span_id
    if repeated := sum(one.folded_into is not None for one in spans):
        st.caption(
            f"↺ {units.format_quantity(repeated, 'step')} of this page tell again of a call that another step counts: "
            "they add nothing to tokens or cost."
        )
    return _choose(trace, state)


def bars(spans: Sequence[TraceSpan]) -> list[waterfall.Bar]:
    """One bar a step; a guardrail after the first model call guards what comes out."""
    answered = [one.offset_ms + (one.duration_ms or 0) for one in spans if one.component == "generation"]
    answered_ms = min(answered, default=float("inf"))
    return [
        waterfall.Bar(
            label=one.name,
            component="output guardrail"
            if one.component == "guardrail" and one.offset_ms >= answered_ms
            else one.component
            if one.component in waterfall.COMPONENTS
            else "other",
            depth=one.depth,
            start_ms=one.offset_ms,
            duration_ms=one.duration_ms or 0,
            is_error=one.is_error,
            is_folded=one.folded_into is not None,
            below=one.descendants,
            is_collapsed=one.is_collapsed,
        )
        for one in spans
    ]


def toggle(state: dict[str, Any], span_id: str) -> None:
    """Fold a step, or unfold it."""
    state["folds"] ^= {span_id}
    state["version"] += 1


def _fold(state: dict[str, Any], span_ids: Sequence[str]) -> None:
    state["folds"] = set(span_ids)
    state["offset"] = 0
    state["version"] += 1


def _move(state: dict[str, Any], offset: int) -> None:
    state["offset"] = max(0, offset)
    state["version"] += 1


def _controls(trace: Trace, state: dict[str, Any], *, most: int) -> None:
    """Pages and folding, only where there is something to page or fold."""
    parents = [one.span_id for one in trace.spans if one.children and one.depth]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Steps**", width="content")
        first, last = trace.offset + 1, trace.offset + len(trace.spans)
        hidden = trace.total_spans - trace.visible_spans
        said = f"{first:,} to {last:,} of {trace.visible_spans:,}"
        st.caption(f"{said}, {hidden:,} folded away" if hidden else said, width="content")
        st.space("stretch")
        if parents and trace.total_spans > 1:
            st.button(
                "Fold all",
                icon=":material/unfold_less:",
                key=trace_keys.TRACE_FOLD_ALL,
                type="tertiary",
                on_click=_fold,
                args=(state, parents),
            )
        if state["folds"]:
            st.button(
                "Unfold all",
                icon=":material/unfold_more:",
                key=trace_keys.TRACE_UNFOLD_ALL,
                type="tertiary",
                on_click=_fold,
                args=(state, ()),
            )
        if trace.visible_spans > most:
            st.button(
                "Earlier steps",
                icon=":material/chevron_left:",
                key=trace_keys.TRACE_EARLIER,
                disabled=trace.offset == 0,
                on_click=_move,
                args=(state, trace.offset - most),
            )
            st.button(
                "Later steps",
                icon=":material/chevron_right:",
                key=trace_keys.TRACE_LATER,
                disabled=last >= trace.visible_spans,
                on_click=_move,
                args=(state, trace.offset + most),
            )


def _choose(trace: Trace, state: dict[str, Any]) -> TraceSpan:
    """The step that is looked at: the one clicked, else the slowest."""
    spans = {one.span_id: one for one in trace.spans}
    ids = list(spans)
    wanted = next((one for one in (state["wanted"], trace.slowest_span_id, ids[0]) if one in spans), ids[0])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        picked = st.selectbox(
            "Step",
            ids,
            index=ids.index(wanted),
            # Another click must win over what was chosen here before.
            key=f"{trace_keys.TRACE_SPAN}_{wanted}",
            format_func=lambda one: (
                f"{trace.offset + ids.index(one) + 1}. {spans[one].name} · {units.format_duration(spans[one].duration_ms)}"
            ),
        )
        chosen = spans[picked or wanted]
        if chosen.children:
            st.button(
                "Unfold" if chosen.is_collapsed else f"Fold {chosen.descendants:,} below",
                icon=":material/unfold_more:" if chosen.is_collapsed else ":material/unfold_less:",
                key=trace_keys.TRACE_FOLD,
                on_click=toggle,
                args=(state, chosen.span_id),
            )
    again = Counter(one.folded_into for one in trace.spans)[chosen.span_id]
    if again:
        st.caption(f":material/done_all: Told again by {units.format_quantity(again, 'span')}, counted once.")
    if chosen.folded_into is not None:
        counted = spans.get(chosen.folded_into)
        st.caption(
            ":material/replay: Tells again of a call that is counted by "
            + (units.escape_markdown(counted.name) if counted else "another step")
            + "."
        )
    return chosen
