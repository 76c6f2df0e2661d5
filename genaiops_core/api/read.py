"""The read API: figures, traces and quality as JSON, the same queries as the screens."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from db.transaction import reading
from genaiops_core import clock
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.telemetry import quality, queries
from genaiops_core.telemetry import series as over_time
from genaiops_core.telemetry import traces as listing
from genaiops_core.telemetry.filters import STEPS, Filters
from genaiops_core.telemetry.trace import Trace

router = APIRouter(prefix="/api/v1", tags=["read"])

_DAY = dt.timedelta(hours=24)
_DIMENSIONS = ("application", "environment", "release", "model")


def _filters(
    start: Annotated[
        str | None, Query(description="ISO 8601 with Z or an offset; 24 hours before end.")
    ] = None,
    end: Annotated[str | None, Query(description="ISO 8601 with Z or an offset, exclusive; now.")] = None,
    application: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    model: str | None = None,
) -> Filters:
    until = _instant("end", end) if end else clock.now()
    since = _instant("start", start) if start else until - _DAY
    return Filters(
        start=since,
        end=until,
        # An empty parameter is one left blank in a form: all of them.
        application=application or None,
        environment=environment or None,
        release=release or None,
        model=model or None,
    )


Window = Annotated[Filters, Depends(_filters)]


@router.get("/summary")
def summary(request: Request, filters: Window) -> Response:
    """The figures of the window as a whole."""
    with reading(_engine(request)) as connection:
        figures = queries.summary(connection, filters)
    return _answer(filters, figures.as_json())


@router.get("/breakdown")
def breakdown(
    request: Request,
    filters: Window,
    by: Annotated[str, Query(description="One or more of: " + ", ".join(queries.BREAKDOWNS))] = "model,day",
) -> Response:
    """The same figures, a row for each combination of what `by` names."""
    with reading(_engine(request)) as connection:
        rows = queries.breakdown(connection, filters, by=_listed(by))
    return _answer(filters, {"rows": [{**row.keys, **row.figures.as_json()} for row in rows]})


@router.get("/series")
def series(
    request: Request,
    filters: Window,
    metric: Annotated[
        str, Query(description="Some of: " + ", ".join(over_time.METRICS) + "; all of them.")
    ] = "",
    step: Annotated[str, Query(description="One of: " + ", ".join(STEPS) + "; by the window.")] = "",
    by: Annotated[str, Query(description="One of: " + ", ".join(_DIMENSIONS))] = "",
) -> Response:
    """The figures of each step of the window that had traffic."""
    metrics = _metrics(metric)
    step = step or over_time.auto_step(filters)
    latency = any(name.endswith("latency_ms") for name in metrics)
    with reading(_engine(request)) as connection:
        points = over_time.series(connection, filters, step, by or None, latency=latency)
    rows = []
    for point in points:
        figures = point.figures.as_json()
        split = {by: point.key} if by else {}
        rows.append({"start": _text(point.start), **split, **{name: figures[name] for name in metrics}})
    return _answer(filters, {"step": step, "rows": rows})


@router.get("/quality")
def quality_of(request: Request, filters: Window) -> Response:
    """Each metric by each judge: mean, 95 % interval, how many were scored and how many have no value."""
    with reading(_engine(request)) as connection:
        found = quality.quality_summary(connection, filters)
    return _answer(filters, {"rows": [dataclasses.asdict(one) for one in found]})


@router.get("/traces")
def traces(
    request: Request,
    filters: Window,
    limit: int = 50,
    cursor: str | None = None,
    status: Annotated[str | None, Query(description="One of: " + ", ".join(listing.STATUSES))] = None,
    text: Annotated[str | None, Query(description="Part of the name, trace id, user or session.")] = None,
) -> Response:
    """Requests that started in the window, newest first; `next_cursor` is null on the last page."""
    with reading(_engine(request)) as connection:
        page = listing.list_traces(
            connection, filters, limit=limit, cursor=cursor, status=status or None, text=text
        )
    rows = [_fact(row) | {"cost_usd": row.cost_usd} for row in page.rows]
    return _answer(filters, {"traces": rows, "next_cursor": page.next_cursor})


@router.get("/traces/{trace_id}")
def trace(request: Request, trace_id: str) -> Response:
    """One trace with its spans in tree order, its cost and a diagnosis."""
    with reading(_engine(request)) as connection:
        found = listing.get_trace(connection, trace_id)
    if found is None:
        raise NotFound(f"There is no trace {trace_id}; no span of it has been received.")
    return _json(_trace_json(found))


def _engine(request: Request) -> sa.Engine:
    engine: sa.Engine = request.app.state.engine
    return engine


def _instant(name: str, text: str) -> dt.datetime:
    try:
        # In an address a bare + means a space.
        instant = dt.datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
    except ValueError:
        raise BadInput(
            f"The {name} '{text}' is no ISO 8601 time; write it like 2026-01-05T00:00:00Z."
        ) from None
    if instant.tzinfo is None:
        raise BadInput(
            f"The {name} '{text}' has no time zone; add Z or an offset, like 2026-01-05T00:00:00Z."
        )
    return instant.astimezone(dt.UTC)


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _metrics(text: str) -> Sequence[str]:
    wanted = _listed(text)
    unknown = [name for name in wanted if name not in over_time.METRICS]
    if unknown:
        raise BadInput(f"There is no metric '{unknown[0]}'; use some of {', '.join(over_time.METRICS)}.")
    return wanted or over_time.METRICS


def _answer(filters: Filters, body: Mapping[str, Any]) -> Response:
    named = {name: getattr(filters, name) for name in _DIMENSIONS}
    return _json({"start": _text(filters.start), "end": _text(filters.end), "filters": named, **body})


def _json(body: Mapping[str, Any]) -> Response:
    # Written once by us: letting FastAPI model and check our own answers costs more than reading them.
    return Response(orjson.dumps(body), media_type="application/json")


def _trace_json(found: Trace) -> dict[str, Any]:
    left_out = ("spans", "components", "errors", "diagnosis")
    return {
        **{name: value for name, value in _fact(found).items() if name not in left_out},
        "cost_usd": found.cost_usd,
        "components": [_fact(one) for one in found.components],
        "errors": [
            {
                "span_id": one.span_id,
                "name": one.name,
                "component": one.component,
                "message": one.status_message,
            }
            for one in found.errors
        ],
        "diagnosis": _fact(found.diagnosis),
        "spans": [_fact(one) | {"cost_usd": one.cost_usd} for one in found.spans],
    }


def _fact(fact: Any) -> dict[str, Any]:
    """The fields of a dataclass, times as text, without copying what they hold."""
    values = {field.name: getattr(fact, field.name) for field in dataclasses.fields(fact)}
    return {name: _text(value) if isinstance(value, dt.datetime) else value for name, value in values.items()}


def _text(instant: dt.datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
