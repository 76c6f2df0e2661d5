"""The evaluations that use a dataset, with the version they use."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.evaluations import evaluation


@dataclass(frozen=True, kw_only=True)
class DatasetUse:
    """One evaluation that uses a dataset."""

    evaluation: str
    version: int
    application: str
    release: str
    judge: str
    state: str
    verdict: str | None
    created_at: dt.datetime


def list_uses(connection: sa.Connection, name: str, limit: int = 500) -> list[DatasetUse]:
    """List the evaluations of a dataset, newest first."""
    # Fields of the class are named like the columns, except the ID.
    columns = [evaluation.c[field] for field in DatasetUse.__annotations__ if field != "evaluation"]
    query = (
        sa.select(evaluation.c.id.label("evaluation"), *columns)
        .where(evaluation.c.dataset == name)
        .order_by(evaluation.c.created_at.desc())
        .limit(limit)
    )
    return [DatasetUse(**row) for row in connection.execute(query).mappings()]
