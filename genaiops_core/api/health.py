"""Liveness, readiness and metrics for Prometheus."""

from __future__ import annotations

from typing import Any

import httpx
import prometheus_client
import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from db.migrate import status
from db.transaction import reading
from genaiops_core import outages
from genaiops_core.clock import now
from genaiops_core.demo import writer as demo
from genaiops_core.jobs import heartbeat
from genaiops_core.settings import Settings

UI_TIMEOUT_S = 5

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> PlainTextResponse:
    """200 while the process responds."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """200 when the database answers, its schema is current, a worker sends heartbeats and, if configured, demo and console are ready."""
    settings: Settings = request.app.state.settings
    checks: dict[str, bool] = {"database": False}
    body: dict[str, Any] = {"ready": False, "checks": checks}
    headers = {}
    try:
        _run_checks(request.app.state.engine, body, demo_expected=settings.demo)
    except Exception as error:
        unavailable = outages.find_unavailable(error)
        if unavailable is None:
            raise
        body["error"] = str(unavailable)
        headers["Retry-After"] = str(unavailable.retry_after_s)
    if outage := outages.process_log.find_recent():
        # The database still answers reads, but a write failed a moment ago.
        checks["database"] = False
        body["error"] = f"{outage.sentence}."
    if settings.ready_with_ui:
        checks["ui"] = _ui_answers(settings)
    body["ready"] = all(checks.values())
    return JSONResponse(body, status_code=200 if body["ready"] else 503, headers=headers)


@router.get("/metrics")
def metrics() -> Response:
    """Prometheus text exposition of this process."""
    return Response(prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST)


def _run_checks(engine: sa.Engine, body: dict[str, Any], *, demo_expected: bool) -> None:
    checks = {"database": True, "schema": status(engine).is_current}
    with reading(engine) as connection:
        at = now()
        checks["worker"] = heartbeat.is_beating(connection, at)
        if not checks["worker"]:
            body["error"] = heartbeat.explain_missing_heartbeat(connection, at)
        if demo_expected:
            checks["demo"] = demo.is_written(connection)
    body["checks"] |= checks


def _ui_answers(settings: Settings) -> bool:
    """Whether the console responds; it does not before it is warm and while the supervisor restarts it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        # Without the proxy of the environment, because both processes are on one machine.
        answer = httpx.get(
            f"http://{host}:{settings.ui_port}/_stcore/health", timeout=UI_TIMEOUT_S, trust_env=False
        )
    except httpx.HTTPError:
        return False
    return answer.is_success
