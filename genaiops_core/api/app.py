"""The API application: routers by subject, and common error responses."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError, SQLAlchemyError

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core import __version__, logs, outages
from genaiops_core.access.host_patterns import parse_patterns
from genaiops_core.api import evaluations, health, ofrep, operate, otlp, read
from genaiops_core.api.host_guard import HostGuard
from genaiops_core.api.metrics import HttpMetrics
from genaiops_core.errors import GenAIOpsError, Unavailable
from genaiops_core.logs import get_logger
from genaiops_core.settings import Settings

log = get_logger(__name__)

# For values that no check of their own has refused: the two databases have different limits.
_OUT_OF_RANGE = (
    "A number, a time or a text of the request is beyond what the database holds; use a smaller number, a time between "
    "1970 and 2262, and text without NUL."
)
_BUG = "The request failed because of an error in this server; see its log."


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; the database is migrated before the first request is served."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Every process configures its own log: workers of several API processes are started anew.
        logs.configure(settings.log_level)
        engine = make_engine(settings.url)
        upgrade(engine)
        app.state.engine = engine
        async with otlp.ingesting(app), ofrep.following(app):
            yield
        engine.dispose()

    app = FastAPI(title="GenAIOps console", version=__version__, lifespan=lifespan, redoc_url=None)
    app.state.settings = settings
    app.add_middleware(
        HostGuard, allowed_hosts=parse_patterns(settings.allowed_hosts, "GENAIOPS_ALLOWED_HOSTS")
    )
    # Outermost, so that refused requests are counted.
    app.add_middleware(HttpMetrics)
    for module in (otlp, ofrep, read, operate, evaluations, health):
        app.include_router(module.router)

    @app.exception_handler(GenAIOpsError)
    async def _answer_expected_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, GenAIOpsError)
        headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, Unavailable) else None
        return JSONResponse({"error": str(error)}, status_code=error.http_status, headers=headers)

    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(sqlite3.Error)
    async def _answer_database_error(_request: Request, error: Exception) -> Response:
        unavailable = outages.find_unavailable(error)
        if isinstance(error, DataError):
            return JSONResponse({"error": _OUT_OF_RANGE}, status_code=400)
        if unavailable is None:
            log.error("a request failed", exc_info=error)
            return JSONResponse({"error": _BUG}, status_code=500)
        return await _answer_expected_error(_request, unavailable)

    @app.exception_handler(OverflowError)
    async def _answer_overflow(_request: Request, _error: Exception) -> Response:
        return JSONResponse({"error": _OUT_OF_RANGE}, status_code=400)

    @app.exception_handler(RequestValidationError)
    async def _answer_invalid_request(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = "; ".join(
            f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()
        )
        return JSONResponse({"error": problems}, status_code=400)

    return app
