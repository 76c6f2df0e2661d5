"""Reading samples: what was chosen to be judged, why, and what became of it."""

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
from genaiops_core.telemetry.sampling.policy import PPM, REASONS
from genaiops_core.telemetry.time_window import Filters, to_instant

__all__ = [
    "REASONS",
    "ReasonCount",
    "Sample",
    "SamplingSummary",
    "get_sample",
    "list_samples",
    "read_sampling_summary",
]


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
    """With which probability it was chosen; None when a person chose it."""
    state: str
    """queued, scored or skipped."""
    start: dt.datetime
    environment: str | None
    release: str | None
    selected_at: dt.datetime
    scored_at: dt.datetime | None
    cost_nano_usd: int
    """What judging it cost."""
    note: str
    """Why it was skipped, or why nothing could be judged."""

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
    """How much of the traffic of a window is judged."""

    considered: int
    """Requests it was decided on, in the hours of the window."""
    sampled: int
    by_reason: tuple[ReasonCount, ...]
    queued: int
    scored: int
    skipped: int
    cost_nano_usd: int
    """What judging cost."""
    base_rate: float | None
    """Share drawn of the requests that nothing spoke for; None when there was none, or when it changed."""

    @property
    def cost_usd(self) -> str:
        return format_usd(self.cost_nano_usd)


def read_sampling_summary(connection: sa.Connection, filters: Filters) -> SamplingSummary:
    """Requests considered, sampled and judged; the window is widened to whole hours, models are not looked at."""
    c = sample_rollup_hour.c
    requests = connection.execute(
        sa.select(c.rate_ppm, sa.func.sum(c.requests))
        .where(
            c.bucket >= filters.start_minute // MINUTES_PER_HOUR,
            c.bucket < -(-filters.end_minute // MINUTES_PER_HOUR),
            *_narrowed(connection, sample_rollup_hour, filters),
        )
        .group_by(c.rate_ppm)
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
        .where(*_window(connection, filters))
        .group_by(sample.c.reason, sample.c.priority, sample.c.state)
    )
    for reason, priority, state, count, spent in rows:
        counts[reason, priority][state] += count
        cost += int(spent)
    by_reason = tuple(
        ReasonCount(reason=reason, priority=priority, **states)
        for (reason, priority), states in sorted(counts.items(), key=lambda item: (item[0][1], item[0][0]))
    )
    states = {name: sum(getattr(one, name) for one in by_reason) for name in ("queued", "scored", "skipped")}
    base = [rate for rate, count in considered.items() if rate < PPM and count]
    return SamplingSummary(
        considered=sum(considered.values()),
        sampled=sum(states.values()),
        by_reason=by_reason,
        **states,
        cost_nano_usd=cost,
        base_rate=base[0] / PPM if len(base) == 1 else None,
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
    conditions = list(_window(connection, filters))
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


def _window(connection: sa.Connection, filters: Filters) -> list[sa.ColumnElement[bool]]:
    return [
        sample.c.start_ns >= filters.start_ns,
        sample.c.start_ns < filters.end_ns,
        *_narrowed(connection, sample, filters),
    ]


def _narrowed(connection: sa.Connection, table: sa.Table, filters: Filters) -> list[sa.ColumnElement[bool]]:
    # By name even where all are meant: keys and indexes begin with the application.
    names = [filters.application] if filters.application is not None else fetch_applications(connection)
    said = {"environment": filters.environment, "release": filters.release}
    return [
        table.c.application.in_(names),
        *[table.c[name] == value for name, value in said.items() if value is not None],
    ]
