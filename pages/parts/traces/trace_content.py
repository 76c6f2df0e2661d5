"""Content of a trace: messages, retrieved documents and tool calls. It is drawn as text, never as markup."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from genaiops_core.telemetry.sampling.policy import REASONS
from genaiops_core.telemetry.traces.context_record import ContextRecord, SourceDocument, WindowMessage
from genaiops_core.telemetry.traces.trace import Trace
from pages.parts.shared import tables, units

MAX_MESSAGES = 60
MAX_CHARACTERS = 20_000
MAX_TOOLS = 40

_AVATARS = {
    "user": ":material/person:",
    "assistant": ":material/smart_toy:",
    "system": ":material/settings:",
    "tool": ":material/build:",
}


def format_reason(name: str) -> str:
    """The reason why a request was sampled."""
    labels = {str(reason): label for reason, label in REASONS.items()}
    return units.escape_markdown(labels.get(name, name.replace("_", " ")))


def draw_text(content: str) -> None:
    """Draw text from outside unchanged, up to `MAX_CHARACTERS`."""
    st.text(content[:MAX_CHARACTERS])
    if len(content) > MAX_CHARACTERS:
        st.caption(f"{len(content) - MAX_CHARACTERS:,} more characters. Download the trace to read all.")


def draw_message(role: str, content: str) -> None:
    """Draw one message of a conversation."""
    side = "assistant" if role == "assistant" else "user" if role == "user" else role or "message"
    with st.chat_message(units.escape_markdown(side), avatar=_AVATARS.get(role, ":material/chat:")):
        st.caption(units.escape_markdown(role or "unknown role"))
        draw_text(content or "(no text)")


def draw_missing(record: ContextRecord) -> None:
    """Draw what the telemetry does not contain, so that a missing value is not read as none."""
    if record.missing:
        st.caption(
            f":material/info: Missing in the telemetry: {units.escape_markdown('; '.join(record.missing))}."
        )


def draw_messages(record: ContextRecord) -> None:
    """Draw every model call with its input and output messages."""
    if not record.messages:
        st.caption("This trace has no messages.")
    visible = record.messages[:MAX_MESSAGES]

    def identify_call(message: WindowMessage) -> tuple[str, str | None]:
        return message.span_id, message.model

    for number, ((_, model), call_messages) in enumerate(groupby(visible, key=identify_call)):
        st.markdown(f"**Call {number + 1}** · {units.escape_markdown(model or 'unknown model')}")
        for message in call_messages:
            draw_message(message.role, message.text)
    if len(record.messages) > len(visible):
        st.caption(f"{len(record.messages) - len(visible):,} more messages. Download the trace to read all.")
    draw_missing(record)


def draw_documents(record: ContextRecord) -> None:
    """Draw retrieved documents with score, source and version, and whether the prompt contains them."""
    if not record.documents:
        st.caption("This trace has no retrieved documents in its telemetry.")
        return
    for query in record.queries:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.caption("Searched for", width="content")
            st.text(query[:500])
    column = tables.column
    selected_row = tables.pick(
        [_build_row(document) for document in record.documents],
        {
            "rank": column.NumberColumn("Rank", width=60),
            "score": column.NumberColumn("Score", format="%.3f"),
            "source": column.TextColumn("Source"),
            "version": column.TextColumn("Version"),
            "prompt": column.TextColumn("In the prompt"),
            "component": column.TextColumn("Step"),
            "content": column.TextColumn("Content", width="large"),
        },
        key="trace_documents",
        alt="Retrieved documents by rank; select one to read it",
    )
    selected = record.documents[selected_row or 0]
    st.markdown(f"**{units.escape_markdown(selected.source or selected.id or 'unknown source')}**")
    st.code(
        (selected.content or "(no content in the telemetry)")[:MAX_CHARACTERS], language=None, wrap_lines=True
    )
    draw_missing(record)


def _build_row(document: SourceDocument) -> dict[str, object]:
    return {
        "rank": document.rank,
        "score": document.score,
        "source": document.source or document.id,
        "version": document.version,
        "prompt": {True: "yes", False: "no"}.get(document.in_prompt, units.NO_DATA),  # type: ignore[arg-type]
        "component": document.component,
        "content": (document.content or "")[:300],
    }


def draw_tools(trace: Trace) -> None:
    """Draw tool executions, and the tool calls that a model requested."""
    tool_runs = [(span, span.content.tool) for span in trace.spans if span.content.tool is not None]
    tool_calls = [
        (span, call)
        for span in trace.spans
        if span.folded_into is None
        for message in span.content.messages_out
        for call in message.tool_calls
    ]
    if not tool_runs and not tool_calls:
        st.caption("No tool ran in the steps on this page.")
        return
    for number, (span, tool) in enumerate(tool_runs[:MAX_TOOLS]):
        assert tool is not None
        state = "failed" if span.is_error else "ok"
        title = f"{number + 1}. {units.escape_markdown(tool.name or span.name)} · {units.format_duration(span.duration_ms)} · {state}"
        with st.expander(title, icon=":material/build:", expanded=number == 0):
            for name, content in (("Arguments", tool.arguments), ("Result", tool.result)):
                st.markdown(f"**{name}**")
                st.code(content[:MAX_CHARACTERS] or "(empty)", language=None, wrap_lines=True)
    if tool_calls:
        column = tables.column
        st.markdown("**Requested by a model**")
        tables.draw(
            [
                {"step": span.name, "tool": call.name, "arguments": call.arguments[:500]}
                for span, call in tool_calls
            ],
            {
                "step": column.TextColumn("Step"),
                "tool": column.TextColumn("Tool"),
                "arguments": column.TextColumn("Arguments", width="large"),
            },
            key="trace_tools_asked",
            alt="Tool calls that a model requested",
        )
    if len(tool_runs) > MAX_TOOLS or trace.visible_spans > len(trace.spans):
        st.caption("Limited to the steps on this page.")
