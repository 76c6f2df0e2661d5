"""Everything a trace says beyond its steps, behind tabs; only the open one is drawn."""

from __future__ import annotations

import streamlit as st

from genaiops_core.telemetry.traces.trace import Trace, TraceSpan
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


def draw(screen: Screen, trace: Trace, chosen: TraceSpan | None) -> None:
    """The tabs of one trace; `chosen` is the step that is looked at."""
    said, found, tools, attributes, errors, scores, spent = st.tabs(
        list(TABS), key=trace_keys.TRACE_TAB, on_change="rerun", bind="query-params"
    )
    record = traces.get_context_record(screen.url, trace.trace_id)
    if said.open and record is not None:
        with said:
            trace_content.messages(record)
    if found.open and record is not None:
        with found:
            trace_content.documents(record)
    if tools.open:
        with tools:
            trace_content.tools(trace)
    if attributes.open and chosen is not None:
        with attributes:
            _attributes(chosen)
    if errors.open:
        with errors:
            _errors(trace)
    if scores.open:
        with scores:
            _scores(screen, trace)
    if spent.open:
        with spent:
            _components(trace)


def _attributes(one: TraceSpan) -> None:
    """Everything the chosen step said, as it said it."""
    left, right = st.columns([1, 2], gap="medium")
    with left:
        tables.draw_facts(
            {
                "Step": one.name,
                "Component": one.component,
                "Own time": units.format_duration(one.own_ms),
                "Model": one.model or "none",
                "Tokens in / out": "none"
                if not one.is_call
                else f"{units.format_count(one.input_tokens)} / {units.format_count(one.output_tokens)}",
                "Cost": units.format_usd(one.cost_nano_usd) if one.is_call else "none",
                "First token": units.format_duration(one.first_token_ms)
                if one.first_token_ms is not None
                else "not said",
                "Release": one.release or "not said",
                "Span id": one.span_id,
            }
        )
        for note in one.notes:
            st.caption(f":material/info: {units.escape_markdown(note)}")
    with right:
        st.markdown("**Attributes**")
        st.json(dict(one.attributes), expanded=1)
        logs = [
            {"event": log.event_name, "body": log.body, "attributes": dict(log.attributes)}
            for log in one.logs
        ]
        for title, told in (
            ("Events", one.events),
            ("Log records", logs),
            ("Links", one.links),
            ("Resource", one.resource),
            ("Scope", one.scope),
        ):
            if told:
                st.markdown(f"**{title}**")
                st.json(told, expanded=False)


def _errors(trace: Trace) -> None:
    """Steps that failed, in order, each with what it said."""
    if not trace.errors:
        st.caption("No step failed.")
    for one in trace.errors:
        with st.container(border=True):
            st.markdown(
                f":red[:material/error:] **{units.escape_markdown(one.name)}** · {units.escape_markdown(one.component)} · "
                f"{units.format_duration(one.offset_ms)} after the start"
            )
            st.code(
                one.status_message[: trace_content.MOST_CHARACTERS] or "failed without a message",
                language=None,
                wrap_lines=True,
            )
    if trace.error_count > len(trace.errors):
        st.caption(f"{trace.error_count - len(trace.errors):,} more failed.")


def _scores(screen: Screen, trace: Trace) -> None:
    """What judges and people say of the answer."""
    sample = reviews.get_sample(screen.url, trace.applications[0], trace.trace_id)
    if sample is None:
        st.caption("This request was not chosen for scoring.")
    else:
        st.markdown(
            f"Chosen for scoring: {trace_content.reason(sample.reason)}. State: {units.escape_markdown(sample.state)}"
            + (f", {units.escape_markdown(sample.note)}." if sample.note else ".")
        )
    if judged := traces.list_scores(screen.url, trace.trace_id):
        column = tables.column
        tables.draw(
            [
                {"metric": one.metric, "judge": one.judge, "value": one.value, "reason": one.reason[:2_000]}
                for one in judged
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
    given = traces.list_feedback(screen.url, trace.trace_id)
    if not given:
        st.caption("No user has said what they think of it.")
    for one in given:
        with st.container(border=True):
            liked = one.thumb or ("" if one.rating is None else f"rated {one.rating:g}")
            icon = "thumb_down" if one.is_negative else "thumb_up"
            st.markdown(
                f":material/{icon}: **{units.escape_markdown(liked)}** by {units.escape_markdown(one.user_id or 'somebody')}, "
                f"{units.format_instant(one.received_at)}"
            )
            if one.comment:
                st.text(one.comment[:2_000])


def _components(trace: Trace) -> None:
    """Where the time and the money went, and where the trace is from."""
    column = tables.column
    left, right = st.columns([3, 2], gap="medium")
    with left:
        tables.draw(
            [
                {
                    "component": waterfall.COMPONENTS.get(one.component, one.component),
                    "spans": one.spans,
                    "own": one.own_ms,
                    "share": one.own_ms / trace.duration_ms if trace.duration_ms else None,
                    "cost": one.cost_nano_usd / 1e9,
                    "unpriced": one.unpriced_calls,
                    "errors": one.errors,
                }
                for one in trace.components
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
    with right:
        tables.draw_facts(
            {
                "Trace id": trace.trace_id,
                "Started": units.format_instant(trace.start),
                "Applications": ", ".join(trace.applications),
                "Release": trace.release or "not said",
                "Environment": trace.environment or "not said",
                "User": trace.user_id or "not said",
                "Session": trace.session_id or "not said",
            }
        )
