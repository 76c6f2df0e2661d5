"""Cost and latency of a release from its own traffic: the evidence of cost and latency stages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import request
from genaiops_core.telemetry import durations

WINDOW_DAYS = 7
DAYS_A_MONTH = 30

MIN_REQUESTS = 50
"""Fewer requests are too few for a mean, and more so for a 95th percentile."""


@dataclass(frozen=True, kw_only=True)
class TrafficFigures:
    """Figures of a release's requests in the last `WINDOW_DAYS` days; None is unknown."""

    requests: int
    unpriced_calls: int
    cost_per_query_usd: float | None
    monthly_cost_usd: float | None
    """Spend of the release in the window, extrapolated to 30 days: of a canary only its own share."""
    latency_ms: Mapping[str, float | None] = field(default_factory=dict)
    """p50, p95, p99 of successful requests."""
    window_days: int = WINDOW_DAYS
    application_requests: int | None = None
    """Requests of the application in the window, of all releases; None in documents of early versions."""

    @property
    def monthly_application_requests(self) -> float | None:
        """Requests of the application, extrapolated to 30 days."""
        if self.application_requests is None:
            return None
        return self.application_requests / self.window_days * DAYS_A_MONTH

    @property
    def monthly_cost_at_full_traffic_usd(self) -> float | None:
        """Cost of 30 days if the release answered every request of the application."""
        requests = self.monthly_application_requests
        if requests is None or self.cost_per_query_usd is None:
            return None
        return self.cost_per_query_usd * requests

    def as_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "latency_ms": dict(self.latency_ms),
            "monthly_cost_at_full_traffic_usd": self.monthly_cost_at_full_traffic_usd,
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> TrafficFigures:
        """Parse the result of `as_json` of any version; raises TypeError for anything else."""
        known = {"unpriced_calls": 0, "monthly_cost_usd": None, **entry}
        known.pop("monthly_cost_at_full_traffic_usd", None)
        return cls(**known)


def measure_traffic(
    connection: sa.Connection, application: str, release: str, now: dt.datetime
) -> TrafficFigures:
    """Measure the traffic of one release."""
    from genaiops_core.telemetry import time_window
    from genaiops_core.telemetry.traffic import queries

    window = time_window.Filters(
        start=now - dt.timedelta(days=WINDOW_DAYS), end=now, application=application, release=release
    ).extend_to_minutes()
    figures = queries.read_summary(connection, window)
    application_figures = queries.read_summary(connection, replace(window, release=None))
    cost_usd = figures.cost_nano_usd / 1e9
    # A call without a price makes every sum a lower bound, which cannot prove that a maximum is met.
    is_priced = figures.unpriced_calls == 0
    return TrafficFigures(
        requests=figures.requests,
        unpriced_calls=figures.unpriced_calls,
        cost_per_query_usd=cost_usd / figures.requests if figures.requests and is_priced else None,
        monthly_cost_usd=cost_usd / WINDOW_DAYS * DAYS_A_MONTH if figures.requests and is_priced else None,
        latency_ms=dict(figures.latency_ms),
        application_requests=application_figures.requests,
    )


MAX_REQUESTS = 20_000
"""How many of a release's newest requests are read at most for a comparison."""


@dataclass(frozen=True, kw_only=True)
class RequestSample:
    """Cost and latency of a release's newest requests."""

    costs_usd: tuple[float, ...]
    latencies_ms: tuple[float, ...]
    """Latencies of successful requests with a known duration."""
    requests: int
    unpriced: int
    """Requests with a call that has no price."""


def fetch_newest_requests(
    connection: sa.Connection, application: str, release: str, now: dt.datetime
) -> RequestSample:
    """The newest requests of a release within the last `WINDOW_DAYS` days."""
    since_ns = int((now - dt.timedelta(days=WINDOW_DAYS)).timestamp() * 1e9)
    query = (
        sa.select(
            request.c.cost_nano_usd, request.c.unpriced_calls, request.c.duration_ns, request.c.is_error
        )
        .where(
            request.c.application == application,
            request.c.release == release,
            request.c.start_ns >= since_ns,
            request.c.start_ns < int(now.timestamp() * 1e9),
        )
        .order_by(request.c.start_ns.desc())
        .limit(MAX_REQUESTS)
    )
    rows = connection.execute(query).all()
    return RequestSample(
        costs_usd=tuple(row.cost_nano_usd / 1e9 for row in rows if not row.unpriced_calls),
        latencies_ms=tuple(
            milliseconds
            for row in rows
            if not row.is_error and (milliseconds := durations.to_milliseconds(row.duration_ns)) is not None
        ),
        requests=len(rows),
        unpriced=sum(bool(row.unpriced_calls) for row in rows),
    )
