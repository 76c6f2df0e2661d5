"""Saved views: the address of a screen under a name, for oneself or for everybody."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs

import sqlalchemy as sa

from db.tables.telemetry import saved_view
from db.transaction import insert, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, NotAllowed, NotFound
from genaiops_core.telemetry.search.language import parse

MAX_NAME_LENGTH = 120
MAX_QUERY_LENGTH = 4_000


@dataclass(frozen=True, kw_only=True)
class SavedView:
    """What somebody wants to see again."""

    id: int
    name: str
    screen: str
    """The screen's path without its slash, for example `traces`."""
    query: str
    """The query string of its address, for example `q=status%3Aerror&window=24h`."""
    owner: str
    is_shared: bool
    """Whether everybody sees it."""
    created_at: dt.datetime


def save(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    screen: str,
    query: str,
    is_shared: bool = False,
    reason: str = "",
) -> SavedView:
    """Keep a view; one of the same owner, screen and name is replaced.

    Args:
        engine: the database.
        actor: who saves it, and whose it is.
        name: what it is found by.
        screen: the screen's path without its slash.
        query: the query string of its address, with or without the question mark.
        is_shared: whether everybody sees it.
        reason: for the audit log.

    Raises:
        BadInput: no name, a text too long, or a search in it that is none.
    """
    name, screen, query = name.strip(), screen.strip().strip("/"), query.strip().removeprefix("?")
    _check(name, screen, query)
    with writing(engine) as connection:
        same = sa.and_(saved_view.c.owner == actor, saved_view.c.screen == screen, saved_view.c.name == name)
        held = connection.execute(sa.select(saved_view).where(same)).mappings().one_or_none()
        changing: dict[str, Any] = {"query": query, "is_shared": is_shared, "created_at": now()}
        connection.execute(
            insert(connection, saved_view)
            .values(owner=actor, screen=screen, name=name, **changing)
            .on_conflict_do_update(index_elements=["owner", "screen", "name"], set_=changing)
        )
        view = _view(connection.execute(sa.select(saved_view).where(same)).mappings().one())
        _record(connection, "view.save", actor, reason, None if held is None else _view(held), view)
    return view


def list_views(connection: sa.Connection, *, actor: str, screen: str | None = None) -> list[SavedView]:
    """The actor's own views and those that are shared, in order of name."""
    query = sa.select(saved_view).where(sa.or_(saved_view.c.owner == actor, saved_view.c.is_shared))
    if screen is not None:
        query = query.where(saved_view.c.screen == screen)
    rows = connection.execute(query).mappings()
    return sorted((_view(row) for row in rows), key=lambda view: (view.name.casefold(), view.owner))


def delete(engine: sa.Engine, *, actor: str, id: int, reason: str = "") -> None:
    """Forget a view.

    Raises:
        NotFound: there is no such view.
        NotAllowed: it is somebody else's.
    """
    with writing(engine) as connection:
        row = connection.execute(sa.select(saved_view).where(saved_view.c.id == id)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no saved view {id}; it may have been deleted already.")
        view = _view(row)
        if view.owner != actor:
            raise NotAllowed(f"The view '{view.name}' belongs to {view.owner}; only they can delete it.")
        connection.execute(saved_view.delete().where(saved_view.c.id == id))
        _record(connection, "view.delete", actor, reason, view, None)


def _check(name: str, screen: str, query: str) -> None:
    for what, text, limit in (("name", name, MAX_NAME_LENGTH), ("screen", screen, 60)):
        if not 1 <= len(text) <= limit or "\x00" in text:
            raise BadInput(f"The {what} of a view has 1 to {limit} characters; mend '{text[:40]}'.")
    if len(query) > MAX_QUERY_LENGTH or "\x00" in query:
        raise BadInput(
            f"The address of a view has at most {MAX_QUERY_LENGTH} characters; shorten the search."
        )
    # A view that cannot be opened is no use to anybody.
    for search in parse_qs(query).get("q", ()):
        parse(search)


def _record(
    connection: sa.Connection,
    action: str,
    actor: str,
    reason: str,
    before: SavedView | None,
    after: SavedView | None,
) -> None:
    view = after or before
    assert view is not None
    audit.record(
        connection,
        actor=actor,
        action=action,
        subject=f"{view.screen}/{view.name}",
        reason=reason,
        before=None if before is None else asdict(before),
        after=None if after is None else asdict(after),
    )


def _view(row: sa.RowMapping) -> SavedView:
    return SavedView(**row)
