"""The figures over time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.rollups.cells import DIMENSIONS, read_cells
from genaiops_core.telemetry.time_window import STEPS, Filters, from_minute, suggest_step

METRICS = (
    "requests",
    "calls",
    "errors",
    "error_rate",
    "cost_usd",
    "unpriced_calls",
    "input_tokens",
    "output_tokens",
    "latency_ms",
    "call_latency_ms",
)
"""Figures that a caller of the read API may select; screens get all figures."""

MAX_POINTS = 5_000


@dataclass(frozen=True, kw_only=True)
class Point:
    """One step of a series; steps without traffic have no point."""

    start: dt.datetime
    """Start of the step: a multiple of the step since the Unix epoch, so days begin at midnight UTC."""
    key: str | None
    """The value of the dimension `by`; None for a missing value, or without `by`."""
    figures: Figures


def choose_step(filters: Filters) -> str:
    """The step for the length of the window; see `time_window`."""
    return suggest_step(filters.end - filters.start)


def read_series(
    connection: sa.Connection,
    filters: Filters,
    step: str | None = None,
    by: str | None = None,
    *,
    latency: bool = True,
) -> list[Point]:
    """The figures of each step of the window, in order of time and then key.

    The first and the last step have only the traffic inside the window.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and the dimensions.
        step: one of `STEPS`; None for a step that suits the length of the window.
        by: application, environment, release or model, for a series of each value; None for one series.
        latency: whether to calculate percentiles; the read is faster without them.

    Raises:
        BadInput: an unknown step or dimension, or more than `MAX_POINTS` steps.
    """
    minutes = _check_step(filters, step or choose_step(filters))
    if by is not None and by not in DIMENSIONS:
        raise BadInput(f"Cannot split a series by '{by}'; use one of {', '.join(DIMENSIONS)}.")
    cells = read_cells(
        connection, filters, dimensions=[by] if by else [], step_minutes=minutes, latency=latency
    )
    points = [
        Point(
            start=from_minute(int(key[0]) * minutes), key=str(key[1]) or None if by else None, figures=value
        )
        for key, value in cells.items()
        # Requests whose root is no model call have no model; without calls they are no series of their own.
        if not (by == "model" and key[1] == "" and not value.calls)
    ]
    return sorted(points, key=lambda point: (point.start, point.key is None, point.key or ""))


def list_step_starts(filters: Filters, step: str) -> Sequence[dt.datetime]:
    """The start of every step of the window, with or without traffic."""
    minutes = _check_step(filters, step)
    first = filters.start_minute // minutes
    return [from_minute(number * minutes) for number in range(first, -(-filters.end_minute // minutes))]


def _check_step(filters: Filters, step: str) -> int:
    if step not in STEPS:
        raise BadInput(f"'{step}' is not a valid step; use one of {', '.join(STEPS)}.")
    minutes = STEPS[step]
    if (filters.end_minute - filters.start_minute) // minutes > MAX_POINTS:
        raise BadInput(
            f"A step of {step} gives more than {MAX_POINTS} points; use a longer step or a shorter window."
        )
    return minutes
