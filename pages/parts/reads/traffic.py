"""Cached reads of single requests: the search, one trace, conversations, users, the service map and saved views."""

from __future__ import annotations

import dataclasses
import datetime as dt

from genaiops_core.telemetry import scores
from genaiops_core.telemetry.sampling import feedback, feedback_scores
from genaiops_core.telemetry.search import export, saved_views, search, trace_list
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traces import context_record, trace
from genaiops_core.telemetry.traffic import service_map, sessions, user_breakdown
from pages.parts import reads
from pages.parts.reads import QUICK_S, SLOW_S, STEADY_S, cached, engine, snapshot

MOST_EXPORTED = 10_000
"""Requests in one download of the console; the API and the command line stream all of them."""


@cached(STEADY_S)
def find(url: str, filters: Filters, query: str, limit: int, cursor: str | None) -> trace_list.TracePage:
    """One page of the requests that a search asks for, newest first."""
    with snapshot(url) as connection:
        return search.search(connection, filters, query, limit=limit, cursor=cursor)


@cached(STEADY_S)
def last_traffic(url: str, filters: Filters) -> dt.datetime | None:
    """When the newest request of the last 30 days started, whatever window is shown; None without one."""
    recent = dataclasses.replace(filters, start=filters.end - dt.timedelta(days=30))
    with snapshot(url) as connection:
        rows = trace_list.list_traces(connection, recent, limit=1).rows
    return rows[0].start if rows else None


@cached(STEADY_S)
def get_trace(
    url: str, trace_id: str, offset: int, limit: int, collapse: tuple[str, ...]
) -> trace.Trace | None:
    """One trace: what holds of all of it, and some of its spans."""
    with snapshot(url) as connection:
        return trace.get_trace(connection, trace_id, offset=offset, limit=limit, collapse=collapse)


@cached(STEADY_S)
def get_context(url: str, trace_id: str) -> context_record.ContextRecord | None:
    """What was asked, found, sent and answered."""
    with snapshot(url) as connection:
        return context_record.context_record(connection, trace_id)


@cached(QUICK_S)
def scores_of(url: str, trace_id: str) -> list[scores.Score]:
    """What judges and people scored the answer."""
    with snapshot(url) as connection:
        return scores.of_trace(connection, trace_id)


@cached(QUICK_S)
def opinions_of(url: str, trace_id: str) -> list[feedback_scores.Opinion]:
    """What users thought of the answer."""
    with snapshot(url) as connection:
        return feedback.of_trace(connection, trace_id)


def exported(url: str, filters: Filters, query: str, form: str) -> bytes:
    """What a search found, as a file; made only when somebody downloads it."""
    return b"".join(export.export(engine(url), filters, query, format=form, limit=MOST_EXPORTED))


def filename(form: str) -> str:
    """What such a file is called."""
    return export.filename(form)


@cached(SLOW_S)
def list_views(url: str, actor: str, screen: str) -> list[saved_views.SavedView]:
    """The actor's own views of a screen and the shared ones."""
    with snapshot(url) as connection:
        return saved_views.list_views(connection, actor=actor, screen=screen)


@cached(STEADY_S)
def list_sessions(
    url: str, filters: Filters, limit: int, cursor: str | None, user: str | None
) -> sessions.SessionPage:
    """One page of conversations, the most recently active first."""
    with snapshot(url) as connection:
        return sessions.list_sessions(connection, filters, limit=limit, cursor=cursor, user=user)


@cached(STEADY_S)
def conversation(
    url: str, session_id: str, application: str | None, offset: int, limit: int
) -> sessions.Conversation | None:
    """Some turns of one conversation."""
    with snapshot(url) as connection:
        return sessions.conversation(connection, session_id, application, offset=offset, limit=limit)


@cached(STEADY_S)
def list_users(url: str, filters: Filters, order_by: str, limit: int) -> list[user_breakdown.UserRow]:
    """The users with the most of something."""
    with snapshot(url) as connection:
        return user_breakdown.users(connection, filters, order_by=order_by, limit=limit)


@cached(STEADY_S)
def get_user(url: str, filters: Filters, user_id: str) -> user_breakdown.UserDetail | None:
    """One user day by day."""
    with snapshot(url) as connection:
        return user_breakdown.user(connection, filters, user_id)


@cached(STEADY_S)
def get_map(url: str, filters: Filters) -> service_map.ServiceMap:
    """Which component calls which."""
    with snapshot(url) as connection:
        return service_map.service_map(connection, filters)


reads.forgets("views", list_views, reads.audit_entries)
