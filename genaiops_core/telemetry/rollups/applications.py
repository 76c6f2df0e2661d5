"""What there is to filter by."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from genaiops_core.telemetry.rollups.cells import DIMENSIONS, fetch_applications, fetch_dimension_values


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """Every value ever seen of each dimension, in order of name; '' (not said) is left out."""

    applications: tuple[str, ...]
    environments: tuple[str, ...]
    releases: tuple[str, ...]
    models: tuple[str, ...]


def fetch_filter_options(connection: sa.Connection, application: str | None = None) -> FilterOptions:
    """The values that filter widgets offer, of one application or of all; read from rollups, quick at any size."""
    rows = fetch_dimension_values(connection, application)
    values = {name: tuple(sorted({row[at] for row in rows} - {""})) for at, name in enumerate(DIMENSIONS)}
    return FilterOptions(
        # An application may be known before its first request is rolled up.
        applications=tuple(fetch_applications(connection)),
        environments=values["environment"],
        releases=values["release"],
        models=values["model"],
    )
