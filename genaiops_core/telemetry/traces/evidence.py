"""Collects the evidence for a diagnosis: contents of spans, scores by judges and feedback of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import feedback, score
from genaiops_core.telemetry.traces.content import SpanContent, collect_documents, find_answer, find_question
from genaiops_core.telemetry.traces.diagnosis import (
    GUARDRAIL_REASONS,
    Observation,
    RequestEvidence,
    ScoreEvidence,
)

_INTERVENTIONS = frozenset(
    {"guardrail_intervened", "intervened", "blocked", "block", "denied", "deny", "rejected"}
)
_MAX_ROWS = 50


def collect_evidence(
    connection: sa.Connection,
    trace_id: str,
    contents: Sequence[SpanContent],
    *,
    messages: Mapping[str, str],
    failures: Sequence[Observation] = (),
    failed_parents: frozenset[str] = frozenset(),
) -> RequestEvidence:
    """Collect everything that the diagnosis of one request uses.

    Args:
        connection: best a `reading` snapshot.
        trace_id: the trace whose scores and feedback are read.
        contents: of the spans that `select_spans_to_read` selects, in order of time.
        messages: status messages by span id.
        failures: failed spans that are not among `contents`.
        failed_parents: ids of spans with a failed child.
    """
    observations = [
        _observe(
            span_content,
            messages.get(span_content.span_id, ""),
            has_failed_child=span_content.span_id in failed_parents,
        )
        for span_content in contents
    ]
    down, comments = _read_thumbs_down(connection, trace_id)
    return RequestEvidence(
        observations=[*observations, *failures],
        question=find_question(contents),
        query=next(
            (span_content.content.query for span_content in contents if span_content.content.query), None
        ),
        answer=find_answer(contents),
        contexts=tuple(document.content for _, document in collect_documents(contents) if document.content),
        scores=_read_scores(connection, trace_id),
        thumbs_down=down,
        comments=comments,
    )


def _observe(span_content: SpanContent, status_message: str, *, has_failed_child: bool) -> Observation:
    documents = span_content.content.documents
    scores = [document.score for document in documents if document.score is not None]
    is_count_known = bool(documents) or (
        span_content.component == "retrieval" and _reports_no_documents(span_content.attributes)
    )
    return Observation(
        span_id=span_content.span_id,
        name=span_content.name,
        component=span_content.component,
        is_error=span_content.is_error,
        status_message=status_message,
        finish_reasons=span_content.content.finish_reasons,
        has_failed_child=has_failed_child,
        is_root=span_content.is_root,
        guardrail_action=_find_guardrail_action(span_content),
        documents=len(documents) if is_count_known else None,
        best_score=max(scores, default=None),
    )


def _reports_no_documents(attributes: Mapping[str, Any]) -> bool:
    """Whether a retrieval reports an empty result, as opposed to reporting no result at all."""
    for name in ("gen_ai.retrieval.documents", "retrieval.documents", "output.value", "documents"):
        value = attributes.get(name)
        if value in ("[]", "{}", []) or value == "null":
            return True
    return attributes.get("gen_ai.retrieval.documents.count") in (0, "0")


def _find_guardrail_action(span_content: SpanContent) -> str:
    for reason in span_content.content.finish_reasons:
        if reason.lower() in GUARDRAIL_REASONS:
            return reason
    for name, value in span_content.attributes.items():
        is_guardrail_attribute = "guardrail" in name or (
            span_content.component == "guardrail" and name.endswith("action")
        )
        if is_guardrail_attribute and isinstance(value, str) and value.lower() in _INTERVENTIONS:
            return value
    return ""


def _read_scores(connection: sa.Connection, trace_id: str) -> tuple[ScoreEvidence, ...]:
    rows = connection.execute(
        sa.select(score.c.metric, score.c.judge, score.c.value)
        .where(score.c.trace_id == trace_id)
        .order_by(score.c.metric, score.c.judge)
        .limit(_MAX_ROWS)
    )
    return tuple(ScoreEvidence(metric=metric, judge=judge, value=value) for metric, judge, value in rows)


def _read_thumbs_down(connection: sa.Connection, trace_id: str) -> tuple[int, tuple[str, ...]]:
    rows = connection.execute(
        sa.select(feedback.c.comment)
        .where(feedback.c.trace_id == trace_id, feedback.c.thumb == "down")
        .order_by(feedback.c.id)
        .limit(_MAX_ROWS)
    ).scalars()
    comments = list(rows)
    return len(comments), tuple(comment for comment in comments if comment)
