"""The read API of sessions, users and the service map."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from db.transaction import reading
from genaiops_core.api.answers import Window, answer, as_json_value, engine_of, json_response
from genaiops_core.errors import NotFound
from genaiops_core.telemetry.traffic import service_map, sessions, users

router = APIRouter()


@router.get("/sessions")
def list_sessions(
    request: Request,
    filters: Window,
    limit: int = 50,
    cursor: str | None = None,
    user: Annotated[str | None, Query(description="Only sessions of this user.")] = None,
) -> Response:
    """Sessions with a request in the window, the most recently active first."""
    with reading(engine_of(request)) as connection:
        page = sessions.list_sessions(connection, filters, limit=limit, cursor=cursor, user=user or None)
    return answer(filters, {"sessions": as_json_value(page.rows), "next_cursor": page.next_cursor})


@router.get("/sessions/{session_id:path}")
def read_session(
    request: Request, session_id: str, application: str | None = None, offset: int = 0, limit: int = 50
) -> Response:
    """One session as a conversation: questions, answers, errors, and what it cost so far at each turn."""
    with reading(engine_of(request)) as connection:
        conversation = sessions.read_conversation(
            connection, session_id, application or None, offset=offset, limit=limit
        )
    if conversation is None:
        raise NotFound(f"There is no session '{session_id}'; no request of it is stored.")
    return json_response(as_json_value(conversation))


@router.get("/users")
def list_users(
    request: Request,
    filters: Window,
    order_by: Annotated[str, Query(description="One of: " + ", ".join(users.ORDERS))] = "cost",
    limit: int = 50,
) -> Response:
    """The users with the most cost, requests, errors or tokens in the window."""
    with reading(engine_of(request)) as connection:
        rows = users.list_users(connection, filters, order_by=order_by, limit=limit)
    return answer(filters, {"users": as_json_value(rows)})


@router.get("/users/{user_id:path}")
def user(request: Request, filters: Window, user_id: str) -> Response:
    """What one user spent in the window, day by day."""
    with reading(engine_of(request)) as connection:
        usage = users.read_user(connection, filters, user_id)
    if usage is None:
        raise NotFound(f"There is no data of the user '{user_id}' in this window.")
    return answer(filters, as_json_value(usage))


@router.get("/service-map")
def read_map(request: Request, filters: Window) -> Response:
    """Components and what they depend on, with calls, errors, p95 and cost; sampled when there are many spans."""
    with reading(engine_of(request)) as connection:
        components = service_map.read_service_map(connection, filters)
    body = as_json_value(components)
    # The former name of the field, kept for its readers.
    return answer(filters, {**body, "dearest": body["most_expensive"]})
