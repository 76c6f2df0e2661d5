"""What users thought of an answer, joined to its trace by the application."""

from __future__ import annotations

import re
from typing import Literal

import sqlalchemy as sa

from db.tables.telemetry import feedback
from db.transaction import writing
from genaiops_core.clock import now
from genaiops_core.errors import BadInput

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
MAX_COMMENT_LENGTH = 10_000


def give(
    engine: sa.Engine,
    *,
    trace_id: str,
    user_id: str = "",
    rating: float | None = None,
    thumb: Literal["up", "down"] | None = None,
    comment: str = "",
) -> None:
    """Keep one user's opinion of one answer; the trace may still be on its way.

    Args:
        engine: the database.
        trace_id: 32 hexadecimal digits.
        user_id: who gave it, '' when not said.
        rating: on the application's own scale.
        thumb: up or down; at least one of rating and thumb is needed.
        comment: free text.

    Raises:
        BadInput: neither rating nor thumb, or not a trace id.
    """
    trace_id = trace_id.lower()
    if not _TRACE_ID.fullmatch(trace_id):
        raise BadInput("trace_id must be 32 hexadecimal digits.")
    if rating is None and thumb is None:
        raise BadInput("Feedback needs a rating (a number) or a thumb ('up' or 'down').")
    with writing(engine) as connection:
        connection.execute(
            sa.insert(feedback).values(
                trace_id=trace_id,
                user_id=user_id.replace("\x00", "")[:200],
                rating=rating,
                thumb=thumb,
                comment=comment.replace("\x00", "")[:MAX_COMMENT_LENGTH],
                received_at=now(),
            )
        )
