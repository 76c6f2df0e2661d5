"""Rows of table `request` for tests of sampling and feedback, and their consideration by the sampler."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import application, request
from genaiops_core.telemetry.sampling import selection
from genaiops_core.telemetry.sampling.policy import Policy
from genaiops_core.telemetry.time_window import Filters
from tests.integration.traffic import DAY

POLICY = Policy(rate=0.5)
NOW = DAY + dt.timedelta(hours=12)
LATER = NOW + dt.timedelta(seconds=11)
DAY_NS = int(DAY.timestamp()) * 10**9
ALL_DAY = Filters(start=DAY, end=DAY + dt.timedelta(days=1))


def add_request(connection: sa.Connection, number: int, **changes: Any) -> str:
    """Add one finished request of user u1 that starts at 01:00; returns its trace id."""
    if connection.execute(sa.select(application)).first() is None:
        connection.execute(
            application.insert(), {"application": "shop", "is_demo": False, "first_seen_at": DAY}
        )
    row: dict[str, Any] = {c.name: 0 for c in request.c if isinstance(c.type, sa.BigInteger)}
    row |= {c.name: "" for c in request.c if isinstance(c.type, sa.String)}
    row |= {
        "trace_id": f"{number:032x}",
        "application": "shop",
        "release": "r1",
        "user_id": "u1",
        "is_error": False,
        "start_ns": DAY_NS + 3_600 * 10**9 + number,
        "duration_ns": 10**9,
    }
    row |= changes
    row.pop("id")
    connection.execute(request.insert(), row)
    return str(row["trace_id"])


def consider_all(engine: sa.Engine, *, now: dt.datetime = LATER, limit: int = 1_000) -> int:
    """Set the mark, let it settle and consider every request; returns how many were considered."""
    selection.consider(engine, POLICY, now - dt.timedelta(seconds=11))
    considered = 0
    while True:
        step = selection.consider(engine, POLICY, now, limit=limit)
        considered += step.requests
        if not step.has_more:
            return considered
