"""What was asked and what was answered in one trace, and which of its spans are worth reading to know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import span
from genaiops_core.telemetry.conventions import Content, Document, Message
from genaiops_core.telemetry.traces.details import NO_DETAILS, SpanKey, SpanDetails, read_span_details

_FIRST_SPANS, _LAST_SPANS = 20, 10
"""Spans of one component that are read of a trace: so many from its beginning and its end."""

_READ_COMPONENTS = ("generation", "retrieval", "reranking", "guardrail", "agent", "chain", "prompt")


@dataclass(frozen=True, kw_only=True)
class SpanContent:
    """One span with what it says, as a diagnosis needs it."""

    span_id: str
    application: str
    name: str
    component: str
    model: str
    is_root: bool
    is_error: bool
    is_duplicate: bool
    """Whether another span counts for the call this one tells of too."""
    content: Content
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_messages(self) -> bool:
        return bool(self.content.messages_in or self.content.messages_out)


def select_spans_to_read(rows: Sequence[sa.RowMapping]) -> list[sa.RowMapping]:
    """The spans that may say what was asked, found and answered; a bounded number, in the order given."""
    groups: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        if row["is_request"]:
            groups["root"].append(at)
        elif row["component"] in _READ_COMPONENTS:
            groups[row["component"]].append(at)
    kept = {at for group in groups.values() for at in (*group[:_FIRST_SPANS], *group[-_LAST_SPANS:])}
    return [rows[at] for at in sorted(kept)]


def build_span_contents(rows: Iterable[sa.RowMapping], told: Mapping[SpanKey, SpanDetails]) -> list[SpanContent]:
    """Spans with what they say, in the order given; those that say nothing have empty content."""
    spans = []
    for row in rows:
        one = told.get((row["application"], row["span_id"]), NO_DETAILS)
        spans.append(
            SpanContent(
                span_id=row["span_id"],
                application=row["application"],
                name=row["name"],
                component=row["component"],
                model=row["model"],
                is_root=row["is_request"],
                is_error=row["is_error"],
                is_duplicate=bool(row["folded_into"]),
                content=one.content(),
                attributes=one.attributes,
            )
        )
    return spans


def find_question(spans: Sequence[SpanContent]) -> str | None:
    """What the user asked: what the root was given, else the last user message of the first span that has one."""
    for one in _sort_outermost_first(spans):
        text = find_last_text(one.content.messages_in, "user")
        if text:
            return text
    return next((one.content.query for one in spans if one.content.query), None)


def find_answer(spans: Sequence[SpanContent]) -> str | None:
    """What the user got: what came out of the root, else the last words of the last generation."""
    outer = [one for one in _sort_outermost_first(spans) if one.component != "generation" or one.is_root]
    for one in outer:
        text = find_last_text(one.content.messages_out, "assistant")
        if text:
            return text
    for one in reversed(spans):
        text = find_last_text(one.content.messages_out, "assistant") if one.component == "generation" else None
        if text:
            return text
    return None


def collect_documents(spans: Sequence[SpanContent]) -> list[tuple[SpanContent, Document]]:
    """Every document that was retrieved or re-ranked, in order of time and rank; each text or id once."""
    found: dict[str, tuple[SpanContent, Document]] = {}
    for one in spans:
        for document in one.content.documents:
            found.setdefault(document.content or document.id or document.source, (one, document))
    return list(found.values())


def find_last_text(messages: Sequence[Message], role: str) -> str | None:
    """The text of the last message of a role; of the last with any text when no message has that role."""
    with_text = [message for message in messages if message.text.strip()]
    of_role = [message for message in with_text if message.role == role]
    return (of_role or with_text)[-1].text if with_text else None


def read_questions_and_answers(connection: sa.Connection, traces: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    """Question and answer of some traces, by trace id; few, because their payloads are read one by one."""
    wanted = sa.or_(span.c.is_request, span.c.component.in_(("generation", "retrieval", "agent", "chain")))
    rows = connection.execute(
        sa.select(
            span.c.trace_id,
            span.c.span_id,
            span.c.application,
            span.c.name,
            span.c.component,
            span.c.model,
            span.c.is_request,
            span.c.is_error,
            span.c.folded_into,
        )
        .where(span.c.trace_id.in_(traces), wanted)
        .order_by(span.c.start_ns, span.c.id)
    ).mappings()
    by_trace: dict[str, list[sa.RowMapping]] = defaultdict(list)
    for row in rows:
        by_trace[row["trace_id"]].append(row)
    found = {}
    for trace_id, members in by_trace.items():
        read = select_spans_to_read(members)
        told = read_span_details(connection, trace_id, {(row["application"], row["span_id"]) for row in read})
        spans = build_span_contents(read, told)
        found[trace_id] = (find_question(spans), find_answer(spans))
    return found


def _sort_outermost_first(spans: Sequence[SpanContent]) -> list[SpanContent]:
    """Roots first, then agents and chains, then the others: the nearer to the user, the better it knows."""
    return sorted(
        (one for one in spans if one.component not in ("guardrail", "retrieval", "reranking", "prompt")),
        key=lambda one: 0 if one.is_root else 1 if one.component in ("agent", "chain") else 2,
    )
