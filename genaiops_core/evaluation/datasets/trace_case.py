"""A production request as a test case: what was asked and answered, and from which texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.readers.encodings import replace_unstorable
from genaiops_core.telemetry.traces.context_record import SourceDocument, build_context_record

NO_TRACE = "no span of the trace is there any more"
NO_QUESTION = "the trace does not tell what was asked"
NO_ANSWER = "the trace does not tell what was answered"


@dataclass(frozen=True, kw_only=True)
class TraceCase:
    """What a trace tells, or why that cannot be judged."""

    case: Case | None
    """None without a question."""
    problem: str
    """'' when question and answer are there."""


def read_trace_case(connection: sa.Connection, trace_id: str) -> TraceCase:
    """Question, answer and contexts of one trace.

    Args:
        connection: best a `reading` snapshot.
        trace_id: 32 hexadecimal digits.
    """
    record = build_context_record(connection, trace_id)
    if record is None:
        return TraceCase(case=None, problem=NO_TRACE)
    if not record.question:
        return TraceCase(case=None, problem=NO_QUESTION)
    contexts = select_contexts(record.documents)
    case = Case(
        input=replace_unstorable(record.question),
        answer=replace_unstorable(record.answer) if record.answer else None,
        contexts=None if contexts is None else tuple(replace_unstorable(text) for text in contexts),
    )
    return TraceCase(case=case, problem="" if case.answer else NO_ANSWER)


def select_contexts(documents: Sequence[SourceDocument]) -> tuple[str, ...] | None:
    """The texts an answer was made from, each once; None when the trace tells none.

    Those that stand in a prompt, where that is known; else what was kept after re-ranking, else what was retrieved.
    """
    texts = [document for document in documents if document.content]
    if not texts:
        return None
    preferred = [document for document in texts if document.in_prompt] or [
        document for document in texts if document.component == "reranking"
    ]
    return tuple(dict.fromkeys(document.content or "" for document in preferred or texts))
