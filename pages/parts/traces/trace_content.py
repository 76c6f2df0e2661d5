"""What was said in a trace: messages as a conversation, documents found, tools run. All of it is text, never markup."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from genaiops_core.telemetry.sampling.samples import REASONS
from genaiops_core.telemetry.traces.context_record import ContextRecord, SourceDocument, WindowMessage
from genaiops_core.telemetry.traces.trace import Trace
from pages.parts.shared import tables, units

MOST_MESSAGES = 60
MOST_CHARACTERS = 20_000
MOST_TOOLS = 40

_AVATARS = {
    "user": ":material/person:",
    "assistant": ":material/smart_toy:",
    "system": ":material/settings:",
    "tool": ":material/build:",
}


def reason(name: str) -> str:
    """Why a request was chosen for scoring, in words."""
    words = {str(known): said for known, said in REASONS.items()}
    return units.escape_markdown(words.get(name, name.replace("_", " ")))


def text(said: str) -> None:
    """What came from outside, exactly as it came, as far as anybody reads on."""
    st.text(said[:MOST_CHARACTERS])
    if len(said) > MOST_CHARACTERS:
        st.caption(f"{len(said) - MOST_CHARACTERS:,} more characters; download the trace to read them all.")


def message(role: str, said: str) -> None:
    """One message, whoever wrote it."""
    side = "assistant" if role == "assistant" else "user" if role == "user" else role or "message"
    with st.chat_message(units.escape_markdown(side), avatar=_AVATARS.get(role, ":material/chat:")):
        st.caption(units.escape_markdown(role or "role not said"))
        text(said or "(no text)")


def missing(record: ContextRecord) -> None:
    """What the telemetry does not say, so that nobody takes silence for absence."""
    if record.missing:
        st.caption(
            f":material/info: Not told by the telemetry: {units.escape_markdown('; '.join(record.missing))}."
        )


def messages(record: ContextRecord) -> None:
    """Every model call with what it was given and what it gave."""
    if not record.messages:
        st.caption("No message came with this trace.")
    shown = record.messages[:MOST_MESSAGES]

    def call(one: WindowMessage) -> tuple[str, str | None]:
        return one.span_id, one.model

    for at, ((_, model), said) in enumerate(groupby(shown, key=call)):
        st.markdown(f"**Call {at + 1}** · {units.escape_markdown(model or 'model not said')}")
        for one in said:
            message(one.role, one.text)
    if len(record.messages) > len(shown):
        st.caption(f"{len(record.messages) - len(shown):,} more messages; download the trace to read them.")
    missing(record)


def documents(record: ContextRecord) -> None:
    """What was found, with its score, source and version, and whether a model was given it."""
    if not record.documents:
        st.caption("No document was retrieved in this trace, or the telemetry does not say so.")
        return
    for query in record.queries:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.caption("Searched for", width="content")
            st.text(query[:500])
    column = tables.column
    picked = tables.pick(
        [_row(one) for one in record.documents],
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
        alt="Documents found, in the order they were ranked; select one to read it",
    )
    chosen = record.documents[picked or 0]
    st.markdown(f"**{units.escape_markdown(chosen.source or chosen.id or 'source not said')}**")
    st.code((chosen.content or "its content was not told")[:MOST_CHARACTERS], language=None, wrap_lines=True)
    missing(record)


def _row(one: SourceDocument) -> dict[str, object]:
    return {
        "rank": one.rank,
        "score": one.score,
        "source": one.source or one.id,
        "version": one.version,
        "prompt": {True: "yes", False: "no"}.get(one.in_prompt, units.NO_DATA),  # type: ignore[arg-type]
        "component": one.component,
        "content": (one.content or "")[:300],
    }


def tools(trace: Trace) -> None:
    """Tools that ran, and those a model asked for."""
    ran = [(one, one.content.tool) for one in trace.spans if one.content.tool is not None]
    asked = [
        (one, call)
        for one in trace.spans
        if one.folded_into is None
        for said in one.content.messages_out
        for call in said.tool_calls
    ]
    if not ran and not asked:
        st.caption("No tool ran in the steps that are shown.")
        return
    for at, (one, tool) in enumerate(ran[:MOST_TOOLS]):
        assert tool is not None
        state = "failed" if one.is_error else "ok"
        title = f"{at + 1}. {units.escape_markdown(tool.name or one.name)} · {units.format_duration(one.duration_ms)} · {state}"
        with st.expander(title, icon=":material/build:", expanded=at == 0):
            for name, told in (("Arguments", tool.arguments), ("Result", tool.result)):
                st.markdown(f"**{name}**")
                st.code(told[:MOST_CHARACTERS] or "not said", language=None, wrap_lines=True)
    if asked:
        column = tables.column
        st.markdown("**Asked for by a model**")
        tables.draw(
            [{"step": one.name, "tool": call.name, "arguments": call.arguments[:500]} for one, call in asked],
            {
                "step": column.TextColumn("Step"),
                "tool": column.TextColumn("Tool"),
                "arguments": column.TextColumn("Arguments", width="large"),
            },
            key="trace_tools_asked",
            alt="Tools that a model asked for",
        )
    if len(ran) > MOST_TOOLS or trace.visible_spans > len(trace.spans):
        st.caption("Only of the steps that are shown.")
