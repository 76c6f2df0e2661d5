"""Gathers what a diagnosis rests on: what the spans of a trace say, what judges scored, what the user said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import feedback, score
from genaiops_core.telemetry.traces.content import SpanContent, find_answer, collect_documents, find_question
from genaiops_core.telemetry.traces.diagnosis import GUARDRAIL_REASONS, RequestEvidence, Observation, ScoreEvidence

_INTERVENTIONS = frozenset(
    {"guardrail_intervened", "intervened", "blocked", "block", "denied", "deny", "rejected"}
)
_MAX_ROWS = 50


def collect_evidence(
    connection: sa.Connection,
    trace_id: str,
    spans: Sequence[SpanContent],
    *,
    messages: Mapping[str, str],
    failures: Sequence[Observation] = (),
    failed_parents: frozenset[str] = frozenset(),
) -> RequestEvidence:
    """What is known of a request.

    Args:
        connection: best a `reading` snapshot.
        trace_id: whose scores and feedback are read.
        spans: those worth reading, in order of time.
        messages: status messages by span id.
        failures: failed spans that are not among them.
        failed_parents: ids of spans with a failed child.
    """
    observations = [
        _observe(one, messages.get(one.span_id, ""), has_failed_child=one.span_id in failed_parents)
        for one in spans
    ]
    down, comments = _read_thumbs_down(connection, trace_id)
    return RequestEvidence(
        observations=[*observations, *failures],
        question=find_question(spans),
        query=next((one.content.query for one in spans if one.content.query), None),
        answer=find_answer(spans),
        contexts=tuple(document.content for _, document in collect_documents(spans) if document.content),
        scores=_read_scores(connection, trace_id),
        thumbs_down=down,
        comments=comments,
    )


def _observe(one: SpanContent, status_message: str, *, has_failed_child: bool) -> Observation:
    documents = one.content.documents
    scores = [document.score for document in documents if document.score is not None]
    says_documents = bool(documents) or (one.component == "retrieval" and _reports_no_documents(one.attributes))
    return Observation(
        span_id=one.span_id,
        name=one.name,
        component=one.component,
        is_error=one.is_error,
        status_message=status_message,
        finish_reasons=one.content.finish_reasons,
        has_failed_child=has_failed_child,
        is_root=one.is_root,
        guardrail_action=_find_guardrail_action(one),
        documents=len(documents) if says_documents else None,
        best_score=max(scores, default=None),
    )


def _reports_no_documents(attributes: Mapping[str, Any]) -> bool:
    """Whether a retrieval says that it found nothing, rather than not saying what it found."""
    for name in ("gen_ai.retrieval.documents", "retrieval.documents", "output.value", "documents"):
        value = attributes.get(name)
        if value in ("[]", "{}", []) or value == "null":
            return True
    return attributes.get("gen_ai.retrieval.documents.count") in (0, "0")


def _find_guardrail_action(one: SpanContent) -> str:
    for reason in one.content.finish_reasons:
        if reason.lower() in GUARDRAIL_REASONS:
            return reason
    for name, value in one.attributes.items():
        is_about_it = "guardrail" in name or (one.component == "guardrail" and name.endswith("action"))
        if is_about_it and isinstance(value, str) and value.lower() in _INTERVENTIONS:
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
