"""The read API: figures and quality as JSON, the same queries as the screens; traces and users are beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from db.transaction import reading
from genaiops_core.api import agreement, traces, users
from genaiops_core.api.answers import DIMENSIONS, Window, answer, engine_of, format_instant
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import metrics
from genaiops_core.evaluation.metrics import rubrics
from genaiops_core.rollbacks import health, policy
from genaiops_core.telemetry.rollups.cells import fetch_effective_window
from genaiops_core.telemetry.time_window import STEPS
from genaiops_core.telemetry.traffic import quality, queries
from genaiops_core.telemetry.traffic import series as over_time
from genaiops_core.telemetry.traffic.user_breakdown import USER_DIMENSIONS

router = APIRouter(prefix="/api/v1", tags=["read"])
router.include_router(traces.router)
router.include_router(users.router)
router.include_router(agreement.router)


@router.get("/summary")
def summary(request: Request, filters: Window) -> Response:
    """The figures of the window as a whole."""
    with reading(engine_of(request)) as connection:
        window = fetch_effective_window(connection, filters)
        figures = queries.read_summary(connection, window)
        incomplete = queries.count_incomplete(connection, window)
    body = {**figures.as_json(), "incomplete_requests": incomplete}
    return answer(filters, body, effective=window)


@router.get("/applications")
def list_applications(request: Request, filters: Window) -> Response:
    """The health of each application by the limits of the rollback policy, with the limits that are exceeded."""
    with reading(engine_of(request)) as connection:
        window = fetch_effective_window(connection, filters)
        applications = health.read_health(connection, window, policy.default())
    body = {"applications": [application.as_json() for application in applications]}
    return answer(filters, body, effective=window)


@router.get("/breakdown")
def breakdown(
    request: Request,
    filters: Window,
    by: Annotated[str, Query(description="One or more of: " + ", ".join(queries.BREAKDOWNS))] = "model,day",
    tz: Annotated[str, Query(description="Time zone of hour, day and week, such as Asia/Kolkata.")] = "UTC",
) -> Response:
    """The same figures, a row for each combination of what `by` names."""
    with reading(engine_of(request)) as connection:
        names = _split_list(by)
        # By user and session the figures are read from rows.
        is_from_rows = any(name in USER_DIMENSIONS for name in names)
        window = filters if is_from_rows else fetch_effective_window(connection, filters)
        rows = queries.read_breakdown(connection, window, by=names, time_zone=tz or "UTC")
    body = {"rows": [{**row.keys, **row.figures.as_json()} for row in rows]}
    return answer(filters, body, effective=window)


@router.get("/series")
def series(
    request: Request,
    filters: Window,
    metric: Annotated[
        str, Query(description="Some of: " + ", ".join(over_time.METRICS) + "; all of them.")
    ] = "",
    step: Annotated[str, Query(description="One of: " + ", ".join(STEPS) + "; by the window.")] = "",
    by: Annotated[str, Query(description="One of: " + ", ".join(DIMENSIONS))] = "",
) -> Response:
    """The figures of each step of the window that had traffic."""
    metrics = _metrics(metric)
    step = step or over_time.choose_step(filters)
    latency = any(name.endswith("latency_ms") for name in metrics)
    with reading(engine_of(request)) as connection:
        window = fetch_effective_window(connection, filters)
        points = over_time.read_series(connection, window, step, by or None, latency=latency)
    rows = []
    for point in points:
        figures = point.figures.as_json()
        split = {by: point.key} if by else {}
        rows.append(
            {"start": format_instant(point.start), **split, **{name: figures[name] for name in metrics}}
        )
    return answer(filters, {"step": step, "rows": rows}, effective=window)


@router.get("/quality")
def read_quality(request: Request, filters: Window) -> Response:
    """Each metric by each judge: mean, 95 % interval, how many were scored and how many have no value."""
    with reading(engine_of(request)) as connection:
        rows = quality.read_quality(connection, filters)
    # Scores have rollups by hour only.
    effective = filters.extend_to_hours()
    return answer(filters, {"rows": [dataclasses.asdict(row) for row in rows]}, effective=effective)


@router.get("/metrics")
def list_metrics(request: Request) -> JSONResponse:
    """Everything that evaluations can measure: what it needs, its range, its cost, its source and who measures it."""
    with reading(engine_of(request)) as connection:
        known = metrics.list_metrics(rubrics.list_newest_rubrics(connection))
    return JSONResponse(
        {
            "metrics": [metric.as_json() for metric in known],
            "problems": list(metrics.load_code_metrics().problems),
        }
    )


def _split_list(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _metrics(text: str) -> Sequence[str]:
    wanted = _split_list(text)
    unknown = [name for name in wanted if name not in over_time.METRICS]
    if unknown:
        raise BadInput(f"There is no metric '{unknown[0]}'; use some of {', '.join(over_time.METRICS)}.")
    return wanted or over_time.METRICS
