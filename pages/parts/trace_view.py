"""One trace: its figures, the waterfall, and the span that was picked. What spans say is shown as text, never as markup."""

from __future__ import annotations

import orjson
import streamlit as st

from genaiops_core.telemetry.trace import Trace, TraceSpan
from pages.parts import charts, keys, tables, units

MOST_BARS = 200


def draw(trace: Trace, *, is_alone: bool) -> None:
    """One trace: its figures, the waterfall, and the span that was clicked."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(units.plain(trace.name), icon=":material/timeline:", anchor=False, width="content")
        tables.badge("error" if trace.is_error else "ok" if trace.is_complete else "incomplete")
        st.space("stretch")
        if not is_alone:
            st.page_link(
                "pages/traces.py",
                label="Link to this trace",
                icon=":material/link:",
                query_params={keys.TRACE_ID: trace.trace_id},
            )
        st.download_button(
            "JSON lines",
            data=lambda: _as_jsonl(trace),
            file_name=f"trace-{trace.trace_id}.jsonl",
            mime="application/x-ndjson",
            icon=":material/download:",
            key="trace_download",
            on_click="ignore",
        )
    with st.grid(6, min_column_width=130, gap="small"):
        st.metric("Duration", units.duration(trace.duration_ms))
        st.metric(
            "Cost",
            units.usd(None if trace.cost_usd is None else trace.cost_nano_usd),
            help=f"{trace.unpriced_calls} calls without a price" if trace.unpriced_calls else None,
        )
        st.metric("Model calls", trace.calls)
        st.metric(
            "Tokens in / out", f"{units.count(trace.input_tokens)} / {units.count(trace.output_tokens)}"
        )
        st.metric("Spans", len(trace.spans), help="Only the first are shown" if trace.is_cut else None)
        st.metric("Errors", len(trace.errors))
    if trace.diagnosis.evidence:
        st.markdown(f":material/stethoscope: **Diagnosis: {units.plain(trace.diagnosis.verdict)}**")
        for sentence in trace.diagnosis.evidence:
            st.text(sentence)
    else:
        st.caption(
            ":material/stethoscope: Diagnosis: can't tell. Nothing in this trace says that it went wrong."
        )
    shown = trace.spans[:MOST_BARS]
    bars = [
        charts.Bar(
            label=one.name,
            group=one.component,
            depth=one.depth,
            start_ms=one.offset_ms,
            duration_ms=one.duration_ms,
            is_error=one.is_error,
        )
        for one in shown
    ]
    clicked = charts.pick(
        charts.waterfall(bars),
        key=f"trace_waterfall_{trace.trace_id}",
        alt="Spans of the trace over time by component",
    )
    left, right = st.columns([3, 2])
    with right:
        _components(trace)
    with left:
        slowest = next((at for at, one in enumerate(shown) if one.span_id == trace.slowest_span_id), 0)
        at = st.selectbox(
            "Span",
            range(len(shown)),
            index=clicked if clicked is not None else slowest,
            key=f"{keys.TRACE_SPAN}_{clicked}",
            format_func=lambda at: f"{at + 1}. {shown[at].name} · {units.duration(shown[at].duration_ms)}",
        )
        _span(shown[at or 0])


def _span(one: TraceSpan) -> None:
    """Everything a span said; what came from outside is shown as text, never as markup."""
    facts = {
        "Component": one.component,
        "Own time": units.duration(one.own_ms),
        "Model": one.model or "none",
        "Tokens in / out": "none"
        if not one.is_call
        else f"{units.count(one.input_tokens)} / {units.count(one.output_tokens)}",
        "Cost": units.usd(one.cost_nano_usd) if one.is_call else "none",
        "First token": units.duration(one.first_token_ms) if one.first_token_ms is not None else "not said",
        "Release": one.release or "not said",
    }
    tables.facts(facts)
    if one.is_error:
        st.error("This span failed.", icon=":material/error:")
        st.code(one.status_message or "without a message", language=None, wrap_lines=True)
    st.markdown("**Attributes**")
    st.json(dict(one.attributes), expanded=1)
    for title, told in (("Events", one.events), ("Links", one.links), ("Resource", one.resource)):
        if told:
            st.markdown(f"**{title}**")
            st.json(told, expanded=False)  # type: ignore[arg-type]


def _components(trace: Trace) -> None:
    """Where the time and the money went."""
    column = tables.column
    st.markdown("**Where the time went**")
    tables.show(
        [
            {
                "component": one.component,
                "own": one.own_ms,
                "share": one.own_ms / trace.duration_ms if trace.duration_ms else None,
                "cost": one.cost_nano_usd / 1e9,
                "errors": one.errors,
            }
            for one in trace.components
        ],
        {
            "component": column.TextColumn("Component"),
            "own": column.NumberColumn("Own time", format="%.0f ms"),
            "share": column.ProgressColumn("Share", format="percent", min_value=0, max_value=1),
            "cost": column.NumberColumn("Cost", format="$%.5f"),
            "errors": column.NumberColumn("Errors"),
        },
        key="trace_components",
        alt="Own time and cost by component",
    )
    tables.facts(
        {
            "Trace id": trace.trace_id,
            "Started": units.instant(trace.start),
            "Applications": ", ".join(trace.applications),
            "Release": trace.release or "not said",
            "Environment": trace.environment or "not said",
            "User": trace.user_id or "not said",
            "Session": trace.session_id or "not said",
        }
    )


def _as_jsonl(trace: Trace) -> bytes:
    return b"".join(orjson.dumps(span, default=str) + b"\n" for span in trace.spans)
