"""What a release costs and how long it takes, from its own traffic: the evidence of cost and latency stages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

WINDOW_DAYS = 7
DAYS_A_MONTH = 30

MIN_REQUESTS = 50
"""Fewer requests say too little about an average, let alone a 95th percentile."""


@dataclass(frozen=True, kw_only=True)
class TrafficFigures:
    """A release's requests within the last `WINDOW_DAYS` days; None is unknown."""

    requests: int
    unpriced_calls: int
    cost_per_query_usd: float | None
    monthly_cost_usd: float | None
    """Spend of the window, carried forward to 30 days."""
    latency_ms: Mapping[str, float | None] = field(default_factory=dict)
    """p50, p95, p99 of successful requests."""
    window_days: int = WINDOW_DAYS

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "latency_ms": dict(self.latency_ms)}


def measure(connection: sa.Connection, application: str, release: str, now: dt.datetime) -> TrafficFigures:
    """The figures of one release."""
    from genaiops_core.telemetry import filters, queries

    window = filters.Filters(
        start=now - dt.timedelta(days=WINDOW_DAYS), end=now, application=application, release=release
    )
    figures = queries.summary(connection, window)
    cost_usd = figures.cost_nano_usd / 1e9
    # A call without a price makes every sum a lower bound, which proves nothing about a maximum.
    is_priced = figures.unpriced_calls == 0
    return TrafficFigures(
        requests=figures.requests,
        unpriced_calls=figures.unpriced_calls,
        cost_per_query_usd=cost_usd / figures.requests if figures.requests and is_priced else None,
        monthly_cost_usd=cost_usd / WINDOW_DAYS * DAYS_A_MONTH if figures.requests and is_priced else None,
        latency_ms=dict(figures.latency_ms),
    )
