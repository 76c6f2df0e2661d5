"""Converts a production request to a test case: question, answer and contexts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.readers.encodings import replace_unstorable
from genaiops_core.telemetry.traces.context_record import SourceDocument, build_context_record

NO_TRACE = "the trace has no spans any more"
NO_QUESTION = "the trace has no question"
NO_ANSWER = "the trace has no answer"


@dataclass(frozen=True, kw_only=True)
class TraceCase:
    """The case of a trace, or the reason why it cannot be scored."""

    case: Case | None
    """None if the trace has no question."""
    problem: str
    """'' if the case has a question and an answer."""


def read_trace_case(connection: sa.Connection, trace_id: str) -> TraceCase:
    """Read question, answer and contexts of one trace.

    Args:
        connection: preferably a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
    """
    record = build_context_record(connection, trace_id)
    if record is None:
        return TraceCase(case=None, problem=NO_TRACE)
    if not record.question:
        return TraceCase(case=None, problem=NO_QUESTION)
    contexts = select_contexts(record.documents)
    case = Case(
        # Telemetry is untrusted: it may contain NUL and lone surrogates, which no database stores.
        input=replace_unstorable(record.question),
        answer=replace_unstorable(record.answer) if record.answer else None,
        contexts=None if contexts is None else tuple(replace_unstorable(text) for text in contexts),
    )
    return TraceCase(case=case, problem="" if case.answer else NO_ANSWER)


def select_contexts(documents: Sequence[SourceDocument]) -> tuple[str, ...] | None:
    """Select the contexts of an answer, without duplicates; None if the trace has none.

    The documents in a prompt are preferred, then the documents after re-ranking, then all retrieved documents.
    """
    texts = [document for document in documents if document.content]
    if not texts:
        return None
    preferred = [document for document in texts if document.in_prompt] or [
        document for document in texts if document.component == "reranking"
    ]
    return tuple(dict.fromkeys(document.content or "" for document in preferred or texts))
