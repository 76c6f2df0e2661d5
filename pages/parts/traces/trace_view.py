"""One trace: its figures, diagnosis, steps and details."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import streamlit as st

from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traces.trace import Trace
from pages.parts.datasets import dataset_keys, dataset_request
from pages.parts.reads import reviews, traces
from pages.parts.shared import keys, tables, units
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_content, trace_keys, trace_steps, trace_tabs

PAGE_STEPS = 300
"""Steps on one page of the waterfall."""


def draw(screen: Screen, trace_id: str) -> bool:
    """Draw one trace; False when no span of it is stored."""
    state = _read_state(trace_id)
    folds = tuple(sorted(state["folds"]))
    trace = traces.get_trace(screen.url, trace_id, state["offset"], PAGE_STEPS, folds)
    if trace is None:
        return False
    _draw_head(screen, trace)
    _draw_figures(trace)
    _draw_diagnosis(trace, state)
    selected_span = trace_steps.draw(trace, state, page_size=PAGE_STEPS)
    trace_tabs.draw(screen, trace, selected_span)
    return True


def _read_state(trace_id: str) -> dict[str, Any]:
    """Collapsed steps, page and selected step of the current trace; another trace resets them."""
    state = st.session_state.get(trace_keys.TRACE_WINDOW)
    if state is None or state["trace_id"] != trace_id:
        state = {"trace_id": trace_id, "folds": set(), "offset": 0, "wanted": None, "version": 0}
        st.session_state[trace_keys.TRACE_WINDOW] = state
    current: dict[str, Any] = state
    return current


def _draw_head(screen: Screen, trace: Trace) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(
            units.escape_markdown(trace.name), icon=":material/timeline:", anchor=False, width="content"
        )
        tables.draw_badge("error" if trace.is_error else "ok" if trace.is_complete else "incomplete")
        sample = reviews.get_sample(screen.url, trace.applications[0], trace.trace_id)
        if sample is not None:
            st.badge(
                f"sampled: {trace_content.format_reason(sample.reason)}",
                icon=":material/colorize:",
                color="blue",
            )
        st.space("stretch")
        for label, icon, page, key, value in (
            ("Session", "forum", "sessions", keys.SESSION, trace.session_id),
            ("User", "person", "users", keys.USER, trace.user_id),
        ):
            if value:
                st.page_link(
                    f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params={key: value}
                )
        if st.button("Add to dataset", icon=":material/playlist_add:", key=dataset_keys.TO_DATASET):
            dataset_request.open_dialog(screen, trace.applications[0], trace.trace_id)
        st.download_button(
            "OTLP",
            data=lambda: traces.export_traces(
                screen.url, _find_window(trace), f"trace:{trace.trace_id}", "otlp"
            ),
            file_name=f"trace-{trace.trace_id}.otlp.json",
            icon=":material/download:",
            key="trace_download",
            on_click="ignore",
            help="All received spans of this trace, as OTLP JSON",
        )


def _find_window(trace: Trace) -> Filters:
    # From 12 h before to 36 h after the start: spans of a trace may begin late, and clocks differ.
    around = Filters.last("24h", now=trace.start + dt.timedelta(hours=12))
    return dataclasses.replace(around, end=around.end + dt.timedelta(days=1))


def _draw_figures(trace: Trace) -> None:
    with st.grid(6, min_column_width=130, gap="small"):
        st.metric("Duration", units.format_duration(trace.duration_ms))
        st.metric(
            "Cost",
            units.format_cost(None if trace.cost_usd is None else trace.cost_nano_usd, trace.unpriced_calls),
            help=f"{trace.unpriced_calls} calls without a price" if trace.unpriced_calls else None,
        )
        st.metric("Model calls", units.format_count(trace.calls), help="Duplicate spans removed")
        st.metric(
            "Tokens in / out",
            f"{units.format_count(trace.input_tokens)} / {units.format_count(trace.output_tokens)}",
        )
        st.metric(
            "Steps", f"{trace.total_spans:,}", help="The latest spans are excluded" if trace.is_cut else None
        )
        st.metric("Errors", f"{trace.error_count:,}")


def _draw_diagnosis(trace: Trace, state: dict[str, Any]) -> None:
    """Draw the diagnosis of the request, its cost and its evidence."""
    diagnosis = trace.diagnosis
    with st.container(border=True):
        left_column, right_column = st.columns([2, 3], gap="medium")
        with left_column:
            colour = "gray" if diagnosis.verdict == "can't tell" else "red"
            st.markdown(
                f":{colour}[:material/stethoscope:] **Diagnosis: {units.escape_markdown(diagnosis.verdict)}**"
            )
            st.markdown(units.escape_markdown(diagnosis.summary))
            st.caption(units.escape_markdown(diagnosis.cost))
        with right_column:
            st.markdown("**Evidence**")
            if not diagnosis.findings:
                st.caption("The trace contains no evidence of a failure.")
            window_span_ids = {span.span_id for span in trace.spans}
            for number, finding in enumerate(diagnosis.findings):
                kind, sentence, step = st.columns([1.4, 6, 1.5], vertical_alignment="center", gap="small")
                kind.badge(
                    finding.kind,
                    color="violet" if finding.kind == "proxy" else "gray",
                    help="Word overlap, not the score of a judge" if finding.kind == "proxy" else None,
                )
                sentence.markdown(units.escape_markdown(finding.text))
                if finding.span_id in window_span_ids:
                    step.button(
                        "Show step",
                        key=f"trace_evidence_{number}",
                        type="tertiary",
                        on_click=trace_steps.select_step,
                        args=(state, finding.span_id),
                    )
