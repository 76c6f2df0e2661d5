"""The figures of one release over the last minutes, for policies and incidents."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from genaiops_core.rollbacks.mean_quality import mean_quality
from genaiops_core.rollbacks.policy_metrics import PolicyFigures, policy_figures
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries
from genaiops_core.telemetry.traffic.request_quality import read_request_quality


@dataclass(frozen=True, kw_only=True)
class Observation(PolicyFigures):
    """One release over one window."""

    application: str
    release: str
    variant: str  # canary or stable
    window_min: int

    def as_json(self) -> dict[str, Any]:
        """The release and its figures under the names that policies use."""
        return {"release": self.release, **self.figures_json()}


def observe(
    connection: sa.Connection,
    *,
    application: str,
    release: str,
    variant: str,
    now: dt.datetime,
    window_min: int,
    with_quality: bool = True,
) -> Observation:
    """Measure `release` over the `window_min` minutes before `now`, widened to whole minutes.

    Scores are read over their requests, which is slower than all other reads together; without `with_quality` they
    are not read.
    """
    filters = Filters(
        start=now - dt.timedelta(minutes=window_min), end=now, application=application, release=release
    ).extend_to_minutes()
    figures = queries.read_summary(connection, filters)
    metrics = read_request_quality(connection, filters, figures.requests) if with_quality else []
    return Observation(
        application=application,
        release=release,
        variant=variant,
        window_min=window_min,
        **vars(policy_figures(figures, mean_quality(metrics))),
    )
