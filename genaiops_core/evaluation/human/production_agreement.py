"""Agreement of judges with reviewers on production requests, by metric.

Requests are sampled with different probabilities. So the corrected mean is estimated within the requests of each
probability, and these estimates are weighted by the traffic that they represent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from db.tables.reviews import review
from genaiops_core.evaluation.human.agreement import DEFAULT_CUT, JudgeAgreement, Pair, coefficients
from genaiops_core.evaluation.human.label_metrics import LabelMatch, match_label
from genaiops_core.evaluation.human.reviews import JUDGE
from genaiops_core.statistics.intervals import Interval
from genaiops_core.statistics.prediction_powered import MIN_LABELS
from genaiops_core.statistics.prediction_powered_strata import Part, estimate
from genaiops_core.telemetry import scores
from genaiops_core.telemetry.rollups.cells import fetch_applications
from genaiops_core.telemetry.scores import Score
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.quality import Sums, estimate_population, read_quality, read_sums_by_rate

NOTE = (
    "Coefficients are of the reviewed requests, each counting once. The corrected mean assumes that, of the requests "
    "sampled with the same probability, those reviewed are a random sample."
)
_NO_SUMS = Sums(scored=0, undefined=0, value_sum=0.0, square_sum=0.0)


def read_production_agreement(
    connection: sa.Connection,
    filters: Filters,
    *,
    chosen: Mapping[str, str] | None = None,
    cuts: Mapping[str, float] | None = None,
) -> list[JudgeAgreement]:
    """Agreement of every judge with the finished reviews of the window, ordered by judge and metric.

    Args:
        connection: preferably a `reading` snapshot.
        filters: window, application, environment and release; `model` is not used.
        chosen: metric -> review criterion to compare it with; overrides the defaults of `label_metrics`.
        cuts: metric -> judge score from which a request counts as good; 0.5 for other metrics.
    """
    reviewed_scores = _read_reviewed_scores(connection, filters)
    human_scores: dict[str, dict[tuple[str, str], Any]] = defaultdict(dict)
    for row in reviewed_scores:
        if row.judge == JUDGE:
            human_scores[row.metric][row.application, row.trace_id] = row
    if not human_scores:
        return []
    sums, considered = read_sums_by_rate(connection, filters)
    raw = {
        (metric_quality.metric, metric_quality.judge): metric_quality
        for metric_quality in read_quality(connection, filters)
    }
    agreements = []
    for metric, judge in sorted(sums, key=lambda metric_and_judge: metric_and_judge[::-1]):
        label_match = match_label(metric, human_scores, chosen)
        is_scored = any(rate_sums.scored for rate_sums in sums[metric, judge].values())
        # Reviews are stored as scores of the judge `human`, which is not compared with itself.
        if judge == JUDGE or label_match is None or not is_scored:
            continue
        pairs = [
            (row, human_scores[label_match.label][row.application, row.trace_id])
            for row in reviewed_scores
            if (row.metric, row.judge) == (metric, judge)
            and (row.application, row.trace_id) in human_scores[label_match.label]
        ]
        quality = raw[metric, judge]
        interval = None
        if quality.mean is not None and quality.low is not None and quality.high is not None:
            interval = Interval(
                mean=quality.mean,
                low=quality.low,
                high=quality.high,
                n=quality.scored,
                method=quality.method,
            )
        agreements.append(
            _build_agreement(
                label_match, judge, pairs, sums[metric, judge], considered, interval, (cuts or {})
            )
        )
    return agreements


def _build_agreement(
    label_match: LabelMatch,
    judge: str,
    score_pairs: list[tuple[Any, Any]],
    sums: Mapping[int, Sums],
    considered: Mapping[int, int],
    raw: Interval | None,
    cuts: Mapping[str, float],
) -> JudgeAgreement:
    pairs = tuple(
        Pair(case=human_score.trace_id, judge=judge_score.value, human=human_score.value)
        for judge_score, human_score in score_pairs
    )
    by_rate: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for judge_score, human_score in score_pairs:
        by_rate[human_score.rate_ppm].append((judge_score.value, human_score.value))
    # Requests of a rate without any review are a part too, with an unknown mean.
    rates = sorted(set(by_rate) | set(considered))
    cut = cuts.get(label_match.metric, DEFAULT_CUT)
    return JudgeAgreement(
        judge=judge,
        metric=label_match.metric,
        label=label_match.label,
        why=label_match.why,
        labelled=len(pairs),
        judged=sum(judge_score.scored for judge_score in sums.values()),
        minimum=MIN_LABELS,
        **coefficients(pairs, cut=cut),
        cut=cut,
        raw=raw,
        corrected=estimate(
            [
                _build_part(rate, by_rate.get(rate, []), sums.get(rate, _NO_SUMS), considered)
                for rate in rates
            ],
            raw=raw.mean if raw else None,
        ),
        note=NOTE,
        pairs=pairs,
    )


def _build_part(
    rate: int, pairs: list[tuple[float, float]], sums: Sums, considered: Mapping[int, int]
) -> Part:
    """Requests of one sampling rate. Imported scores have no rate, so only the reviewed ones are counted."""
    if rate == 0:
        # A request that a user chose represents itself only.
        population, sums = float(len(pairs)), _NO_SUMS
    elif sums.scored:
        population = estimate_population(rate, sums, considered)
    else:
        population = float(considered.get(rate, len(pairs)))
    return Part(
        population=population,
        judge=[judge for judge, _ in pairs],
        human=[human for _, human in pairs],
        judged=sums.scored,
        value_sum=sums.value_sum,
        square_sum=sums.square_sum,
    )


def _read_reviewed_scores(connection: sa.Connection, filters: Filters) -> list[Score]:
    """Every score of the reviewed requests of the window."""
    names = [filters.application] if filters.application is not None else fetch_applications(connection)
    query = sa.select(review.c.trace_id).where(
        review.c.application.in_(names),
        review.c.start_ns >= filters.start_ns,
        review.c.start_ns < filters.end_ns,
        sa.not_(review.c.is_skipped),
    )
    traces = sorted(set(connection.execute(query).scalars()))
    return [
        score
        for score in scores.fetch_scores(connection, traces)
        if score.application in names and score.value is not None and _matches_filters(score, filters)
    ]


def _matches_filters(score: Score, filters: Filters) -> bool:
    return all(getattr(filters, name) in (None, getattr(score, name)) for name in ("environment", "release"))
