"""Reads about the console itself: the worker and the audit log."""

from __future__ import annotations

import datetime as dt

from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.jobs import heartbeat
from pages.parts.reads.cache import SLOW_S, SUBJECTS, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot


def find_last_heartbeat(url: str) -> dt.datetime | None:
    """The last heartbeat of any worker; None when no worker ever ran."""
    with open_snapshot(url) as connection:
        return heartbeat.last_heartbeat(connection, now())


def is_worker_alive(url: str) -> bool:
    """Whether a worker runs that can execute queued jobs."""
    with open_snapshot(url) as connection:
        return heartbeat.is_beating(connection, now())


@cache_for(SLOW_S)
def list_audit_entries(
    url: str,
    application: str | None,
    actor: str | None,
    action: str | None,
    before_sequence: int | None,
    limit: int,
) -> list[audit.AuditEntry]:
    """Audit entries, newest first."""
    with open_snapshot(url) as connection:
        return audit.entries(
            connection,
            application=application,
            actor=actor,
            action=action,
            before_sequence=before_sequence,
            limit=limit,
        )


# Every write adds an audit entry.
for _subject in SUBJECTS:
    register_reads(_subject, list_audit_entries)
