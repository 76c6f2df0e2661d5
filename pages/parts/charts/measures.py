"""Turns figures of the core into cards, series of charts and rollout badges."""

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
from pages.parts.charts import plots, sparkline
from pages.parts.shared import tables, units

MAX_RELEASES = 4
"""More lines in one chart are hard to distinguish."""

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
    key: str | None = None,
) -> None:
    """Draw one figure with its change and its trend; cards of one row have equal heights.

    `key` is the widget key of the trend; the label, where a screen has it once.
    """
    # Not the framework's chart of a metric: its charting library takes most of the time of a page switch.
    with st.container(border=True, height="stretch", gap="small"):
        st.metric(
            label,
            value,
            # Without a previous value the note takes the place of the change.
            delta or note or None,
            delta_color=colour if delta or colour == "primary" else "off",  # type: ignore[arg-type]
            delta_arrow="auto" if delta else "off",
            delta_description=note or None if delta else None,
            icon=f":material/{icon}:",
            help=help or (units.NO_DATA_HELP if value == units.NO_DATA else None),
        )
        st.space("stretch")
        sparkline.draw(
            plots.build_sparkline(trend), sparkline.find_colour(delta, colour), key=f"trend_{key or label}"
        )


def find_mean_quality(metrics: Iterable[MetricQuality]) -> float | None:
    """The mean of all scores of all metrics, as the rollback policy counts them; None without a score.

    Proxies and self-selected judges do not count; the quality screen shows each in a chart of its own.
    """
    return mean_quality(metrics).mean


def build_quality_trend(points: Iterable[QualityPoint]) -> list[float | None]:
    """The mean quality of each step, in order of time."""
    grouped: dict[dt.datetime, list[MetricQuality]] = {}
    for point in points:
        grouped.setdefault(point.start, []).append(point.quality)
    return [find_mean_quality(grouped[start]) for start in sorted(grouped)]


def fill_steps(
    filters: Filters, points: Iterable[Point], value: Value, *, gap: float | None, step: str | None = None
) -> list[float | None]:
    """A value for every step of the window; `gap` for steps without traffic: 0 for counts, else None."""
    values = {point.start: value(point.figures) for point in points}
    return [values.get(start, gap) for start in list_step_starts(filters, step or choose_step(filters))]


def build_lines(
    filters: Filters,
    points: Iterable[Point],
    value: Value,
    *,
    gap: float | None = None,
    step: str | None = None,
    name: Callable[[str | None], str] = lambda key: key or units.NOT_SET,
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


def build_release_lines(
    filters: Filters,
    points: Sequence[Point],
    status: Rollout | None,
    value: Value,
    *,
    divisor: float = 1,
    gap: float | None = None,
    step: str | None = None,
) -> list[plots.Line]:
    """Lines of the stable release, the canary, then other releases with the most traffic; every value is divided by `divisor`."""
    volume: dict[str | None, int] = {}
    for point in points:
        volume[point.key] = volume.get(point.key, 0) + point.figures.requests + point.figures.calls
    roles = {status.stable: "stable", status.canary: "canary"} if status else {}
    others = sorted((key for key in volume if key not in roles), key=lambda key: -volume[key])
    # Other releases are drawn only without a canary: with one, the chart compares canary and stable release.
    max_others = (
        MAX_RELEASES
        if not roles
        else max(0, MAX_RELEASES - len(roles))
        if not (status and status.canary)
        else 0
    )
    order = [key for key in roles if key is not None and key in volume] + others[:max_others]

    def scale(figures: Figures) -> float | None:
        measured = value(figures)
        return None if measured is None else measured / divisor

    return build_lines(
        filters,
        points,
        scale,
        gap=gap,
        step=step,
        order=order,
        name=lambda key: f"{roles[key]} {key}" if key in roles else key or units.NOT_SET,
    )


def rank_by_cost(points: Iterable[Point], *, limit: int = 9) -> list[str | None]:
    """Keys of a series, highest cost first; `limit` is the number of colours of a theme."""
    spent: dict[str | None, int] = {}
    for point in points:
        spent[point.key] = spent.get(point.key, 0) + point.figures.cost_nano_usd
    return sorted(spent, key=lambda key: -spent[key])[:limit]


def build_request_trends(
    filters: Filters, points: Iterable[Point], *, length: int = 48
) -> dict[str | None, list[float]]:
    """Requests over the window by key, for a chart in a table cell."""
    grouped: dict[str | None, list[Point]] = {}
    for point in points:
        grouped.setdefault(point.key, []).append(point)
    return {
        key: plots.build_sparkline(
            fill_steps(filters, key_points, lambda f: f.requests, gap=0), points=length
        )
        or []
        for key, key_points in grouped.items()
    }


def draw_rollout_badge(rollout: Rollout) -> None:
    """Draw the state of a rollout as a badge."""
    if rollout.state == "paused":
        tables.draw_badge("paused", label=f"paused at {rollout.percent:g}%", icon=":material/pause:")
    elif rollout.is_live:
        tables.draw_badge("canary", label=f"canary {rollout.percent:g}%", icon=":material/science:")
    elif rollout.state == "rolled_back":
        tables.draw_badge("rolled_back", label="rolled back", icon=":material/undo:")
    else:
        tables.draw_badge("stable", label="stable 100%", icon=":material/check:")


def format_rollout_note(rollout: Rollout) -> str:
    """The canary and its step, else the stable release."""
    if rollout.is_live:
        return f"{units.escape_markdown(rollout.canary)} · step {rollout.step} of {len(rollout.steps)}"
    return units.escape_markdown(rollout.stable)
