"""Saved views: the address of a screen under a name, private or shared."""

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
    """The address of a screen under a name."""

    id: int
    name: str
    screen: str
    """The screen's path without its slash, for example `traces`."""
    query: str
    """The query string of its address, for example `q=status%3Aerror&window=24h`."""
    owner: str
    is_shared: bool
    """Whether all users of the console see it."""
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
    """Save a view. It replaces a view of the same owner, screen and name.

    Args:
        engine: the database.
        actor: becomes the owner.
        name: 1 to `MAX_NAME_LENGTH` characters.
        screen: the screen's path without its slash.
        query: the query string of its address, with or without the question mark.
        is_shared: whether all users of the console see it.
        reason: for the audit log.

    Raises:
        BadInput: a missing name, a text that is too long, or an invalid search in the query string.
    """
    name, screen, query = name.strip(), screen.strip().strip("/"), query.strip().removeprefix("?")
    _check(name, screen, query)
    with writing(engine) as connection:
        is_same_view = sa.and_(
            saved_view.c.owner == actor, saved_view.c.screen == screen, saved_view.c.name == name
        )
        # For the audit entry only; the upsert below is what decides.
        previous_row = connection.execute(sa.select(saved_view).where(is_same_view)).mappings().one_or_none()
        values: dict[str, Any] = {"query": query, "is_shared": is_shared, "created_at": now()}
        connection.execute(
            insert(connection, saved_view)
            .values(owner=actor, screen=screen, name=name, **values)
            .on_conflict_do_update(index_elements=["owner", "screen", "name"], set_=values)
        )
        view = _build_view(connection.execute(sa.select(saved_view).where(is_same_view)).mappings().one())
        _record(
            connection,
            "view.save",
            actor,
            reason,
            None if previous_row is None else _build_view(previous_row),
            view,
        )
    return view


def list_views(connection: sa.Connection, *, actor: str, screen: str | None = None) -> list[SavedView]:
    """The actor's own views and all shared views, in order of name."""
    query = sa.select(saved_view).where(sa.or_(saved_view.c.owner == actor, saved_view.c.is_shared))
    if screen is not None:
        query = query.where(saved_view.c.screen == screen)
    rows = connection.execute(query).mappings()
    return sorted((_build_view(row) for row in rows), key=lambda view: (view.name.casefold(), view.owner))


def delete(engine: sa.Engine, *, actor: str, id: int, reason: str = "") -> None:
    """Delete a view.

    Raises:
        NotFound: there is no view with this id.
        NotAllowed: another actor owns the view.
    """
    with writing(engine) as connection:
        row = connection.execute(sa.select(saved_view).where(saved_view.c.id == id)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"The saved view {id} was not found; it may have been deleted already.")
        view = _build_view(row)
        if view.owner != actor:
            raise NotAllowed(f"The view '{view.name}' belongs to {view.owner}; only its owner can delete it.")
        connection.execute(saved_view.delete().where(saved_view.c.id == id))
        _record(connection, "view.delete", actor, reason, view, None)


def _check(name: str, screen: str, query: str) -> None:
    for label, text, limit in (("name", name, MAX_NAME_LENGTH), ("screen", screen, 60)):
        if not 1 <= len(text) <= limit or "\x00" in text:
            raise BadInput(f"The {label} of a view has 1 to {limit} characters; correct '{text[:40]}'.")
    if len(query) > MAX_QUERY_LENGTH or "\x00" in query:
        raise BadInput(
            f"The address of a view has at most {MAX_QUERY_LENGTH} characters; shorten the search."
        )
    # A view with an invalid search could not be opened, so it is rejected when it is saved.
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


def _build_view(row: sa.RowMapping) -> SavedView:
    return SavedView(**row)
