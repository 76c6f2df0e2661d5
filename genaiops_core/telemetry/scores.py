"""Scores of production requests: one row each, added up by the hour, and taken out again when a judgement changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import score, score_rollup_hour
from db.transaction import insert
from genaiops_core.errors import BadInput

NS_PER_HOUR = 3_600_000_000_000
_ROWS_PER_STATEMENT = 400
"""SQLite binds at most 32,766 values in one statement."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One judgement of one production request."""

    application: str
    trace_id: str
    metric: str
    judge: str
    value: float | None
    """In [0, 1]; None when the metric is not defined for this request, with the `reason`."""
    reason: str = ""
    start_ns: int
    """When the request started, in Unix nanoseconds."""
    environment: str = ""
    release: str = ""
    rate_ppm: int = 0
    """How probable it was that the request was sampled, in millionths; 0 when it was not sampled here, so that the
    score counts like any other of its judge."""

    def __post_init__(self) -> None:
        # NaN fails both comparisons.
        if self.value is not None and not 0.0 <= self.value <= 1.0:
            raise BadInput(
                f"The score {self.metric} of trace {self.trace_id} is {self.value}; give a number from 0 to 1, or none."
            )


_IDENTITY = ("trace_id", "metric", "judge", "application")
_COLUMNS = tuple(field.name for field in fields(Score))
_KEYS = ("application", "bucket", "environment", "release", "metric", "judge", "rate_ppm")
SUMS = ("scored", "undefined", "value_sum", "value_square_sum")
"""Columns of `score_rollup_hour` that add up."""

_Cell = tuple[str, int, str, str, str, str, int]
"""The key of a cell of `score_rollup_hour`, in the order of `_KEYS`."""


def record_scores(connection: sa.Connection, scores: Sequence[Score]) -> int:
    """Keep scores and roll up those that are new; a score told again changes nothing.

    Args:
        connection: of a `writing` transaction.
        scores: in any order.

    Returns:
        How many were new.
    """
    by_identity = _index_by_identity(reversed(scores))
    ordered = [by_identity[identity] for identity in sorted(by_identity)]
    sums: dict[_Cell, dict[str, float]] = {}
    new = 0
    for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
        rows = [_to_row(one) for one in ordered[start : start + _ROWS_PER_STATEMENT]]
        statement = insert(connection, score).values(rows).on_conflict_do_nothing(index_elements=_IDENTITY)
        for row in connection.execute(statement.returning(*[score.c[name] for name in _IDENTITY])):
            new += 1
            _add_to_sums(sums, by_identity[tuple(row)], 1)
    _upsert(connection, sums)
    return new


def replace_scores(connection: sa.Connection, scores: Sequence[Score]) -> int:
    """Keep scores in the place of those that the same judge gave before; figures follow.

    Returns:
        How many were new or changed.
    """
    wanted = _index_by_identity(scores)
    sums: dict[_Cell, dict[str, float]] = {}
    changed = 0
    for identity in sorted(wanted):
        one = wanted[identity]
        if record_scores(connection, [one]):
            changed += 1
            continue
        where = sa.and_(*[score.c[name] == value for name, value in zip(_IDENTITY, identity, strict=True)])
        kept = _fetch_scores(connection, where)[0]
        if kept == one:
            continue
        connection.execute(sa.update(score).where(where).values(_to_row(one)))
        _add_to_sums(sums, kept, -1)
        _add_to_sums(sums, one, 1)
        changed += 1
    _upsert(connection, sums)
    return changed


def reweigh(connection: sa.Connection, *, application: str, trace_id: str, rate_ppm: int) -> None:
    """Count the scores of a sampled request with another probability: something was learnt about it later."""
    where = sa.and_(
        score.c.trace_id == trace_id,
        score.c.application == application,
        score.c.rate_ppm > 0,
        score.c.rate_ppm != rate_ppm,
    )
    sums: dict[_Cell, dict[str, float]] = {}
    for kept in _fetch_scores(connection, where):
        _add_to_sums(sums, kept, -1)
        _add_to_sums(sums, Score(**{**vars(kept), "rate_ppm": rate_ppm}), 1)
    if sums:
        connection.execute(sa.update(score).where(where).values(rate_ppm=rate_ppm))
        _upsert(connection, sums)


def fetch_trace_scores(connection: sa.Connection, trace_id: str) -> list[Score]:
    """Every score of one request, by metric and judge."""
    query = (
        sa.select(*[score.c[name] for name in _COLUMNS])
        .where(score.c.trace_id == trace_id)
        .order_by(score.c.metric, score.c.judge)
    )
    return [Score(**row) for row in connection.execute(query).mappings()]


def _index_by_identity(scores: Iterable[Score]) -> dict[tuple[Any, ...], Score]:
    return {tuple(getattr(one, name) for name in _IDENTITY): one for one in scores}


def _to_row(one: Score) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _COLUMNS}


def _fetch_scores(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Score]:
    query = sa.select(*[score.c[name] for name in _COLUMNS]).where(where).with_for_update()
    return [Score(**row) for row in connection.execute(query).mappings()]


def _add_to_sums(sums: dict[_Cell, dict[str, float]], one: Score, times: int) -> None:
    bucket = one.start_ns // NS_PER_HOUR
    key = (one.application, bucket, one.environment, one.release, one.metric, one.judge, one.rate_ppm)
    cell = sums.setdefault(key, dict.fromkeys(SUMS, 0))
    if one.value is None:
        cell["undefined"] += times
    else:
        cell["scored"] += times
        cell["value_sum"] += times * one.value
        cell["value_square_sum"] += times * one.value * one.value


def _upsert(connection: sa.Connection, sums: Mapping[_Cell, Mapping[str, float]]) -> None:
    """Add to the cells, in order of key so that concurrent writers cannot lock each other out."""
    if not sums:
        return
    statement = insert(connection, score_rollup_hour)
    statement = statement.on_conflict_do_update(
        index_elements=_KEYS,
        set_={name: score_rollup_hour.c[name] + statement.excluded[name] for name in SUMS},
    )
    connection.execute(
        statement, [dict(zip(_KEYS, key, strict=True)) | dict(sums[key]) for key in sorted(sums)]
    )
