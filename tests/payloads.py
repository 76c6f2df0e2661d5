"""Reads stored span payloads back, for assertions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import payload
from genaiops_core.telemetry.ingest.payloads import unpack


def read_payloads(connection: sa.Connection, trace_id: str, application: str | None = None) -> dict[str, Any]:
    """Span id -> payload of every span of one trace."""
    query = sa.select(payload.c.spans_zstd).where(payload.c.trace_id == trace_id).order_by(payload.c.id)
    if application is not None:
        query = query.where(payload.c.application == application)
    return unpack(connection.execute(query).scalars().all())
