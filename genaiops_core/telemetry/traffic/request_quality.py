"""Quality of the requests of a window to the minute, because the hourly rollups of `quality` are too coarse for a watch."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa

from db.tables.reviews import sample
from db.tables.telemetry import request, score
from genaiops_core.telemetry.sampling.policy import PPM
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import MetricQuality, Sums, estimate_metric


def read_request_quality(connection: sa.Connection, filters: Filters, requests: int) -> list[MetricQuality]:
    """Each metric by each judge over the requests that started in the window, in order of name.

    The read uses the index of requests, so its time grows with the traffic. Use it for windows of minutes.

    Args:
        connection: best a `reading` snapshot.
        filters: the window with an application and a release.
        requests: number of requests in the window; the requests that were always sampled are subtracted from it.
    """
    in_window = (
        request.c.application == filters.application,
        request.c.release == filters.release,
        request.c.start_ns >= filters.start_ns,
        request.c.start_ns < filters.end_ns,
    )
    scores = _read_sums_by_rate(connection, in_window)
    rates = {rate for by_rate in scores.values() for rate in by_rate}
    considered = _count_considered_by_rate(connection, in_window, requests, rates) if any(rates) else {}
    return [
        estimate_metric(metric, judge, scores[metric, judge], considered) for metric, judge in sorted(scores)
    ]


def _read_sums_by_rate(
    connection: sa.Connection, in_window: tuple[sa.ColumnElement[bool], ...]
) -> dict[tuple[str, str], dict[int, Sums]]:
    of_request = sa.and_(score.c.trace_id == request.c.trace_id, score.c.application == request.c.application)
    columns = (score.c.metric, score.c.judge, score.c.rate_ppm)
    rows = connection.execute(
        sa.select(
            *columns,
            sa.func.count(),
            sa.func.count(score.c.value),
            sa.func.sum(score.c.value),
            sa.func.sum(score.c.value * score.c.value),
        )
        .select_from(request)
        .join(score, of_request)
        .where(*in_window)
        .group_by(*columns)
    )
    sums: dict[tuple[str, str], dict[int, Sums]] = defaultdict(dict)
    for metric, judge, rate, count, scored, value_sum, square_sum in rows:
        sums[metric, judge][rate] = Sums(
            scored=scored,
            undefined=count - scored,
            value_sum=float(value_sum or 0),
            square_sum=float(square_sum or 0),
        )
    return sums


def _count_considered_by_rate(
    connection: sa.Connection,
    in_window: tuple[sa.ColumnElement[bool], ...],
    requests: int,
    scored_rates: set[int],
) -> dict[int, int]:
    """Number of requests by sampling rate in millionths. A request without a row in `sample` had the base rate."""
    of_request = sa.and_(
        sample.c.trace_id == request.c.trace_id, sample.c.application == request.c.application
    )
    rows = connection.execute(
        sa.select(sample.c.rate_ppm, sa.func.count())
        .select_from(request)
        .join(sample, of_request)
        .where(*in_window, sample.c.rate_ppm > 0)
        .group_by(sample.c.rate_ppm)
    )
    sampled = {rate: int(count) for rate, count in rows}
    # `requests` was read from rollups, which count a request only when its root span arrives.
    certain = min(requests, sampled.get(PPM, 0))
    # The base rate rarely changes within minutes, so the highest one is used for all requests without a reason. When
    # no such request was chosen, they are counted at rate 0, which has no scores: their quality is unknown.
    base_rate = max((rate for rate in {*sampled, *scored_rates} if 0 < rate < PPM), default=0)
    return {PPM: certain, base_rate: requests - certain}
