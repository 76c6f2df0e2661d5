"""Metrics with what each needs, its range, its cost and its source; on a dataset also how many cases it cannot score."""

from __future__ import annotations

from collections.abc import Sequence

from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.preflight import Coverage
from pages.parts import tables

_DIRECTIONS = {True: "", False: ", lower is better", None: ", better depends on the cases"}


def draw(entries: Sequence[Metric], *, key: str, coverage: Coverage | None = None) -> None:
    """A row for each metric.

    Args:
        entries: of the registry.
        key: of the table.
        coverage: of the dataset version they would be measured on.
    """
    column = tables.column
    rows = [
        {
            "title": entry.title,
            "name": entry.name,
            "lacking": None if coverage is None else coverage.lacking(entry.needs),
            "kind": entry.kind,
            "needs": ", ".join(entry.needs) or "input",
            "range": f"{entry.low:g} to {entry.high:g}{_DIRECTIONS[entry.higher_is_better]}",
            "judges": ", ".join(entry.judges),
            "cost": entry.cost,
            "description": entry.description,
            "source": entry.source,
        }
        for entry in entries
    ]
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
            "needs": column.TextColumn("Needs", width=130),
            "cost": column.TextColumn("Cost", width=190),
            "range": column.TextColumn("Range", width=130),
            "kind": column.TextColumn("Kind", width=75),
            **({"name": column.TextColumn("Name", width=140)} if coverage is None else {}),
            "judges": column.TextColumn("Judges", width="small"),
            "description": column.TextColumn("What it says", width="large"),
            "source": column.TextColumn("Source", width="large"),
        },
        key=key,
        alt="Metrics with what they need, their range, cost and source",
    )
