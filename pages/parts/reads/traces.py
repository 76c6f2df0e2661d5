"""Cached reads of single requests: the search, one trace with its scores and feedback, and saved views."""

from __future__ import annotations

import dataclasses
import datetime as dt

from genaiops_core.telemetry import scores
from genaiops_core.telemetry.sampling import feedback, feedback_scores
from genaiops_core.telemetry.search import export, saved_views, search, trace_list
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traces import context_record, trace
from pages.parts.reads.cache import QUICK_S, SLOW_S, STEADY_S, cache_for, register_reads
from pages.parts.reads.connection import open_engine, open_snapshot

MAX_EXPORTED_REQUESTS = 10_000
"""Requests in one download of the console; the API and the command line stream all of them."""


@cache_for(STEADY_S)
def search_traces(
    url: str, filters: Filters, query: str, limit: int, cursor: str | None
) -> trace_list.TracePage:
    """One page of the requests that match a search, newest first."""
    with open_snapshot(url) as connection:
        return search.search(connection, filters, query, limit=limit, cursor=cursor)


@cache_for(STEADY_S)
def find_last_request_time(url: str, filters: Filters) -> dt.datetime | None:
    """When the newest request of the last 30 days started, whatever window is shown; None without one."""
    recent = dataclasses.replace(filters, start=filters.end - dt.timedelta(days=30))
    with open_snapshot(url) as connection:
        rows = trace_list.list_traces(connection, recent, limit=1).rows
    return rows[0].start if rows else None


@cache_for(STEADY_S)
def get_trace(
    url: str, trace_id: str, offset: int, limit: int, collapse: tuple[str, ...]
) -> trace.Trace | None:
    """The figures of one trace and one page of its spans."""
    with open_snapshot(url) as connection:
        return trace.get_trace(connection, trace_id, offset=offset, limit=limit, collapse=collapse)


@cache_for(STEADY_S)
def get_context_record(url: str, trace_id: str) -> context_record.ContextRecord | None:
    """The question, the retrieved documents, the messages and the answer of one trace."""
    with open_snapshot(url) as connection:
        return context_record.build_context_record(connection, trace_id)


@cache_for(QUICK_S)
def list_scores(url: str, trace_id: str) -> list[scores.Score]:
    """Scores of one request by judges and reviewers."""
    with open_snapshot(url) as connection:
        return scores.fetch_trace_scores(connection, trace_id)


@cache_for(QUICK_S)
def list_feedback(url: str, trace_id: str) -> list[feedback_scores.Feedback]:
    """Feedback of users on one request."""
    with open_snapshot(url) as connection:
        return feedback.list_feedback(connection, trace_id)


def export_traces(url: str, filters: Filters, query: str, form: str) -> bytes:
    """The requests that match a search, as a file; built on download only."""
    return b"".join(export.export(open_engine(url), filters, query, format=form, limit=MAX_EXPORTED_REQUESTS))


def name_export_file(form: str) -> str:
    """The name of an exported file."""
    return export.get_filename(form)


@cache_for(SLOW_S)
def list_views(url: str, actor: str, screen: str) -> list[saved_views.SavedView]:
    """The actor's own views of a screen and the shared ones."""
    with open_snapshot(url) as connection:
        return saved_views.list_views(connection, actor=actor, screen=screen)


register_reads("views", list_views)
