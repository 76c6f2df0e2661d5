"""From what the core answers to what cards and charts take: courses, means, series of releases, rollout badges."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from genaiops_core.rollbacks.mean_quality import mean_quality
from genaiops_core.rollouts.rollouts import Rollout
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import MetricQuality, QualityPoint
from genaiops_core.telemetry.traffic.series import Point, choose_step, list_step_starts
from pages.parts.charts import plots
from pages.parts.shared import tables, units

MAX_RELEASES = 4
"""Lines that can still be told apart beside each other."""

Value = Callable[[Figures], float | None]


def draw_card(
    label: str,
    value: str,
    delta: str | None,
    note: str,
    *,
    icon: str,
    colour: str,
    trend: Sequence[float | None],
    help: str | None = None,
) -> None:
    """One figure with its change and its course; equal heights beside each other."""
    st.metric(
        label,
        value,
        # Without anything to compare with, the note itself takes the place of the change.
        delta or note,
        delta_color=colour if delta or colour == "primary" else "off",  # type: ignore[arg-type]
        delta_arrow="auto" if delta else "off",
        delta_description=note if delta else None,
        border=True,
        height="stretch",
        icon=f":material/{icon}:",
        chart_data=plots.sparkline(trend),
        chart_type="area",
        help=help,
    )


def find_mean_quality(metrics: Iterable[MetricQuality]) -> float | None:
    """The mean of all scores of all metrics, as the rollback policy counts them; None when nothing was scored.

    Proxies, and the opinions of those who choose what they judge, have a chart of their own on the quality screen.
    """
    return mean_quality(metrics).mean


def find_mean_quality_by_key(rows: Iterable[tuple[str | None, MetricQuality]]) -> dict[str | None, float | None]:
    """`mean` for each key."""
    grouped: dict[str | None, list[MetricQuality]] = {}
    for key, quality in rows:
        grouped.setdefault(key, []).append(quality)
    return {key: find_mean_quality(metrics) for key, metrics in grouped.items()}


def build_quality_trend(points: Iterable[QualityPoint]) -> list[float | None]:
    """`mean` of each step, in order of time."""
    grouped: dict[dt.datetime, list[MetricQuality]] = {}
    for point in points:
        grouped.setdefault(point.start, []).append(point.quality)
    return [find_mean_quality(grouped[start]) for start in sorted(grouped)]


def fill_steps(
    filters: Filters, points: Iterable[Point], value: Value, *, gap: float | None, step: str | None = None
) -> list[float | None]:
    """A value for every step of the window; `gap` where there was no traffic: 0 for counts, None for the rest."""
    values = {point.start: value(point.figures) for point in points}
    return [values.get(start, gap) for start in list_step_starts(filters, step or choose_step(filters))]


def build_lines(
    filters: Filters,
    points: Iterable[Point],
    value: Value,
    *,
    gap: float | None = None,
    step: str | None = None,
    name: Callable[[str | None], str] = lambda key: key or units.NO_DATA,
    order: Sequence[str | None] | None = None,
) -> list[plots.Line]:
    """One line for each key of a series, over every step of the window."""
    grouped: dict[str | None, list[Point]] = {}
    for point in points:
        grouped.setdefault(point.key, []).append(point)
    instants = list_step_starts(filters, step or choose_step(filters))
    keys = [key for key in order if key in grouped] if order is not None else list(grouped)
    return [
        plots.Line(
            name=name(key), at=instants, values=fill_steps(filters, grouped[key], value, gap=gap, step=step)
        )
        for key in keys
    ]


def by_release(
    filters: Filters,
    points: Sequence[Point],
    status: Rollout | None,
    value: Value,
    *,
    per: float = 1,
    gap: float | None = None,
    step: str | None = None,
) -> list[plots.Line]:
    """Lines of the stable release, the canary, then the busiest others; `per` divides every value."""
    traffic: dict[str | None, int] = {}
    for point in points:
        traffic[point.key] = traffic.get(point.key, 0) + point.figures.requests + point.figures.calls
    roles = {status.stable: "stable", status.canary: "canary"} if status else {}
    others = sorted((key for key in traffic if key not in roles), key=lambda key: -traffic[key])
    # A release that carries no traffic now is drawn only where nothing else would be.
    room = (
        MAX_RELEASES
        if not roles
        else max(0, MAX_RELEASES - len(roles))
        if not (status and status.canary)
        else 0
    )
    order = [key for key in roles if key is not None and key in traffic] + others[:room]

    def scaled(figures: Figures) -> float | None:
        found = value(figures)
        return None if found is None else found / per

    return build_lines(
        filters,
        points,
        scaled,
        gap=gap,
        step=step,
        order=order,
        name=lambda key: f"{roles[key]} {key}" if key in roles else key or units.NO_DATA,
    )


def dearest(points: Iterable[Point], *, most: int = 9) -> list[str | None]:
    """Keys of a series by what they cost, the dearest first, at most as many as there are colours."""
    spent: dict[str | None, int] = {}
    for point in points:
        spent[point.key] = spent.get(point.key, 0) + point.figures.cost_nano_usd
    return sorted(spent, key=lambda key: -spent[key])[:most]


def courses(filters: Filters, points: Iterable[Point], *, length: int = 48) -> dict[str | None, list[float]]:
    """Requests over the window by key, for a small chart in a table cell."""
    grouped: dict[str | None, list[Point]] = {}
    for point in points:
        grouped.setdefault(point.key, []).append(point)
    return {
        key: plots.sparkline(fill_steps(filters, found, lambda f: f.requests, gap=0), points=length) or []
        for key, found in grouped.items()
    }


def rollout_badge(one: Rollout) -> None:
    """Where a rollout stands, as a badge."""
    if one.state == "paused":
        tables.draw_badge("paused", label=f"paused at {one.percent:g}%", icon=":material/pause:")
    elif one.is_live:
        tables.draw_badge("canary", label=f"canary {one.percent:g}%", icon=":material/science:")
    elif one.state == "rolled_back":
        tables.draw_badge("rolled_back", label="rolled back", icon=":material/undo:")
    else:
        tables.draw_badge("stable", label="stable 100%", icon=":material/check:")


def rollout_note(one: Rollout) -> str:
    """What else there is to say about it, in three words."""
    if one.is_live:
        return f"{units.escape_markdown(one.canary)} · step {one.step} of {len(one.steps)}"
    return units.escape_markdown(one.stable)
