"""The question, the answer and the documents of one trace, and the spans they are read from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import span
from genaiops_core.telemetry.conventions import Content, Document, Message
from genaiops_core.telemetry.traces.details import NO_DETAILS, SpanDetails, SpanKey, read_span_details

_FIRST_SPANS, _LAST_SPANS = 20, 10
"""Spans of one component that are read of a trace: the first 20 and the last 10."""

_KNOWN_ROLES = ("user", "assistant", "tool", "system")
_READ_COMPONENTS = ("generation", "retrieval", "reranking", "guardrail", "agent", "chain", "prompt")


@dataclass(frozen=True, kw_only=True)
class SpanContent:
    """One span with its messages, documents and attributes, as a diagnosis needs it."""

    span_id: str
    application: str
    name: str
    component: str
    model: str
    is_root: bool
    is_error: bool
    is_duplicate: bool
    """Whether another span reports the same model call and is counted for it."""
    content: Content
    attributes: Mapping[str, Any] = field(default_factory=dict)


def select_spans_to_read(rows: Sequence[sa.RowMapping]) -> list[sa.RowMapping]:
    """The spans that may carry the question, the documents or the answer, in the order of `rows`.

    The number is bounded, because a trace may have 50,000 spans and each payload must be decompressed.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row["is_request"] and not row["is_internal"]:
            groups["root"].append(index)
        elif row["component"] in _READ_COMPONENTS:
            groups[row["component"]].append(index)
    selected = {
        index for group in groups.values() for index in (*group[:_FIRST_SPANS], *group[-_LAST_SPANS:])
    }
    return [rows[index] for index in sorted(selected)]


def build_span_contents(
    rows: Iterable[sa.RowMapping], details: Mapping[SpanKey, SpanDetails]
) -> list[SpanContent]:
    """Contents in the order of `rows`; a span without stored details has empty content."""
    contents = []
    for row in rows:
        span_details = details.get((row["application"], row["span_id"]), NO_DETAILS)
        contents.append(
            SpanContent(
                span_id=row["span_id"],
                application=row["application"],
                name=row["name"],
                component=row["component"],
                model=row["model"],
                # The request of a called application is a step of the outer one.
                is_root=row["is_request"] and not row["is_internal"],
                is_error=row["is_error"],
                is_duplicate=bool(row["folded_into"]),
                content=span_details.content(),
                attributes=span_details.attributes,
            )
        )
    return contents


def find_question(spans: Sequence[SpanContent]) -> str | None:
    """The user's question: the last user message of the outermost span that has one, else the retrieval query."""
    for span_content in _sort_outermost_first(spans):
        text = find_last_text(span_content.content.messages_in, "user")
        if text:
            return text
    return next((span_content.content.query for span_content in spans if span_content.content.query), None)


def find_answer(spans: Sequence[SpanContent]) -> str | None:
    """The answer: the output of the outermost span that has one, else that of the last generation."""
    outermost = [
        span_content
        for span_content in _sort_outermost_first(spans)
        if span_content.component != "generation" or span_content.is_root
    ]
    for span_content in outermost:
        text = find_last_text(span_content.content.messages_out, "assistant")
        if text:
            return text
    generations = [span_content for span_content in reversed(spans) if span_content.component == "generation"]
    front = _find_front_application(spans)
    # A called application may use a model as well: its answer is a step towards the answer.
    for span_content in sorted(generations, key=lambda generation: generation.application != front):
        text = find_last_text(span_content.content.messages_out, "assistant")
        if text:
            return text
    return None


def collect_documents(spans: Sequence[SpanContent]) -> list[tuple[SpanContent, Document]]:
    """Every retrieved or re-ranked document, in order of time and rank; each text, id or source once."""
    documents: dict[str, tuple[SpanContent, Document]] = {}
    for span_content in spans:
        for document in span_content.content.documents:
            # Re-ranking returns documents of the retrieval again.
            documents.setdefault(document.content or document.id or document.source, (span_content, document))
    return list(documents.values())


def find_last_text(messages: Sequence[Message], role: str) -> str | None:
    """The text of the last message of a role; without one, of the last message whose role is no known one."""
    with_text = [message for message in messages if message.text.strip()]
    texts = [message.text for message in with_text if message.role == role]
    texts = texts or [message.text for message in with_text if message.role not in _KNOWN_ROLES]
    return texts[-1] if texts else None


def read_questions_and_answers(
    connection: sa.Connection, traces: Sequence[str]
) -> dict[str, tuple[str | None, str | None]]:
    """(question, answer) by trace id. Pass few traces: the payloads of each are read with a query of its own."""
    has_text = sa.or_(span.c.is_request, span.c.component.in_(_READ_COMPONENTS))
    rows = connection.execute(
        sa.select(
            span.c.trace_id,
            span.c.span_id,
            span.c.application,
            span.c.name,
            span.c.component,
            span.c.model,
            span.c.is_request,
            span.c.is_internal,
            span.c.is_error,
            span.c.folded_into,
        )
        .where(span.c.trace_id.in_(traces), has_text)
        .order_by(span.c.start_ns, span.c.id)
    ).mappings()
    rows_by_trace: dict[str, list[sa.RowMapping]] = defaultdict(list)
    for row in rows:
        rows_by_trace[row["trace_id"]].append(row)
    texts = {}
    for trace_id, trace_rows in rows_by_trace.items():
        selected = select_spans_to_read(trace_rows)
        details = read_span_details(
            connection, trace_id, {(row["application"], row["span_id"]) for row in selected}
        )
        contents = build_span_contents(selected, details)
        texts[trace_id] = (find_question(contents), find_answer(contents))
    return texts


def _sort_outermost_first(spans: Sequence[SpanContent]) -> list[SpanContent]:
    """Roots first, then agents and chains, then the others, because outer spans hold the user's own messages.

    Of each kind, those of the application that took the request from outside come first.
    """
    front = _find_front_application(spans)
    return sorted(
        (
            span_content
            for span_content in spans
            if span_content.component not in ("guardrail", "retrieval", "reranking", "prompt")
        ),
        key=lambda span_content: (
            0 if span_content.is_root else 1 if span_content.component in ("agent", "chain") else 2,
            span_content.application != front,
        ),
    )


def _find_front_application(spans: Sequence[SpanContent]) -> str:
    """The application of the first root; of the first span when no root is known."""
    names = [span_content.application for span_content in spans if span_content.is_root]
    return next(iter(names or [span_content.application for span_content in spans]), "")
