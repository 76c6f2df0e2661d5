"""Parameters and responses of the read API: the window of every route, and results as JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import Depends, Query, Request
from fastapi.responses import Response

from genaiops_core import clock
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.time_window import Filters

DIMENSIONS = ("application", "environment", "release", "model")

MAX_NUMBER = 2**31 - 1
"""Largest version, offset and limit that both databases hold."""

_DAY = dt.timedelta(hours=24)
_MARGIN = dt.timedelta(days=3)
_DERIVED_PROPERTIES = ("cost_usd", "error_rate", "is_sampled", "is_complete", "evidence")
"""Properties that are added to the fields of a dataclass that has them."""


def _filters(
    start: Annotated[
        str | None, Query(description="ISO 8601 with Z or an offset; by default 24 hours before end.")
    ] = None,
    end: Annotated[
        str | None, Query(description="ISO 8601 with Z or an offset, exclusive; by default now.")
    ] = None,
    application: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    model: str | None = None,
) -> Filters:
    # On a minute: rollups answer the default window without rows.
    until = (
        _instant("end", end)
        if end
        else clock.now().replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    )
    since = _instant("start", start) if start else until - _DAY
    return Filters(
        start=since,
        end=until,
        # An empty parameter comes from an empty form field, and means all.
        application=application or None,
        environment=environment or None,
        release=release or None,
        model=model or None,
    )


Window = Annotated[Filters, Depends(_filters)]


def engine_of(request: Request) -> sa.Engine:
    """The database of this process."""
    engine: sa.Engine = request.app.state.engine
    return engine


def answer(filters: Filters, body: Mapping[str, Any], *, effective: Filters | None = None) -> Response:
    """A response with the window and the filters before `body`.

    Args:
        filters: the requested window.
        body: the figures.
        effective: the window that the figures cover, for routes that may extend it.
    """
    applied_filters = {name: getattr(filters, name) for name in DIMENSIONS}
    return json_response(
        {
            "start": format_instant(filters.start),
            "end": format_instant(filters.end),
            **(
                {
                    "effective_start": format_instant(effective.start),
                    "effective_end": format_instant(effective.end),
                }
                if effective is not None
                else {}
            ),
            "filters": applied_filters,
            **body,
        }
    )


def json_response(body: Mapping[str, Any]) -> Response:
    """A body as JSON."""
    # Encoded here, because validation of our own responses by FastAPI takes longer than the queries.
    return Response(orjson.dumps(body), media_type="application/json")


def as_json_value(value: Any) -> Any:
    """A value for JSON: dataclasses with their derived properties, times as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: as_json_value(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
        derived = {name: getattr(value, name) for name in _DERIVED_PROPERTIES if hasattr(type(value), name)}
        return fields | derived
    if isinstance(value, dt.datetime):
        return format_instant(value)
    if isinstance(value, tuple | list):
        return [as_json_value(item) for item in value]
    return value


def format_instant(instant: dt.datetime) -> str:
    """An instant as ISO 8601 with Z."""
    return instant.isoformat().replace("+00:00", "Z")


def _instant(name: str, text: str) -> dt.datetime:
    try:
        # In a URL an unescaped + means a space.
        instant = dt.datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
    except ValueError:
        raise BadInput(
            f"The {name} '{text[:100]}' is not a valid ISO 8601 time; write 2026-01-05T00:00:00Z."
        ) from None
    if instant.tzinfo is None:
        raise BadInput(
            f"The {name} '{text}' has no time zone; add Z or an offset, for example 2026-01-05T00:00:00Z."
        )
    try:
        moved = instant.astimezone(dt.UTC)
        # The default start is a day before the end, and time zones move a time by up to a day.
        _ = moved - _MARGIN, moved + _MARGIN
    except OverflowError:
        raise BadInput(
            f"The {name} '{text}' is out of range; use a time between 0001-01-04 and 9999-12-28."
        ) from None
    return moved
