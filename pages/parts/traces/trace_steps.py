"""The steps of a trace: the waterfall in pages, collapsing, and the selected step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.telemetry.traces.trace import Trace
from genaiops_core.telemetry.traces.trace_span import TraceSpan
from pages.parts.charts import waterfall
from pages.parts.shared import units
from pages.parts.traces import trace_keys

_TALL_PX = 460


def select_step(state: dict[str, Any], span_id: str) -> None:
    """Select a step; a new chart version discards the click in the chart."""
    state["wanted"] = span_id
    state["version"] += 1


def draw(trace: Trace, state: dict[str, Any], *, page_size: int) -> TraceSpan | None:
    """Draw the waterfall of one page of steps; returns the selected step."""
    spans = trace.spans
    if not spans:
        return None
    _draw_controls(trace, state, page_size=page_size)
    is_tall = len(spans) > waterfall.TALL
    with st.container(height=_TALL_PX if is_tall else "content", border=is_tall):
        click = waterfall.pick(
            build_bars(spans),
            key=f"trace_waterfall_{trace.trace_id}_{trace.offset}_{state['version']}",
            alt="Steps of the trace over time by component",
        )
    if click is not None and click.row < len(spans):
        if click.is_arrow:
            # The chart is drawn already, so another run draws the new state.
            toggle(state, spans[click.row].span_id)
            st.rerun()
        state["wanted"] = spans[click.row].span_id
    if duplicates := sum(span.folded_into is not None for span in spans):
        st.caption(
            f"↺ {units.format_quantity(duplicates, 'step')} of this page duplicate a model call that another step counts: "
            "they add nothing to tokens or cost."
        )
    return _choose_step(trace, state)


def build_bars(spans: Sequence[TraceSpan]) -> list[waterfall.Bar]:
    """One bar per step; a guardrail after the first model call is an output guardrail."""
    generation_ends_ms = [
        span.offset_ms + (span.duration_ms or 0) for span in spans if span.component == "generation"
    ]
    first_generation_end_ms = min(generation_ends_ms, default=float("inf"))
    return [
        waterfall.Bar(
            label=span.name,
            component="output guardrail"
            if span.component == "guardrail" and span.offset_ms >= first_generation_end_ms
            else span.component
            if span.component in waterfall.COMPONENTS
            else "other",
            depth=span.depth,
            start_ms=span.offset_ms,
            duration_ms=span.duration_ms or 0,
            is_error=span.is_error,
            is_duplicate=span.folded_into is not None,
            descendants=span.descendants,
            is_collapsed=span.is_collapsed,
        )
        for span in spans
    ]


def toggle(state: dict[str, Any], span_id: str) -> None:
    """Collapse a step, or expand it."""
    state["folds"] ^= {span_id}
    state["version"] += 1


def _fold(state: dict[str, Any], span_ids: Sequence[str]) -> None:
    state["folds"] = set(span_ids)
    state["offset"] = 0
    state["version"] += 1


def _move(state: dict[str, Any], offset: int) -> None:
    state["offset"] = max(0, offset)
    state["version"] += 1


def _draw_controls(trace: Trace, state: dict[str, Any], *, page_size: int) -> None:
    """Draw the buttons to page and to collapse, where there is more than one page or level."""
    parents = [span.span_id for span in trace.spans if span.children and span.depth]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Steps**", width="content")
        first, last = trace.offset + 1, trace.offset + len(trace.spans)
        collapsed = trace.total_spans - trace.visible_spans
        label = f"{first:,} to {last:,} of {trace.visible_spans:,}"
        st.caption(f"{label}, {collapsed:,} collapsed" if collapsed else label, width="content")
        st.space("stretch")
        if parents and trace.total_spans > 1:
            st.button(
                "Collapse all",
                icon=":material/unfold_less:",
                key=trace_keys.TRACE_FOLD_ALL,
                type="tertiary",
                on_click=_fold,
                args=(state, parents),
            )
        if state["folds"]:
            st.button(
                "Expand all",
                icon=":material/unfold_more:",
                key=trace_keys.TRACE_UNFOLD_ALL,
                type="tertiary",
                on_click=_fold,
                args=(state, ()),
            )
        if trace.visible_spans > page_size:
            st.button(
                "Earlier steps",
                icon=":material/chevron_left:",
                key=trace_keys.TRACE_EARLIER,
                disabled=trace.offset == 0,
                on_click=_move,
                args=(state, trace.offset - page_size),
            )
            st.button(
                "Later steps",
                icon=":material/chevron_right:",
                key=trace_keys.TRACE_LATER,
                disabled=last >= trace.visible_spans,
                on_click=_move,
                args=(state, trace.offset + page_size),
            )


def _choose_step(trace: Trace, state: dict[str, Any]) -> TraceSpan:
    """Draw the choice of the step: the clicked one, else the slowest."""
    spans = {span.span_id: span for span in trace.spans}
    ids = list(spans)
    preselected = next(
        (span_id for span_id in (state["wanted"], trace.slowest_span_id, ids[0]) if span_id in spans), ids[0]
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        selected_id = st.selectbox(
            "Step",
            ids,
            index=ids.index(preselected),
            # A new key per clicked step: a click replaces an earlier choice of this widget.
            key=f"{trace_keys.TRACE_SPAN}_{preselected}",
            format_func=lambda span_id: (
                f"{trace.offset + ids.index(span_id) + 1}. {spans[span_id].name} · {units.format_duration(spans[span_id].duration_ms)}"
            ),
        )
        selected = spans[selected_id or preselected]
        if selected.children:
            st.button(
                "Expand" if selected.is_collapsed else f"Collapse {selected.descendants:,} below",
                icon=":material/unfold_more:" if selected.is_collapsed else ":material/unfold_less:",
                key=trace_keys.TRACE_FOLD,
                on_click=toggle,
                args=(state, selected.span_id),
            )
    duplicates = Counter(span.folded_into for span in trace.spans)[selected.span_id]
    if duplicates:
        st.caption(
            f":material/done_all: {units.format_quantity(duplicates, 'duplicate span')}, counted once."
        )
    if selected.folded_into is not None:
        original = spans.get(selected.folded_into)
        st.caption(
            ":material/replay: Duplicate of a model call that is counted by "
            + (units.escape_markdown(original.name) if original else "another step")
            + "."
        )
    return selected
