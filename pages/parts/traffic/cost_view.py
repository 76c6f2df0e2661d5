"""Cost in dollars, and a table of it for each dimension."""

from __future__ import annotations

from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.time_window import Filters
from pages.parts.reads import traffic
from pages.parts.shared import tables, units


def convert_to_usd(figures: Figures) -> float | None:
    """Cost in USD; None when no call has a price."""
    return None if figures.cost_usd is None else figures.cost_nano_usd / 1e9


def draw_table(url: str, window: Filters, total: Figures, by: str, label: str) -> None:
    """Draw cost for each value of a dimension; the rows add up to the total."""
    rows = sorted(traffic.break_down(url, window, (by,)), key=lambda row: -row.figures.cost_nano_usd)
    column = tables.column
    tables.draw(
        [
            {
                "name": row.keys[by] or units.NOT_SET,
                "cost": convert_to_usd(row.figures),
                "share": row.figures.cost_nano_usd / total.cost_nano_usd if total.cost_nano_usd else None,
                "calls": row.figures.calls,
                "unpriced": row.figures.unpriced_calls,
                "input": row.figures.input_tokens,
                "output": row.figures.output_tokens,
                "cached": row.figures.cache_read_tokens,
            }
            for row in rows
        ],
        {
            "name": column.TextColumn(label, pinned=True),
            "cost": column.NumberColumn("Cost", format="$%.4f"),
            "share": column.ProgressColumn("Share", format="percent", min_value=0, max_value=1),
            "calls": column.NumberColumn("Calls", format="localized"),
            "unpriced": column.NumberColumn(
                "Unpriced", format="localized", help="Calls of a model without a price"
            ),
            "input": column.NumberColumn("Input tokens", format="compact"),
            "output": column.NumberColumn("Output tokens", format="compact"),
            "cached": column.NumberColumn("From cache", format="compact"),
        },
        key=f"cost_by_{by}",
        alt=f"Cost by {by}",
    )
