"""Reads samples: the requests chosen to be judged, with reason and state."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import sample, sample_rollup_hour
from genaiops_core.telemetry.figures import format_usd
from genaiops_core.telemetry.rollups.cells import fetch_applications
from genaiops_core.telemetry.rollups.plan import MINUTES_PER_HOUR
from genaiops_core.telemetry.sampling.policy import PPM
from genaiops_core.telemetry.time_window import Filters, to_instant


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A request chosen to be judged."""

    application: str
    trace_id: str
    reason: str
    """A key of `REASONS`."""
    priority: int
    """1 is judged first."""
    rate: float | None
    """Sampling probability, 0 to 1; None when a reviewer chose the request."""
    state: str
    """queued, scored or skipped."""
    start: dt.datetime
    environment: str | None
    release: str | None
    selected_at: dt.datetime
    scored_at: dt.datetime | None
    cost_nano_usd: int
    """Cost of judging the request."""
    note: str
    """Why the request was skipped or not scored; '' otherwise."""

    @property
    def cost_usd(self) -> str:
        return format_usd(self.cost_nano_usd)


@dataclass(frozen=True, kw_only=True)
class ReasonCount:
    """Samples of one reason."""

    reason: str
    priority: int
    queued: int
    scored: int
    skipped: int


@dataclass(frozen=True, kw_only=True)
class SamplingSummary:
    """Counts and cost of the samples in a window."""

    considered: int
    """Requests with a sampling decision, in the whole hours of the window."""
    sampled: int
    by_reason: tuple[ReasonCount, ...]
    queued: int
    scored: int
    skipped: int
    cost_nano_usd: int
    """Cost of judging."""
    base_rate: float | None
    """Sample rate of requests without a reason; None when there was none, or when the rate changed."""

    @property
    def cost_usd(self) -> str:
        return format_usd(self.cost_nano_usd)


def read_sampling_summary(connection: sa.Connection, filters: Filters) -> SamplingSummary:
    """Requests considered, sampled and judged. The window is widened to whole hours; `filters.model` is not used."""
    rollup = sample_rollup_hour.c
    requests = connection.execute(
        sa.select(rollup.rate_ppm, sa.func.sum(rollup.requests))
        .where(
            rollup.bucket >= filters.start_minute // MINUTES_PER_HOUR,
            rollup.bucket < -(-filters.end_minute // MINUTES_PER_HOUR),
            *_build_dimension_conditions(connection, sample_rollup_hour, filters),
        )
        .group_by(rollup.rate_ppm)
    )
    considered = {rate: int(count) for rate, count in requests}
    counts: dict[tuple[str, int], dict[str, int]] = defaultdict(
        lambda: {"queued": 0, "scored": 0, "skipped": 0}
    )
    cost = 0
    rows = connection.execute(
        sa.select(
            sample.c.reason,
            sample.c.priority,
            sample.c.state,
            sa.func.count(),
            sa.func.sum(sample.c.cost_nano_usd),
        )
        .where(*_build_window_conditions(connection, filters))
        .group_by(sample.c.reason, sample.c.priority, sample.c.state)
    )
    for reason, priority, state, count, reason_cost in rows:
        counts[reason, priority][state] += count
        cost += int(reason_cost)
    by_reason = tuple(
        ReasonCount(reason=reason, priority=priority, **states)
        for (reason, priority), states in sorted(counts.items(), key=lambda item: (item[0][1], item[0][0]))
    )
    states = {
        name: sum(getattr(reason_count, name) for reason_count in by_reason)
        for name in ("queued", "scored", "skipped")
    }
    # Feedback may have moved all requests of a rate to rate 1: then its count is 0.
    base_rates = [rate for rate, count in considered.items() if rate < PPM and count]
    return SamplingSummary(
        considered=sum(considered.values()),
        sampled=sum(states.values()),
        by_reason=by_reason,
        **states,
        cost_nano_usd=cost,
        base_rate=base_rates[0] / PPM if len(base_rates) == 1 else None,
    )


def list_samples(
    connection: sa.Connection,
    filters: Filters,
    *,
    state: str | None = None,
    reason: str | None = None,
    limit: int = 50,
) -> list[Sample]:
    """Samples whose requests started in the window, newest first."""
    conditions = list(_build_window_conditions(connection, filters))
    if state is not None:
        conditions.append(sample.c.state == state)
    if reason is not None:
        conditions.append(sample.c.reason == reason)
    rows = connection.execute(
        sa.select(sample)
        .where(*conditions)
        .order_by(sample.c.start_ns.desc(), sample.c.id.desc())
        .limit(limit)
    )
    return [build_sample(row) for row in rows]


def get_sample(connection: sa.Connection, application: str, trace_id: str) -> Sample | None:
    """The sample of one request, or None when it was not chosen."""
    row = connection.execute(
        sa.select(sample).where(
            sample.c.trace_id == trace_id.strip().lower(), sample.c.application == application
        )
    ).first()
    return None if row is None else build_sample(row)


def build_sample(row: Any) -> Sample:
    return Sample(
        application=row.application,
        trace_id=row.trace_id,
        reason=row.reason,
        priority=row.priority,
        rate=row.rate_ppm / PPM if row.rate_ppm else None,
        state=row.state,
        start=to_instant(row.start_ns),
        environment=row.environment or None,
        release=row.release or None,
        selected_at=row.selected_at,
        scored_at=row.ended_at if row.state == "scored" else None,
        cost_nano_usd=row.cost_nano_usd,
        note=row.note,
    )


def _build_window_conditions(connection: sa.Connection, filters: Filters) -> list[sa.ColumnElement[bool]]:
    return [
        sample.c.start_ns >= filters.start_ns,
        sample.c.start_ns < filters.end_ns,
        *_build_dimension_conditions(connection, sample, filters),
    ]


def _build_dimension_conditions(
    connection: sa.Connection, table: sa.Table, filters: Filters
) -> list[sa.ColumnElement[bool]]:
    # Applications are listed by name even without a filter, because keys and indexes begin with the application.
    names = [filters.application] if filters.application is not None else fetch_applications(connection)
    dimensions = {"environment": filters.environment, "release": filters.release}
    return [
        table.c.application.in_(names),
        *[table.c[name] == value for name, value in dimensions.items() if value is not None],
    ]
