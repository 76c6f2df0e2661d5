"""Gathers what a diagnosis rests on: what the spans of a trace say, what judges scored, what the user said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import feedback, score
from genaiops_core.telemetry.traces.content import Said, answer_of, documents_of, question_of
from genaiops_core.telemetry.traces.diagnosis import GUARDRAIL_REASONS, Interaction, Observation, Scored

_STEPPED_IN = frozenset(
    {"guardrail_intervened", "intervened", "blocked", "block", "denied", "deny", "rejected"}
)
_MOST_SCORES = 50


def interaction(
    connection: sa.Connection,
    trace_id: str,
    spans: Sequence[Said],
    *,
    messages: Mapping[str, str],
    failures: Sequence[Observation] = (),
    failed_parents: frozenset[str] = frozenset(),
) -> Interaction:
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
        _observation(one, messages.get(one.span_id, ""), has_failed_child=one.span_id in failed_parents)
        for one in spans
    ]
    down, comments = _feedback(connection, trace_id)
    return Interaction(
        observations=[*observations, *failures],
        question=question_of(spans),
        query=next((one.content.query for one in spans if one.content.query), None),
        answer=answer_of(spans),
        contexts=tuple(document.content for _, document in documents_of(spans) if document.content),
        scores=_scores(connection, trace_id),
        thumbs_down=down,
        comments=comments,
    )


def _observation(one: Said, status_message: str, *, has_failed_child: bool) -> Observation:
    documents = one.content.documents
    scores = [document.score for document in documents if document.score is not None]
    says_documents = bool(documents) or (one.component == "retrieval" and _says_none(one.attributes))
    return Observation(
        span_id=one.span_id,
        name=one.name,
        component=one.component,
        is_error=one.is_error,
        status_message=status_message,
        finish_reasons=one.content.finish_reasons,
        has_failed_child=has_failed_child,
        is_root=one.is_root,
        guardrail_action=_guardrail_action(one),
        documents=len(documents) if says_documents else None,
        best_score=max(scores, default=None),
    )


def _says_none(attributes: Mapping[str, Any]) -> bool:
    """Whether a retrieval says that it found nothing, rather than not saying what it found."""
    for name in ("gen_ai.retrieval.documents", "retrieval.documents", "output.value", "documents"):
        value = attributes.get(name)
        if value in ("[]", "{}", []) or value == "null":
            return True
    return attributes.get("gen_ai.retrieval.documents.count") in (0, "0")


def _guardrail_action(one: Said) -> str:
    for reason in one.content.finish_reasons:
        if reason.lower() in GUARDRAIL_REASONS:
            return reason
    for name, value in one.attributes.items():
        is_about_it = "guardrail" in name or (one.component == "guardrail" and name.endswith("action"))
        if is_about_it and isinstance(value, str) and value.lower() in _STEPPED_IN:
            return value
    return ""


def _scores(connection: sa.Connection, trace_id: str) -> tuple[Scored, ...]:
    rows = connection.execute(
        sa.select(score.c.metric, score.c.judge, score.c.value)
        .where(score.c.trace_id == trace_id)
        .order_by(score.c.metric, score.c.judge)
        .limit(_MOST_SCORES)
    )
    return tuple(Scored(metric=metric, judge=judge, value=value) for metric, judge, value in rows)


def _feedback(connection: sa.Connection, trace_id: str) -> tuple[int, tuple[str, ...]]:
    rows = connection.execute(
        sa.select(feedback.c.comment)
        .where(feedback.c.trace_id == trace_id, feedback.c.thumb == "down")
        .order_by(feedback.c.id)
        .limit(_MOST_SCORES)
    ).scalars()
    comments = list(rows)
    return len(comments), tuple(comment for comment in comments if comment)
