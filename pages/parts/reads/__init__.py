"""Cached reads: each function opens one read-only snapshot and calls one function of the core.

Answers are kept for seconds, keyed by the database URL and the arguments, and dropped at once by whoever writes
(`changed`). What is cached holds no secret of one visitor: everyone who may see the console may see all of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import sqlalchemy as sa
import streamlit as st

from db.engine import make_engine
from db.migrate import SchemaStatus, status, upgrade
from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.evaluation import datasets, runs
from genaiops_core.jobs import heartbeat
from genaiops_core.releases import approvals, prompts, releases
from genaiops_core.rollbacks import incidents, procedure
from genaiops_core.rollouts import rollouts
from genaiops_core.telemetry import demo_applications as marks
from genaiops_core.telemetry.figures import Figures
from genaiops_core.telemetry.rollups.applications import Known
from genaiops_core.telemetry.search import trace_list
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import quality, queries, series

Engine = sa.Engine
"""What use cases want; screens only hand it on."""

DATABASE_ERRORS = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.ProgrammingError,
    sa.exc.DatabaseError,
)
"""What a read raises when the database is away, locked or of another schema."""

SLOW_S = 30
"""For what changes only by our own writes: those clear it themselves, others' writes show within this time."""
STEADY_S = 10
"""For figures over a window."""
QUICK_S = 2
"""For panels that refresh by themselves."""

Read = TypeVar("Read", bound=Callable[..., Any])


def cached(ttl_s: int) -> Callable[[Read], Read]:
    """Keep what a read answers for `ttl_s` seconds."""
    return st.cache_data(ttl=ttl_s, max_entries=256, show_spinner=False)


@st.cache_resource(show_spinner=False, on_release=sa.Engine.dispose)
def engine(url: str) -> sa.Engine:
    """The database of this process, brought to the current schema once."""
    opened = make_engine(url)
    upgrade(opened)
    return opened


def snapshot(url: str) -> AbstractContextManager[sa.Connection]:
    """A read-only view of the database, for one call of the core."""
    return reading(engine(url))


@cached(SLOW_S)
def known(url: str) -> Known:
    """What the filters offer."""
    with snapshot(url) as connection:
        return trace_list.known(connection)


@cached(SLOW_S)
def demo_applications(url: str) -> frozenset[str]:
    """Applications that the demo wrote."""
    with snapshot(url) as connection:
        return marks.demo_applications(connection)


def is_demo(url: str, application: str | None) -> bool:
    """Whether what is shown (one application, or all of them) has anything made up in it."""
    demo = demo_applications(url)
    return bool(demo) if application is None else application in demo


@cached(STEADY_S)
def summary(url: str, filters: Filters) -> Figures:
    """The figures of a window."""
    with snapshot(url) as connection:
        return queries.summary(connection, filters)


@cached(STEADY_S)
def breakdown(url: str, filters: Filters, by: tuple[str, ...]) -> list[queries.Row]:
    """The figures of a window, a row for each combination of `by`."""
    with snapshot(url) as connection:
        return queries.breakdown(connection, filters, by)


@cached(STEADY_S)
def over_time(
    url: str, filters: Filters, by: str | None = None, step: str | None = None
) -> list[series.Point]:
    """The figures of a window, step by step."""
    with snapshot(url) as connection:
        return series.series(connection, filters, step, by)


@cached(QUICK_S)
def live_over_time(url: str, filters: Filters, by: str) -> list[series.Point]:
    """The figures of a window step by step, for panels that refresh by themselves."""
    with snapshot(url) as connection:
        return series.series(connection, filters, None, by)


@cached(STEADY_S)
def quality_summary(url: str, filters: Filters) -> list[quality.MetricQuality]:
    """Each metric by each judge over a window."""
    with snapshot(url) as connection:
        return quality.quality_summary(connection, filters)


@cached(STEADY_S)
def quality_by(url: str, filters: Filters, by: str) -> list[tuple[str | None, quality.MetricQuality]]:
    """Each metric by each judge, for each value of a dimension."""
    with snapshot(url) as connection:
        return quality.quality_by(connection, filters, by)


@cached(STEADY_S)
def quality_over_time(url: str, filters: Filters, by: str | None = None) -> list[quality.QualityPoint]:
    """Each metric by each judge, step by step."""
    with snapshot(url) as connection:
        return quality.quality_series(connection, filters, None, by)


@cached(SLOW_S)
def list_datasets(url: str) -> list[datasets.Dataset]:
    """Datasets, each with its newest version."""
    with snapshot(url) as connection:
        return datasets.list_datasets(connection)


@cached(SLOW_S)
def list_versions(url: str, name: str) -> list[datasets.DatasetVersion]:
    """Versions of one dataset, newest first."""
    with snapshot(url) as connection:
        return datasets.list_versions(connection, name)


@cached(QUICK_S)
def list_evaluations(url: str, application: str | None) -> list[runs.Evaluation]:
    """Evaluations, newest first."""
    with snapshot(url) as connection:
        return runs.list_evaluations(connection, application)


def get_evaluation(url: str, identifier: str) -> runs.Evaluation:
    """One evaluation as it is now; not cached, because it is watched while it runs."""
    with snapshot(url) as connection:
        return runs.get(connection, identifier)


@cached(SLOW_S)
def schema_status(url: str) -> SchemaStatus:
    """Which migration the database is at, and which one this program brings."""
    return status(engine(url))


def database_kind(url: str) -> str:
    """Which database this is, as people call it."""
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(
        sa.make_url(url).get_backend_name(), "unknown"
    )


def shown_url(url: str) -> str:
    """The address without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def worker_beat(url: str) -> dt.datetime | None:
    """The last sign of life of any worker."""
    with snapshot(url) as connection:
        return heartbeat.latest(connection)


def is_worker_alive(url: str) -> bool:
    """Whether some worker can take up what is queued."""
    with snapshot(url) as connection:
        return heartbeat.is_beating(connection, now())


@cached(SLOW_S)
def list_releases(url: str, application: str | None) -> list[releases.Release]:
    """Releases, newest first."""
    with snapshot(url) as connection:
        return releases.list_releases(connection, application)


@cached(SLOW_S)
def pending_approvals(url: str) -> list[approvals.Approval]:
    """Requests for approval that nobody has decided."""
    with snapshot(url) as connection:
        return approvals.pending(connection)


@cached(SLOW_S)
def approval_history(url: str, application: str, release: str) -> list[approvals.Approval]:
    """Every request and decision on one release."""
    with snapshot(url) as connection:
        return approvals.history(connection, application, release)


@cached(SLOW_S)
def list_prompts(url: str, application: str | None) -> list[prompts.PromptVersion]:
    """Prompt versions of one application, or of all."""
    with snapshot(url) as connection:
        return prompts.list_prompts(connection, application)


@cached(QUICK_S)
def rollout_status(url: str) -> list[rollouts.Rollout]:
    """Where each application that has a stable release stands."""
    with snapshot(url) as connection:
        return rollouts.status(connection)


@cached(QUICK_S)
def rollout_history(url: str, application: str) -> list[dict[str, Any]]:
    """Every rollout of an application, newest first."""
    with snapshot(url) as connection:
        return rollouts.history(connection, application)


@cached(QUICK_S)
def live_quality(url: str, filters: Filters) -> list[quality.QualityPoint]:
    """Scores by release over the last hours, for panels that refresh by themselves."""
    with snapshot(url) as connection:
        return quality.quality_series(connection, filters, "1h", "release")


@cached(QUICK_S)
def list_incidents(url: str, application: str | None, state: str | None) -> list[incidents.Incident]:
    """Incidents, newest first."""
    with snapshot(url) as connection:
        return incidents.list_incidents(connection, application, state)


@cached(QUICK_S)
def list_rollbacks(url: str, application: str | None) -> list[procedure.Rollback]:
    """Rollbacks, newest first."""
    with snapshot(url) as connection:
        return procedure.list_rollbacks(connection, application)


@cached(SLOW_S)
def audit_entries(
    url: str,
    application: str | None,
    actor: str | None,
    action: str | None,
    before_sequence: int | None,
    limit: int,
) -> list[audit.AuditEntry]:
    """Audit entries, newest first."""
    with snapshot(url) as connection:
        return audit.entries(
            connection,
            application=application,
            actor=actor,
            action=action,
            before_sequence=before_sequence,
            limit=limit,
        )


@cached(STEADY_S)
def read_at(url: str, *subject: Any) -> dt.datetime:
    """When the figures of `subject` were read: kept exactly as long as they are."""
    return now()


_BY_SUBJECT: dict[str, list[Any]] = {
    "releases": [list_releases, pending_approvals, approval_history, audit_entries],
    "datasets": [list_datasets, list_versions, audit_entries],
    "evaluations": [list_evaluations, audit_entries],
    "prompts": [list_prompts, audit_entries],
    "rollouts": [rollout_status, rollout_history, list_releases, audit_entries],
    "incidents": [
        list_incidents,
        list_rollbacks,
        rollout_status,
        rollout_history,
        list_releases,
        audit_entries,
    ],
}


def forgets(subject: str, *reads: Any) -> None:
    """Reads that a write about `subject` makes old; for modules beside this one."""
    _BY_SUBJECT.setdefault(subject, []).extend(reads)


def changed(*subjects: str) -> None:
    """Forget what a write has made old."""
    for subject in subjects:
        for read in _BY_SUBJECT[subject]:
            read.clear()
