"""Runs as they are kept, one row each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation
from genaiops_core.errors import NotFound
from genaiops_core.telemetry.figures import format_usd

OPEN_STATES = ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One run: what was asked, how far it is, and what came out."""

    id: str
    application: str
    release: str
    dataset: str
    version: int
    judge: str
    metrics: tuple[str, ...]
    config: dict[str, Any]
    """{"pipeline": document or None, "minimums": {metric: threshold}, "limits": {...}, "target": {...} or None,
    "repetitions": int, "pace": {...}, "judge_options": {...}, "baseline": evaluation id or "",
    "split": name or ""}"""
    sample_size: int | None
    state: str
    """queued, running, paused, finished, cancelled or failed."""
    verdict: str | None
    """passed, failed, inconclusive or error once finished; None before, and when cancelled."""
    units: int
    """Units (case, repetition, metric) to score."""
    units_done: int
    units_undefined: int
    """Done, but without a value."""
    units_failed: int
    """Of the undefined ones, those whose judge or target failed."""
    cost_nano_usd: int
    """What judging cost so far; a lower bound while `unpriced_calls` is above 0."""
    judge_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    answers: int
    """Answers that the target has to give; 0 when the answers of the dataset are scored."""
    answers_done: int
    answers_cost_nano_usd: int
    answers_unpriced: int
    attempt: int
    """1, and one more for every resume."""
    resumed_at: dt.datetime | None
    units_at_resume: int
    results: dict[str, Any] | None
    """The schema documented in `verdicts.results_schema`; partial when cancelled."""
    problem: str
    created_by: str
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    is_demo: bool

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def progress(self) -> float:
        """Share of units scored, 0 to 1."""
        return self.units_done / self.units if self.units else 0.0

    @property
    def split(self) -> str:
        """The split whose cases are scored; '' for all cases."""
        return str(self.config.get("split") or "")

    @property
    def repetitions(self) -> int:
        """How often each case is answered."""
        return int(self.config.get("repetitions") or 1)

    @property
    def spent_nano_usd(self) -> int:
        """Judging and answering together; a lower bound while calls have no known price."""
        return self.cost_nano_usd + self.answers_cost_nano_usd

    @property
    def cost_usd(self) -> str:
        return format_usd(self.cost_nano_usd)

    @property
    def spent_usd(self) -> str:
        return format_usd(self.spent_nano_usd)


def get_evaluation(connection: sa.Connection, id: str) -> Evaluation:
    """One run.

    Raises:
        NotFound: there is no such evaluation.
    """
    row = connection.execute(sa.select(evaluation).where(evaluation.c.id == id)).first()
    if row is None:
        raise NotFound(f"There is no evaluation {id}.")
    return _from_row(row)


def list_evaluations(
    connection: sa.Connection,
    application: str | None = None,
    *,
    release: str | None = None,
    dataset: str | None = None,
    limit: int = 200,
) -> list[Evaluation]:
    """Runs, newest first."""
    query = sa.select(evaluation)
    for column, value in (("application", application), ("release", release), ("dataset", dataset)):
        if value is not None:
            query = query.where(evaluation.c[column] == value)
    # Ids are time-ordered, so they settle the order within one instant.
    query = query.order_by(evaluation.c.created_at.desc(), evaluation.c.id.desc()).limit(limit)
    return [_from_row(row) for row in connection.execute(query)]


def _from_row(row: sa.Row[Any]) -> Evaluation:
    return Evaluation(**{**row._mapping, "metrics": tuple(row.metrics)})
