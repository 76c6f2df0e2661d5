"""Which applications are made up by the demo, so that no screen passes them off as real."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.telemetry import application


def fetch_demo_applications(connection: sa.Connection) -> frozenset[str]:
    """Names of the applications that the demo wrote."""
    query = sa.select(application.c.application).where(application.c.is_demo)
    return frozenset(connection.execute(query).scalars())
