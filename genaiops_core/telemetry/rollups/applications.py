"""The values that filters offer."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from genaiops_core.telemetry.rollups.cells import DIMENSIONS, fetch_applications, fetch_dimension_values


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """Every stored value of each dimension, sorted; '' (unknown) is left out."""

    applications: tuple[str, ...]
    environments: tuple[str, ...]
    releases: tuple[str, ...]
    models: tuple[str, ...]


def fetch_filter_options(connection: sa.Connection, application: str | None = None) -> FilterOptions:
    """Read the filter options of one application or of all, from rollups: quick at any size."""
    rows = fetch_dimension_values(connection, application)
    values = {
        name: tuple(sorted({row[position] for row in rows} - {""}))
        for position, name in enumerate(DIMENSIONS)
    }
    return FilterOptions(
        # An application may be registered before its first request is rolled up.
        applications=tuple(fetch_applications(connection)),
        environments=values["environment"],
        releases=values["release"],
        models=values["model"],
    )
