"""Scores of production requests: kept row by row, rolled up by the hour, read as means with intervals."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from db.tables.telemetry import score, score_rollup_hour
from db.transaction import insert
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.cells import applications
from genaiops_core.telemetry.filters import Filters, from_minute
from genaiops_core.telemetry.plan import MINUTES_A_DAY, MINUTES_AN_HOUR

CONFIDENCE = 0.95
STEPS: Mapping[str, int] = {"1h": MINUTES_AN_HOUR, "6h": 6 * MINUTES_AN_HOUR, "1d": MINUTES_A_DAY}
"""Steps of a series by name, in minutes; scores roll up by the hour, so nothing is finer."""

_NS_AN_HOUR = 3_600_000_000_000
_ROWS_A_STATEMENT = 500


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

    def __post_init__(self) -> None:
        # NaN fails both comparisons.
        if self.value is not None and not 0.0 <= self.value <= 1.0:
            raise BadInput(
                f"The score {self.metric} of trace {self.trace_id} is {self.value}; give a number from 0 to 1, or none."
            )


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean of values in [0, 1] with a 95 % confidence interval."""

    mean: float | None
    """None when nothing was scored."""
    low: float | None
    """None when fewer than two values say nothing about their spread."""
    high: float | None
    method: str
    """How the interval was made, for a footnote."""


@dataclass(frozen=True, kw_only=True)
class MetricQuality:
    """One metric by one judge over a window."""

    metric: str
    judge: str
    mean: float | None
    low: float | None
    high: float | None
    method: str
    scored: int
    """How many requests have a value: the n of the interval."""
    undefined: int
    """How many were judged but have none."""


@dataclass(frozen=True, kw_only=True)
class QualityPoint:
    """One metric by one judge in one step of a series."""

    start: dt.datetime
    key: str | None
    """The value of the dimension asked for with `by`."""
    quality: MetricQuality


def record_scores(connection: sa.Connection, scores: Sequence[Score]) -> int:
    """Keep scores and roll up those that are new; a score told again changes nothing.

    Args:
        connection: of a `writing` transaction.
        scores: in any order.

    Returns:
        How many were new.
    """
    by_identity = {(one.trace_id, one.metric, one.judge, one.application): one for one in reversed(scores)}
    ordered = [by_identity[identity] for identity in sorted(by_identity)]
    identity = (score.c.trace_id, score.c.metric, score.c.judge, score.c.application)
    sums: dict[_Cell, dict[str, float]] = {}
    new = 0
    for start in range(0, len(ordered), _ROWS_A_STATEMENT):
        rows = [
            {c.name: getattr(one, c.name) for c in score.c if c.name != "id"}
            for one in ordered[start : start + _ROWS_A_STATEMENT]
        ]
        statement = insert(connection, score).values(rows).on_conflict_do_nothing(index_elements=identity)
        for row in connection.execute(statement.returning(*identity)):
            new += 1
            _add(sums, by_identity[tuple(row)])
    _upsert(connection, sums)
    return new


def quality_summary(connection: sa.Connection, filters: Filters) -> list[MetricQuality]:
    """Each metric by each judge over the window, in order of name.

    The window is widened to whole hours. Scores belong to requests, not to models: `filters.model` is not used.
    """
    return [quality for _, _, quality in _read(connection, filters, by=None, step_minutes=None)]


def quality_by(
    connection: sa.Connection, filters: Filters, by: str
) -> list[tuple[str | None, MetricQuality]]:
    """Each metric by each judge for each value of application, environment or release.

    Raises:
        BadInput: another dimension.
    """
    return [(key, quality) for _, key, quality in _read(connection, filters, by=by, step_minutes=None)]


def quality_series(
    connection: sa.Connection, filters: Filters, step: str | None = None, by: str | None = None
) -> list[QualityPoint]:
    """Each metric by each judge over time; steps without scores have no point.

    Args:
        connection: best a `reading` snapshot.
        filters: the window, widened to whole hours.
        step: one of `STEPS`; None for an hour up to 8 days and a day beyond.
        by: application, environment or release, for a series each.

    Raises:
        BadInput: an unknown step or dimension.
    """
    step = step or ("1h" if filters.end - filters.start <= dt.timedelta(days=8) else "1d")
    if step not in STEPS:
        raise BadInput(f"There is no step '{step}' for quality; use one of {', '.join(STEPS)}.")
    rows = _read(connection, filters, by=by, step_minutes=STEPS[step])
    return [
        QualityPoint(start=from_minute(number * STEPS[step]), key=key, quality=quality)
        for number, key, quality in rows
    ]


def interval(n: int, value_sum: float, square_sum: float) -> Interval:
    """The mean of n values in [0, 1] and its two-sided 95 % interval, from their sums.

    Student's t interval, cut to [0, 1]. Where all values are equal the spread they show is none, and t would claim
    certainty: then the Wilson score interval (JASA 22, 1927) of a share with this mean, the most spread that values
    in [0, 1] can have. Both are for a fixed n: who looks again and again until one excludes a value will find it.

    Args:
        n: how many values.
        value_sum: their sum.
        square_sum: the sum of their squares.
    """
    if n == 0:
        return Interval(mean=None, low=None, high=None, method="no scores")
    mean = min(1.0, max(0.0, value_sum / n))
    if n == 1:
        return Interval(mean=mean, low=None, high=None, method="one score, no interval")
    # The difference of two sums; rounding can leave a little, also below zero.
    deviations = square_sum - n * mean * mean
    if deviations <= 1e-9 * n:
        low, high = _wilson(mean, n)
        return Interval(mean=mean, low=low, high=high, method="Wilson score (all values equal)")
    half = _t_quantile(n - 1) * math.sqrt(deviations / (n - 1) / n)
    return Interval(mean=mean, low=max(0.0, mean - half), high=min(1.0, mean + half), method="Student's t")


def _t_quantile(degrees_of_freedom: int) -> float:
    # Imported at first use: it takes 200 ms and 20 MB that an API which only takes traces in can do without.
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, (1 + CONFIDENCE) / 2))


def _wilson(mean: float, n: int) -> tuple[float, float]:
    z = 1.959963984540054
    centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


_KEYS = ("application", "bucket", "environment", "release", "metric", "judge")
_SUMS = ("scored", "undefined", "value_sum", "value_square_sum")

_Cell = tuple[str, int, str, str, str, str]
"""The key of a cell of `score_rollup_hour`, in the order of `_KEYS`."""


def _add(sums: dict[_Cell, dict[str, float]], one: Score) -> None:
    key = (one.application, one.start_ns // _NS_AN_HOUR, one.environment, one.release, one.metric, one.judge)
    cell = sums.setdefault(key, dict.fromkeys(_SUMS, 0))
    if one.value is None:
        cell["undefined"] += 1
    else:
        cell["scored"] += 1
        cell["value_sum"] += one.value
        cell["value_square_sum"] += one.value * one.value


def _upsert(connection: sa.Connection, sums: Mapping[_Cell, Mapping[str, float]]) -> None:
    """Add to the cells, in order of key so that concurrent writers cannot lock each other out."""
    if not sums:
        return
    statement = insert(connection, score_rollup_hour)
    statement = statement.on_conflict_do_update(
        index_elements=_KEYS,
        set_={name: score_rollup_hour.c[name] + statement.excluded[name] for name in _SUMS},
    )
    connection.execute(
        statement, [dict(zip(_KEYS, key, strict=True)) | dict(sums[key]) for key in sorted(sums)]
    )


def _read(
    connection: sa.Connection, filters: Filters, *, by: str | None, step_minutes: int | None
) -> list[tuple[int, str | None, MetricQuality]]:
    """(step number or 0, key, quality), in that order."""
    if by is not None and by not in ("application", "environment", "release"):
        raise BadInput(f"Scores cannot be split by '{by}'; use application, environment or release.")
    cells = score_rollup_hour.c
    step: sa.ColumnElement[int] = sa.literal_column("0", sa.Integer)
    if step_minutes is not None:
        step = cells.bucket // sa.literal_column(str(step_minutes // MINUTES_AN_HOUR), sa.Integer)
    key = cells[by] if by else sa.literal_column("''", sa.String)
    columns = [step.label("step"), key.label("split"), cells.metric, cells.judge]
    names = [filters.application] if filters.application is not None else applications(connection)
    narrowed = {"environment": filters.environment, "release": filters.release}
    rows = connection.execute(
        sa.select(*columns, *[sa.func.sum(cells[name]) for name in _SUMS])
        .where(
            cells.application.in_(names),
            cells.bucket >= filters.start_minute // MINUTES_AN_HOUR,
            cells.bucket < -(-filters.end_minute // MINUTES_AN_HOUR),
            *[cells[name] == value for name, value in narrowed.items() if value is not None],
        )
        .group_by(sa.text("1"), sa.text("2"), cells.metric, cells.judge)
    )
    found = [
        (number, split or None, _quality(metric, judge, int(scored), int(undefined), value_sum, square_sum))
        for number, split, metric, judge, scored, undefined, value_sum, square_sum in rows
    ]
    return sorted(found, key=lambda row: (row[0], row[1] is None, row[1] or "", row[2].metric, row[2].judge))


def _quality(
    metric: str, judge: str, scored: int, undefined: int, value_sum: float, square_sum: float
) -> MetricQuality:
    found = interval(scored, value_sum, square_sum)
    return MetricQuality(
        metric=metric,
        judge=judge,
        mean=found.mean,
        low=found.low,
        high=found.high,
        method=found.method,
        scored=scored,
        undefined=undefined,
    )
