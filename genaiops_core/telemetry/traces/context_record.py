"""The record for a complaint: the retrieved documents with their source versions, and the messages of each model call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.telemetry import span
from genaiops_core.telemetry.traces.content import (
    SpanContent,
    build_span_contents,
    find_answer,
    find_question,
    select_spans_to_read,
)
from genaiops_core.telemetry.traces.details import read_span_details

MAX_SPANS = 50_000
_PROBE_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class SourceDocument:
    """One document that was retrieved or re-ranked."""

    rank: int
    """Position among the documents of its span, from 1."""
    id: str | None
    source: str | None
    """An address, a file or a title."""
    version: str | None
    """Version of the source at the time of reading."""
    score: float | None
    content: str | None
    span_id: str
    component: str
    """Component of the span; usually retrieval or reranking."""
    in_prompt: bool | None
    """Whether the document's text is in the input of a model call; None where one of the two texts is missing."""


@dataclass(frozen=True, kw_only=True)
class WindowMessage:
    """One input or output message of a model call."""

    span_id: str
    model: str | None
    direction: str
    """`in` for the model's input, `out` for its output."""
    role: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ContextRecord:
    """The documents, messages, prompts and models behind one answer."""

    trace_id: str
    question: str | None
    answer: str | None
    queries: tuple[str, ...]
    """Retrieval queries."""
    documents: tuple[SourceDocument, ...]
    messages: tuple[WindowMessage, ...]
    """Of every model call; a call that several spans report appears once."""
    prompts: tuple[str, ...]
    """Named prompts, as name@version."""
    models: tuple[str, ...]
    release: str | None
    environment: str | None
    missing: tuple[str, ...]
    """The parts that the telemetry lacks, in words."""

    @property
    def is_complete(self) -> bool:
        """Whether no part is missing."""
        return not self.missing


def build_context_record(connection: sa.Connection, trace_id: str) -> ContextRecord | None:
    """Build the record of one trace; None when no span of it was received.

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
    selected = select_spans_to_read(rows)
    details = read_span_details(
        connection, trace_id, {(row["application"], row["span_id"]) for row in selected}
    )
    spans = build_span_contents(selected, details)
    messages = tuple(_list_messages(spans))
    window = _normalise("\n".join(message.text for message in messages if message.direction == "in"))
    documents = tuple(_list_documents(spans, window))
    question, answer = find_question(spans), find_answer(spans)
    return ContextRecord(
        trace_id=trace_id,
        question=question,
        answer=answer,
        queries=tuple(
            dict.fromkeys(span_content.content.query for span_content in spans if span_content.content.query)
        ),
        documents=documents,
        messages=messages,
        prompts=tuple(dict.fromkeys(_list_prompts(spans))),
        models=tuple(
            dict.fromkeys(
                span_content.model
                for span_content in spans
                if span_content.model and not span_content.is_duplicate
            )
        ),
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
    "is_internal",
    "folded_into",
    "release",
    "environment",
)


def _list_messages(spans: Sequence[SpanContent]) -> Iterator[WindowMessage]:
    for span_content in spans:
        # A duplicate has the messages of the counted span once more.
        if span_content.component != "generation" or span_content.is_duplicate:
            continue
        messages = [("in", "system", span_content.content.system)] if span_content.content.system else []
        messages += [("in", message.role, message.text) for message in span_content.content.messages_in]
        messages += [("out", message.role, message.text) for message in span_content.content.messages_out]
        for direction, role, text in messages:
            if text:
                yield WindowMessage(
                    span_id=span_content.span_id,
                    model=span_content.model or None,
                    direction=direction,
                    role=role,
                    text=text,
                )


def _list_documents(spans: Sequence[SpanContent], window: str) -> Iterator[SourceDocument]:
    for span_content in spans:
        for rank, document in enumerate(span_content.content.documents, 1):
            # A prompt may truncate a passage, so only the beginning of the document is looked up.
            probe = _normalise(document.content)[:_PROBE_CHARACTERS].strip()
            yield SourceDocument(
                rank=rank,
                id=document.id or None,
                source=document.source or None,
                version=document.version or None,
                score=document.score,
                content=document.content or None,
                span_id=span_content.span_id,
                component=span_content.component,
                in_prompt=probe in window if probe and window else None,
            )


def _list_prompts(spans: Sequence[SpanContent]) -> Iterator[str]:
    for span_content in spans:
        if span_content.content.prompt_name:
            version = f"@{span_content.content.prompt_version}" if span_content.content.prompt_version else ""
            yield f"{span_content.content.prompt_name}{version}"


def _list_missing(
    question: str | None,
    answer: str | None,
    documents: Sequence[SourceDocument],
    messages: Sequence[WindowMessage],
) -> Iterator[str]:
    if question is None:
        yield "the user's question"
    if answer is None:
        yield "the answer"
    if not messages:
        yield "the messages of the model calls"
    if not documents:
        yield "the retrieved documents"
    elif not any(document.version for document in documents):
        yield "the version of the sources"


def _normalise(text: str) -> str:
    return " ".join(text.split()).casefold()
