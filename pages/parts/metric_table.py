"""Metrics with what each needs, its range, its cost and its source; on a dataset also how many cases it cannot score."""

from __future__ import annotations

from collections.abc import Sequence

from genaiops_core.evaluation.preflight import Coverage
from pages.parts import reads_evaluations, tables
from pages.parts.frame import Screen


def draw(here: Screen, names: Sequence[str], *, key: str, coverage: Coverage | None = None) -> None:
    """A row for each metric.

    Args:
        here: what the guard returned.
        names: of the metrics.
        key: of the table.
        coverage: of the dataset version they would be measured on.
    """
    entries = reads_evaluations.metrics(here.url)
    column = tables.column
    rows = []
    for name in names:
        entry = entries[name]
        rows.append(
            {
                "title": entry.title,
                "lacking": None if coverage is None else coverage.lacking(entry.needs),
                "needs": ", ".join(entry.needs) or "input",
                "range": f"{entry.low:g} to {entry.high:g}",
                "kind": "proxy" if entry.is_proxy else "",
                "judges": ", ".join(entry.judges),
                "cost": entry.cost,
                "description": entry.description,
                "source": entry.source,
            }
        )
    tables.show(
        rows,
        {
            "title": column.TextColumn("Metric", width="medium"),
            **(
                {}
                if coverage is None
                else {
                    "lacking": column.NumberColumn(
                        f"Undefined, of {coverage.cases:,}",
                        format="localized",
                        help="Cases that lack a column it needs",
                    )
                }
            ),
            "needs": column.TextColumn("Needs", width="small"),
            "range": column.TextColumn("Range", width=70),
            "judges": column.TextColumn("Judges", width="small"),
            "cost": column.TextColumn("Cost", width="medium"),
            "description": column.TextColumn("What it says", width="large"),
            "source": column.TextColumn("Source", width="large"),
        },
        key=key,
        alt="Metrics with what they need, their range, cost and source",
    )
