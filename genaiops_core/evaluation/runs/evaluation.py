"""An evaluation as it is stored, as commands and routes show it, and how long it still takes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation
from genaiops_core.errors import NotFound
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.rows import build_record
from genaiops_core.telemetry.figures import format_usd

OPEN_STATES = ("queued", "running")

MIN_UNITS_FOR_RATE = 20
MIN_SECONDS_FOR_RATE = 3.0
"""Below these the rate of an attempt is not representative: the first calls open connections and import libraries."""

_COPIED_FIELDS = (
    *("id", "application", "release", "dataset", "version", "split", "judge", "sample_size"),
    *("state", "verdict", "problem", "attempt"),
    *("units", "units_done", "units_undefined", "units_failed", "answers", "answers_done"),
    *("judge_calls", "unpriced_calls", "answers_unpriced", "uncounted_calls", "throttled_until"),
    *("created_by", "created_at", "started_at", "finished_at"),
)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One run of an evaluation: its configuration, its progress and its results."""

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
    """Units that are done without a value."""
    units_failed: int
    """Undefined units whose judge or target failed."""
    cost_nano_usd: int
    """Cost of judging so far; a lower bound while `unpriced_calls` is above 0."""
    judge_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    """Tokens of judging; lower bounds while `uncounted_calls` is above 0."""
    answers: int
    """Answers that the target must generate; 0 when the answers of the dataset are scored."""
    answers_done: int
    answers_cost_nano_usd: int
    answers_unpriced: int
    attempt: int
    """1 for the first attempt, and one more for every resume."""
    resumed_at: dt.datetime | None
    units_at_resume: int
    uncounted_calls: int
    """Judge calls without token counts of the provider."""
    throttled_until: dt.datetime | None
    """Until when calls wait for a provider that throttles them; in the past, or None: none waits."""
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
    def rate_limits(self) -> RateLimits:
        """Concurrency, rate, timeout and spend limit."""
        # The key has its old name, because stored evaluations have it.
        return RateLimits.from_json(self.config.get("pace"))

    @property
    def spent_nano_usd(self) -> int:
        """Cost of judging and answering; a lower bound while calls have no known price."""
        return self.cost_nano_usd + self.answers_cost_nano_usd

    @property
    def token_counts(self) -> dict[str, int | None]:
        """Tokens of judging; None when the provider sent no count for a call."""
        is_known = not self.uncounted_calls
        return {
            "input_tokens": self.input_tokens if is_known else None,
            "output_tokens": self.output_tokens if is_known else None,
        }

    @property
    def cost_usd(self) -> str:
        return format_usd(self.cost_nano_usd)

    @property
    def spent_usd(self) -> str:
        return format_usd(self.spent_nano_usd)


def is_waiting_for_provider(run: Evaluation, at: dt.datetime) -> bool:
    """Whether calls of a running evaluation wait for a provider that throttles them."""
    return run.state == "running" and run.throttled_until is not None and at < run.throttled_until


def get_evaluation(connection: sa.Connection, id: str) -> Evaluation:
    """One evaluation.

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
    state: str | None = None,
    limit: int | None = 200,
) -> list[Evaluation]:
    """Evaluations, newest first; None as a limit reads all of them."""
    query = sa.select(evaluation)
    conditions = {"application": application, "release": release, "dataset": dataset, "state": state}
    for column, value in conditions.items():
        if value is not None:
            query = query.where(evaluation.c[column] == value)
    # Ids are time-ordered, so they order evaluations of the same instant.
    query = query.order_by(evaluation.c.created_at.desc(), evaluation.c.id.desc()).limit(limit)
    return [_from_row(row) for row in connection.execute(query)]


def list_open_attempts(connection: sa.Connection) -> list[tuple[str, int, str]]:
    """(id, attempt, state) of the evaluations that wait or are under way."""
    columns = (evaluation.c.id, evaluation.c.attempt, evaluation.c.state)
    rows = connection.execute(sa.select(*columns).where(evaluation.c.state.in_(OPEN_STATES)))
    return [(row.id, row.attempt, row.state) for row in rows]


def describe_evaluation(run: Evaluation) -> dict[str, Any]:
    """The flat JSON of commands and routes, without results and cases; money is decimal text.

    Token counts are None when a call has none. Costs are lower bounds while `unpriced_calls` or `answers_unpriced` is above 0. Times are aware datetimes.
    """
    limits = run.rate_limits
    spend_limit = limits.spend_limit_nano_usd
    return {
        **{name: getattr(run, name) for name in _COPIED_FIELDS},
        "metrics": list(run.metrics),
        **run.token_counts,
        "judging_usd": run.cost_usd,
        "answers_usd": format_usd(run.answers_cost_nano_usd),
        "spent_usd": run.spent_usd,
        "spend_limit_usd": None if spend_limit is None else format_usd(spend_limit),
        "concurrency": limits.concurrency,
        "repetitions": run.repetitions,
    }


def estimate_remaining_s(run: Evaluation, at: dt.datetime) -> float | None:
    """Seconds until every unit is scored, at the rate since the evaluation began or was resumed.

    None when it is unknown: the evaluation is not running, or the attempt has done too little for a rate.
    """
    if run.state != "running" or run.resumed_at is None:
        return None
    remaining = max(0, run.units - run.units_done)
    done = run.units_done - run.units_at_resume
    elapsed_s = (at - run.resumed_at).total_seconds()
    if remaining == 0:
        return 0.0
    if done < MIN_UNITS_FOR_RATE or elapsed_s < MIN_SECONDS_FOR_RATE:
        return None
    return remaining * elapsed_s / done


def describe_progress(run: Evaluation, at: dt.datetime) -> dict[str, Any]:
    """The JSON of what changes with the time: the remaining seconds, and whether calls wait for their provider."""
    return {
        "remaining_s": estimate_remaining_s(run, at),
        "is_waiting_for_provider": is_waiting_for_provider(run, at),
    }


def _from_row(row: sa.Row[Any]) -> Evaluation:
    return build_record(Evaluation, row, metrics=tuple(row.metrics))
