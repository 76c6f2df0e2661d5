"""What there is to filter by."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from genaiops_core.telemetry.rollups.cells import DIMENSIONS, applications, distinct_values


@dataclass(frozen=True, kw_only=True)
class Known:
    """Every value ever seen of each dimension, in order of name; '' (not said) is left out."""

    applications: tuple[str, ...]
    environments: tuple[str, ...]
    releases: tuple[str, ...]
    models: tuple[str, ...]


def known(connection: sa.Connection, application: str | None = None) -> Known:
    """The values that filter widgets offer, of one application or of all; read from rollups, quick at any size."""
    rows = distinct_values(connection, application)
    values = {name: tuple(sorted({row[at] for row in rows} - {""})) for at, name in enumerate(DIMENSIONS)}
    return Known(
        # An application may be known before its first request is rolled up.
        applications=tuple(applications(connection)),
        environments=values["environment"],
        releases=values["release"],
        models=values["model"],
    )
