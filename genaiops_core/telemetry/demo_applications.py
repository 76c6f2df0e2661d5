"""Which applications belong to the demo, so that screens can label them."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.telemetry import application


def fetch_demo_applications(connection: sa.Connection) -> frozenset[str]:
    """Read the names of the demo applications."""
    query = sa.select(application.c.application).where(application.c.is_demo)
    return frozenset(connection.execute(query).scalars())
