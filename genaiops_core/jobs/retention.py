"""The worker's part in retention: deletes what is older than the settings allow, once an hour among all workers."""

from __future__ import annotations

import threading

import sqlalchemy as sa

from genaiops_core.clock import now
from genaiops_core.logs import get_logger
from genaiops_core.settings import Settings
from genaiops_core.telemetry.privacy import retention

log = get_logger()


class RetentionRun:
    """Asked often, does its work when it is due; once `stopping` is set, a long run ends after its transaction."""

    def __init__(self, engine: sa.Engine, settings: Settings, stopping: threading.Event) -> None:
        self._engine = engine
        self._keep = retention.RetentionPeriods(**settings.retention)
        self._stopping = stopping

    def __call__(self) -> retention.RetentionResult | None:
        """Delete what is too old if a run is due; None when it is not."""
        if not retention.claim_run(self._engine, now()):
            return None
        removed = retention.delete_expired(self._engine, self._keep, now(), is_stopping=self._stopping.is_set)
        if removed.rows or removed.minutes_joined:
            log.info("old data was deleted", **removed.rows, minutes_joined=removed.minutes_joined)
        return removed
