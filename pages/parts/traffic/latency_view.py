"""Percentiles in seconds, and a table of them for each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads import traffic
from pages.parts.shared import tables

PERCENTILES = ("p50", "p95", "p99")


def seconds(latency: Mapping[str, float | None], name: str) -> float | None:
    """One percentile in seconds."""
    found = latency[name]
    return None if found is None else found / 1000


def draw_table(url: str, window: Filters, by: str, label: str) -> None:
    """Percentiles and errors for each value of a dimension."""
    column = tables.column
    rows: list[dict[str, Any]] = []
    for row in traffic.break_down(url, window, (by,)):
        told = row.figures
        rows.append(
            {
                "name": row.keys[by] or "(not said)",
                "requests": told.requests,
                **{f"r{name}": seconds(told.latency_ms, name) for name in PERCENTILES},
                "calls": told.calls,
                **{f"c{name}": seconds(told.call_latency_ms, name) for name in PERCENTILES},
                "errors": told.error_rate,
            }
        )
    # Most requests begin outside a model call, so by model only calls say something.
    of_requests: dict[str, Any] = {
        "requests": column.NumberColumn("Requests", format="localized"),
        **{f"r{name}": column.NumberColumn(f"Request {name}", format="%.2f s") for name in PERCENTILES},
    }
    tables.draw(
        rows,
        {
            "name": column.TextColumn(label, pinned=True),
            **({} if by == "model" else of_requests),
            "calls": column.NumberColumn("Calls", format="localized"),
            **{f"c{name}": column.NumberColumn(f"Call {name}", format="%.2f s") for name in PERCENTILES},
            "errors": column.NumberColumn("Errors", format="percent"),
        },
        key=f"latency_by_{by}",
        alt=f"Latency by {by}",
    )
