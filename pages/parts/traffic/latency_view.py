"""Percentiles in seconds, and a table of them for each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads import traffic
from pages.parts.shared import tables, units

PERCENTILES = ("p50", "p95", "p99")


def convert_to_seconds(latency: Mapping[str, float | None], name: str) -> float | None:
    """One percentile in seconds."""
    milliseconds = latency[name]
    return None if milliseconds is None else milliseconds / 1000


def draw_table(url: str, window: Filters, by: str, label: str) -> None:
    """Draw percentiles and error rate for each value of a dimension."""
    column = tables.column
    rows: list[dict[str, Any]] = []
    for row in traffic.break_down(url, window, (by,)):
        figures = row.figures
        rows.append(
            {
                "name": row.keys[by] or units.NOT_SET,
                "requests": figures.requests,
                **{f"r{name}": convert_to_seconds(figures.latency_ms, name) for name in PERCENTILES},
                "calls": figures.calls,
                **{f"c{name}": convert_to_seconds(figures.call_latency_ms, name) for name in PERCENTILES},
                "errors": figures.error_rate,
            }
        )
    # Most requests start outside a model call and have no model: by model only calls are meaningful.
    request_columns: dict[str, Any] = {
        "requests": column.NumberColumn("Requests", format="localized"),
        **{f"r{name}": column.NumberColumn(f"Request {name}", format="%.2f s") for name in PERCENTILES},
    }
    tables.draw(
        rows,
        {
            "name": column.TextColumn(label, pinned=True),
            **({} if by == "model" else request_columns),
            "calls": column.NumberColumn("Calls", format="localized"),
            **{f"c{name}": column.NumberColumn(f"Call {name}", format="%.2f s") for name in PERCENTILES},
            "errors": column.NumberColumn("Errors", format="percent"),
        },
        key=f"latency_by_{by}",
        alt=f"Latency by {by}",
    )
