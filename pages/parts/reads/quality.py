"""Cached reads of quality scores over a window: each metric by each judge."""

from __future__ import annotations

from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import quality
from pages.parts.reads.cache import QUICK_S, STEADY_S, cache_for
from pages.parts.reads.connection import open_snapshot


@cache_for(STEADY_S)
def summarise(url: str, filters: Filters) -> list[quality.MetricQuality]:
    """Each metric by each judge over a window."""
    with open_snapshot(url) as connection:
        return quality.read_quality(connection, filters)


@cache_for(STEADY_S)
def break_down(url: str, filters: Filters, by: str) -> list[tuple[str | None, quality.MetricQuality]]:
    """Each metric by each judge, for each value of a dimension."""
    with open_snapshot(url) as connection:
        return quality.read_quality_by(connection, filters, by)


@cache_for(STEADY_S)
def read_series(url: str, filters: Filters, by: str | None = None) -> list[quality.QualityPoint]:
    """Each metric by each judge, step by step."""
    with open_snapshot(url) as connection:
        return quality.read_quality_series(connection, filters, None, by)


@cache_for(QUICK_S)
def read_live_series(url: str, filters: Filters) -> list[quality.QualityPoint]:
    """Scores by release and hour, for panels that refresh by themselves."""
    with open_snapshot(url) as connection:
        return quality.read_quality_series(connection, filters, "1h", "release")
