"""The record for a complaint: what was retrieved, from which state of which source, and what the model was given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.telemetry import span
from genaiops_core.telemetry.traces.content import SpanContent, find_answer, find_question, build_span_contents, select_spans_to_read
from genaiops_core.telemetry.traces.details import read_span_details

MAX_SPANS = 50_000
_PROBE_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class SourceDocument:
    """One document that was retrieved or re-ranked."""

    rank: int
    """In what its span came back with, from 1."""
    id: str | None
    source: str | None
    """Where it is from: an address, a file, a title."""
    version: str | None
    """Which state of the source was read."""
    score: float | None
    content: str | None
    span_id: str
    component: str
    """retrieval or reranking, mostly."""
    in_prompt: bool | None
    """Whether its text stands in what a model was given; None where one of the two texts is missing."""


@dataclass(frozen=True, kw_only=True)
class WindowMessage:
    """One message in the window of a model call, in order."""

    span_id: str
    model: str | None
    direction: str
    """`in` for what the model was given, `out` for what it gave."""
    role: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ContextRecord:
    """What one answer was made of."""

    trace_id: str
    question: str | None
    answer: str | None
    queries: tuple[str, ...]
    """What was searched for."""
    documents: tuple[SourceDocument, ...]
    messages: tuple[WindowMessage, ...]
    """Of every model call that is not told again by another span."""
    prompts: tuple[str, ...]
    """Named prompts, as name@version."""
    models: tuple[str, ...]
    release: str | None
    environment: str | None
    missing: tuple[str, ...]
    """What the telemetry does not say, in words."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing that the record is for is missing."""
        return not self.missing


def build_context_record(connection: sa.Connection, trace_id: str) -> ContextRecord | None:
    """The record of one trace, or None when no span of it has come.

    Args:
        connection: best a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
    """
    trace_id = trace_id.strip().lower()
    rows = (
        connection.execute(
            sa.select(*[span.c[name] for name in _COLUMNS])
            .where(span.c.trace_id == trace_id)
            .order_by(span.c.start_ns, span.c.id)
            .limit(MAX_SPANS)
        )
        .mappings()
        .all()
    )
    if not rows:
        return None
    read = select_spans_to_read(rows)
    told = read_span_details(connection, trace_id, {(row["application"], row["span_id"]) for row in read})
    spans = build_span_contents(read, told)
    messages = tuple(_list_messages(spans))
    window = _normalise("\n".join(message.text for message in messages if message.direction == "in"))
    documents = tuple(_list_documents(spans, window))
    question, answer = find_question(spans), find_answer(spans)
    return ContextRecord(
        trace_id=trace_id,
        question=question,
        answer=answer,
        queries=tuple(dict.fromkeys(one.content.query for one in spans if one.content.query)),
        documents=documents,
        messages=messages,
        prompts=tuple(dict.fromkeys(_list_prompts(spans))),
        models=tuple(dict.fromkeys(one.model for one in spans if one.model and not one.is_duplicate)),
        release=next((row["release"] for row in rows if row["release"]), None),
        environment=next((row["environment"] for row in rows if row["environment"]), None),
        missing=tuple(_list_missing(question, answer, documents, messages)),
    )


_COLUMNS = (
    "application",
    "span_id",
    "name",
    "component",
    "model",
    "is_error",
    "is_request",
    "folded_into",
    "release",
    "environment",
)


def _list_messages(spans: Sequence[SpanContent]) -> Iterator[WindowMessage]:
    for one in spans:
        if one.component != "generation" or one.is_duplicate:
            continue
        told = [("in", "system", one.content.system)] if one.content.system else []
        told += [("in", message.role, message.text) for message in one.content.messages_in]
        told += [("out", message.role, message.text) for message in one.content.messages_out]
        for direction, role, text in told:
            if text:
                yield WindowMessage(
                    span_id=one.span_id, model=one.model or None, direction=direction, role=role, text=text
                )


def _list_documents(spans: Sequence[SpanContent], window: str) -> Iterator[SourceDocument]:
    for one in spans:
        for rank, document in enumerate(one.content.documents, 1):
            # A prompt may shorten a passage: its beginning tells.
            probe = _normalise(document.content)[:_PROBE_CHARACTERS].strip()
            yield SourceDocument(
                rank=rank,
                id=document.id or None,
                source=document.source or None,
                version=document.version or None,
                score=document.score,
                content=document.content or None,
                span_id=one.span_id,
                component=one.component,
                in_prompt=probe in window if probe and window else None,
            )


def _list_prompts(spans: Sequence[SpanContent]) -> Iterator[str]:
    for one in spans:
        if one.content.prompt_name:
            version = f"@{one.content.prompt_version}" if one.content.prompt_version else ""
            yield f"{one.content.prompt_name}{version}"


def _list_missing(
    question: str | None,
    answer: str | None,
    documents: Sequence[SourceDocument],
    messages: Sequence[WindowMessage],
) -> Iterator[str]:
    if question is None:
        yield "what the user asked"
    if answer is None:
        yield "what was answered"
    if not messages:
        yield "the messages the model was given"
    if not documents:
        yield "what was retrieved"
    elif not any(document.version for document in documents):
        yield "which version of the sources was read"


def _normalise(text: str) -> str:
    return " ".join(text.split()).casefold()
