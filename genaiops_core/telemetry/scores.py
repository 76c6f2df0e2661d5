"""Scores of production requests: one row each, summed by the hour; a changed score corrects the sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """One score of one production request."""

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
    """Sampling probability of the request in parts per million; 0 when the product did not sample it, so that the score
    has weight 1."""

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
    """Insert scores and roll up the new ones; a stored score changes nothing.

    Args:
        connection: of a `writing` transaction.
        scores: in any order.

    Returns:
        The number of new scores.
    """
    # Of several scores with one identity the first counts, as it would if they came one after the other.
    by_identity = _index_by_identity(reversed(scores))
    ordered = [by_identity[identity] for identity in sorted(by_identity)]
    sums: dict[_Cell, dict[str, float]] = {}
    new = 0
    for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
        rows = [_to_row(item) for item in ordered[start : start + _ROWS_PER_STATEMENT]]
        statement = insert(connection, score).values(rows).on_conflict_do_nothing(index_elements=_IDENTITY)
        for row in connection.execute(statement.returning(*[score.c[name] for name in _IDENTITY])):
            new += 1
            _add_to_sums(sums, by_identity[tuple(row)], 1)
    _upsert(connection, sums)
    return new


def replace_scores(connection: sa.Connection, scores: Sequence[Score]) -> int:
    """Insert scores, replacing earlier scores of the same metric and judge, and correct the sums.

    Returns:
        The number of new or changed scores.
    """
    by_identity = _index_by_identity(scores)
    sums: dict[_Cell, dict[str, float]] = {}
    changed = 0
    for identity in sorted(by_identity):
        current = by_identity[identity]
        # An insert is tried first: it waits for a concurrent writer of the same score, whose row is then replaced.
        if record_scores(connection, [current]):
            changed += 1
            continue
        where = sa.and_(*[score.c[name] == value for name, value in zip(_IDENTITY, identity, strict=True)])
        previous = _fetch_scores(connection, where)[0]
        if previous == current:
            continue
        connection.execute(sa.update(score).where(where).values(_to_row(current)))
        _add_to_sums(sums, previous, -1)
        _add_to_sums(sums, current, 1)
        changed += 1
    _upsert(connection, sums)
    return changed


def reweigh(connection: sa.Connection, *, application: str, trace_id: str, rate_ppm: int) -> None:
    """Change the sampling probability of a request's scores, which later spans may change."""
    where = sa.and_(
        score.c.trace_id == trace_id,
        score.c.application == application,
        score.c.rate_ppm > 0,
        score.c.rate_ppm != rate_ppm,
    )
    sums: dict[_Cell, dict[str, float]] = {}
    for previous in _fetch_scores(connection, where):
        _add_to_sums(sums, previous, -1)
        _add_to_sums(sums, Score(**{**vars(previous), "rate_ppm": rate_ppm}), 1)
    if sums:
        connection.execute(sa.update(score).where(where).values(rate_ppm=rate_ppm))
        _upsert(connection, sums)


def fetch_scores(connection: sa.Connection, trace_ids: Sequence[str]) -> Iterator[Score]:
    """The scores of some requests, in no order."""
    for start in range(0, len(trace_ids), _ROWS_PER_STATEMENT):
        chunk = trace_ids[start : start + _ROWS_PER_STATEMENT]
        query = sa.select(*[score.c[name] for name in _COLUMNS]).where(score.c.trace_id.in_(chunk))
        for row in connection.execute(query).mappings():
            yield Score(**row)


def fetch_trace_scores(connection: sa.Connection, trace_id: str) -> list[Score]:
    """Read every score of one request, sorted by metric and judge."""
    query = (
        sa.select(*[score.c[name] for name in _COLUMNS])
        .where(score.c.trace_id == trace_id)
        .order_by(score.c.metric, score.c.judge)
    )
    return [Score(**row) for row in connection.execute(query).mappings()]


def _index_by_identity(scores: Iterable[Score]) -> dict[tuple[Any, ...], Score]:
    return {tuple(getattr(item, name) for name in _IDENTITY): item for item in scores}


def _to_row(item: Score) -> dict[str, Any]:
    return {name: getattr(item, name) for name in _COLUMNS}


def _fetch_scores(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Score]:
    query = sa.select(*[score.c[name] for name in _COLUMNS]).where(where).with_for_update()
    return [Score(**row) for row in connection.execute(query).mappings()]


def _add_to_sums(sums: dict[_Cell, dict[str, float]], item: Score, times: int) -> None:
    bucket = item.start_ns // NS_PER_HOUR
    key = (item.application, bucket, item.environment, item.release, item.metric, item.judge, item.rate_ppm)
    cell = sums.setdefault(key, dict.fromkeys(SUMS, 0))
    if item.value is None:
        cell["undefined"] += times
    else:
        cell["scored"] += times
        cell["value_sum"] += times * item.value
        cell["value_square_sum"] += times * item.value * item.value


def _upsert(connection: sa.Connection, sums: Mapping[_Cell, Mapping[str, float]]) -> None:
    """Add to the cells in order of key, so that concurrent writers cannot deadlock."""
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
