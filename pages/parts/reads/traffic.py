"""Cached reads of traffic: figures over a window, conversations, users, the service map and the filter options."""

from __future__ import annotations

import datetime as dt
from typing import Any

from genaiops_core.clock import now
from genaiops_core.telemetry.demo_applications import fetch_demo_applications
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.rollups.applications import FilterOptions, fetch_filter_options
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries, series, service_map, sessions, users
from pages.parts.reads.cache import QUICK_S, SLOW_S, STEADY_S, cache_for
from pages.parts.reads.connection import open_snapshot


@cache_for(SLOW_S)
def list_filter_options(url: str) -> FilterOptions:
    """The values that the filters offer."""
    with open_snapshot(url) as connection:
        return fetch_filter_options(connection)


@cache_for(SLOW_S)
def list_demo_applications(url: str) -> frozenset[str]:
    """Applications whose traffic the demo wrote."""
    with open_snapshot(url) as connection:
        return fetch_demo_applications(connection)


def has_demo_data(url: str, application: str | None) -> bool:
    """Whether the data of an application, or of all of them, contains data that the demo wrote."""
    demo_applications = list_demo_applications(url)
    return bool(demo_applications) if application is None else application in demo_applications


@cache_for(STEADY_S)
def summarise(url: str, filters: Filters) -> Figures:
    """The figures of a window."""
    with open_snapshot(url) as connection:
        return queries.read_summary(connection, filters)


@cache_for(STEADY_S)
def break_down(url: str, filters: Filters, by: tuple[str, ...]) -> list[queries.Row]:
    """The figures of a window, a row for each combination of `by`."""
    with open_snapshot(url) as connection:
        return queries.read_breakdown(connection, filters, by)


@cache_for(STEADY_S)
def read_series(
    url: str, filters: Filters, by: str | None = None, step: str | None = None
) -> list[series.Point]:
    """The figures of a window, step by step."""
    with open_snapshot(url) as connection:
        return series.read_series(connection, filters, step, by)


@cache_for(QUICK_S)
def read_live_series(url: str, filters: Filters, by: str) -> list[series.Point]:
    """The figures of a window step by step, for panels that refresh by themselves."""
    with open_snapshot(url) as connection:
        return series.read_series(connection, filters, None, by)


@cache_for(STEADY_S)
def find_read_time(url: str, *subject: Any) -> dt.datetime:
    """When the figures of `subject` were read: this is cached exactly as long as they are."""
    return now()


@cache_for(STEADY_S)
def list_sessions(
    url: str, filters: Filters, limit: int, cursor: str | None, user: str | None
) -> sessions.SessionPage:
    """One page of conversations, the most recently active first."""
    with open_snapshot(url) as connection:
        return sessions.list_sessions(connection, filters, limit=limit, cursor=cursor, user=user)


@cache_for(STEADY_S)
def get_conversation(
    url: str, session_id: str, application: str | None, offset: int, limit: int
) -> sessions.Conversation | None:
    """Some turns of one conversation."""
    with open_snapshot(url) as connection:
        return sessions.read_conversation(connection, session_id, application, offset=offset, limit=limit)


@cache_for(STEADY_S)
def list_users(url: str, filters: Filters, order_by: str, limit: int) -> list[users.UserRow]:
    """The users with the highest value of `order_by`."""
    with open_snapshot(url) as connection:
        return users.list_users(connection, filters, order_by=order_by, limit=limit)


@cache_for(STEADY_S)
def get_user(url: str, filters: Filters, user_id: str) -> users.UserDetail | None:
    """One user day by day."""
    with open_snapshot(url) as connection:
        return users.read_user(connection, filters, user_id)


@cache_for(STEADY_S)
def get_service_map(url: str, filters: Filters) -> service_map.ServiceMap:
    """The components and the calls between them."""
    with open_snapshot(url) as connection:
        return service_map.read_service_map(connection, filters)
