"""The details of a trace in tabs; only the open tab is drawn."""

from __future__ import annotations

import streamlit as st

from genaiops_core.telemetry.traces.trace import Trace
from genaiops_core.telemetry.traces.trace_span import TraceSpan
from pages.parts.charts import waterfall
from pages.parts.reads import reviews, traces
from pages.parts.shared import tables, units
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_content, trace_keys

TABS = (
    "Messages",
    "Retrieved documents",
    "Tools",
    "Attributes",
    "Errors",
    "Scores and feedback",
    "Time and cost",
)


def draw(screen: Screen, trace: Trace, selected_span: TraceSpan | None) -> None:
    """Draw the tabs of one trace; `selected_span` is the step of the tab Attributes."""
    messages_tab, documents_tab, tools_tab, attributes_tab, errors_tab, scores_tab, costs_tab = st.tabs(
        list(TABS), key=trace_keys.TRACE_TAB, on_change="rerun", bind="query-params"
    )
    record = traces.get_context_record(screen.url, trace.trace_id)
    if messages_tab.open and record is not None:
        with messages_tab:
            trace_content.draw_messages(record)
    if documents_tab.open and record is not None:
        with documents_tab:
            trace_content.draw_documents(record)
    if tools_tab.open:
        with tools_tab:
            trace_content.draw_tools(trace)
    if attributes_tab.open and selected_span is not None:
        with attributes_tab:
            _draw_attributes(selected_span)
    if errors_tab.open:
        with errors_tab:
            _draw_errors(trace)
    if scores_tab.open:
        with scores_tab:
            _draw_scores(screen, trace)
    if costs_tab.open:
        with costs_tab:
            _draw_components(trace)


def _draw_attributes(span: TraceSpan) -> None:
    """Draw all attributes, events and log records of the selected step."""
    left_column, right_column = st.columns([1, 2], gap="medium")
    with left_column:
        tables.draw_facts(
            {
                "Step": span.name,
                "Component": span.component,
                "Own time": units.format_duration(span.own_ms),
                "Model": span.model or "none",
                "Tokens in / out": "none"
                if not span.is_call
                else f"{units.format_count(span.input_tokens)} / {units.format_count(span.output_tokens)}",
                "Cost": units.format_usd(span.cost_nano_usd) if span.is_call else "none",
                "First token": units.format_duration(span.first_token_ms)
                if span.first_token_ms is not None
                else "not set",
                "Release": span.release or "not set",
                "Span id": span.span_id,
            }
        )
        for note in span.notes:
            st.caption(f":material/info: {units.escape_markdown(note)}")
    with right_column:
        st.markdown("**Attributes**")
        st.json(dict(span.attributes), expanded=1)
        logs = [
            {"event": log.event_name, "body": log.body, "attributes": dict(log.attributes)}
            for log in span.logs
        ]
        for title, content in (
            ("Events", span.events),
            ("Log records", logs),
            ("Links", span.links),
            ("Resource", span.resource),
            ("Scope", span.scope),
        ):
            if content:
                st.markdown(f"**{title}**")
                st.json(content, expanded=False)


def _draw_errors(trace: Trace) -> None:
    """Draw the failed steps in order, each with its message."""
    if not trace.errors:
        st.caption("No step failed.")
    for span in trace.errors:
        with st.container(border=True):
            st.markdown(
                f":red[:material/error:] **{units.escape_markdown(span.name)}** · {units.escape_markdown(span.component)} · "
                f"{units.format_duration(span.offset_ms)} after the start"
            )
            st.code(
                span.status_message[: trace_content.MAX_CHARACTERS] or "failed without a message",
                language=None,
                wrap_lines=True,
            )
    if trace.error_count > len(trace.errors):
        st.caption(f"{trace.error_count - len(trace.errors):,} more steps failed.")


def _draw_scores(screen: Screen, trace: Trace) -> None:
    """Draw scores of judges and reviewers, and the feedback of users."""
    sample = reviews.get_sample(screen.url, trace.applications[0], trace.trace_id)
    if sample is None:
        st.caption("This request was not sampled for scoring.")
    else:
        st.markdown(
            f"Sampled for scoring: {trace_content.format_reason(sample.reason)}. State: {units.escape_markdown(sample.state)}"
            + (f", {units.escape_markdown(sample.note)}." if sample.note else ".")
        )
    if scores := traces.list_scores(screen.url, trace.trace_id):
        column = tables.column
        tables.draw(
            [
                {
                    "metric": opinion.metric,
                    "judge": opinion.judge,
                    "value": opinion.value,
                    "reason": opinion.reason[:2_000],
                }
                for opinion in scores
            ],
            {
                "metric": column.TextColumn("Metric"),
                "judge": column.TextColumn("Judge"),
                "value": column.NumberColumn("Score", format="%.3f"),
                "reason": column.TextColumn("Why"),
            },
            key=f"trace_scores_{trace.trace_id}",
            alt="Scores of this request by metric and judge",
        )
    feedback = traces.list_feedback(screen.url, trace.trace_id)
    if not feedback:
        st.caption("No user feedback.")
    for opinion in feedback:
        with st.container(border=True):
            rating = opinion.thumb or ("" if opinion.rating is None else f"rated {opinion.rating:g}")
            icon = "thumb_down" if opinion.is_negative else "thumb_up"
            st.markdown(
                f":material/{icon}: **{units.escape_markdown(rating)}** by {units.escape_markdown(opinion.user_id or 'an unknown user')}, "
                f"{units.format_instant(opinion.received_at)}"
            )
            if opinion.comment:
                st.text(opinion.comment[:2_000])


def _draw_components(trace: Trace) -> None:
    """Draw own time and cost by component, and the identity of the trace."""
    column = tables.column
    left_column, right_column = st.columns([3, 2], gap="medium")
    with left_column:
        tables.draw(
            [
                {
                    "component": waterfall.COMPONENTS.get(component.component, component.component),
                    "spans": component.spans,
                    "own": component.own_ms,
                    "share": component.own_ms / trace.duration_ms if trace.duration_ms else None,
                    "cost": component.cost_nano_usd / 1e9,
                    "unpriced": component.unpriced_calls,
                    "errors": component.errors,
                }
                for component in trace.components
            ],
            {
                "component": column.TextColumn("Component"),
                "spans": column.NumberColumn("Steps", format="localized"),
                "own": column.NumberColumn("Own time", format="%.0f ms"),
                "share": column.ProgressColumn("Share", format="percent", min_value=0, max_value=1),
                "cost": column.NumberColumn("Cost", format="$%.5f"),
                "unpriced": column.NumberColumn("Unpriced", format="localized"),
                "errors": column.NumberColumn("Errors", format="localized"),
            },
            key="trace_components",
            alt="Own time and cost by component",
        )
    with right_column:
        tables.draw_facts(
            {
                "Trace id": trace.trace_id,
                "Started": units.format_instant(trace.start),
                "Applications": ", ".join(trace.applications),
                "Release": trace.release or "not set",
                "Environment": trace.environment or "not set",
                "User": trace.user_id or "not set",
                "Session": trace.session_id or "not set",
            }
        )
