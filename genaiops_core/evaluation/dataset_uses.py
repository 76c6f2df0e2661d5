"""Which evaluations were made on which version of a dataset."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.evaluations import evaluation


@dataclass(frozen=True, kw_only=True)
class Use:
    """One evaluation of a dataset."""

    evaluation: str
    version: int
    application: str
    release: str
    judge: str
    state: str
    verdict: str | None
    created_at: dt.datetime


def uses(connection: sa.Connection, name: str, limit: int = 500) -> list[Use]:
    """Evaluations of a dataset, newest first."""
    columns = [evaluation.c[field] for field in Use.__annotations__ if field != "evaluation"]
    query = (
        sa.select(evaluation.c.id.label("evaluation"), *columns)
        .where(evaluation.c.dataset == name)
        .order_by(evaluation.c.created_at.desc())
        .limit(limit)
    )
    return [Use(**row) for row in connection.execute(query).mappings()]
