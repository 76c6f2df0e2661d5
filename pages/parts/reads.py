"""Cached reads: each function opens one read-only snapshot and calls one function of the core.

Answers are kept for seconds, keyed by the database URL and the arguments, and dropped at once by whoever writes
(`changed`). What is cached holds no secret of one visitor: everyone who may see the console may see all of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
import streamlit as st

from db.engine import make_engine
from db.migrate import upgrade
from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.releases import approvals, prompts, releases
from genaiops_core.rollouts import rollouts

SLOW_S = 30
"""For what changes only by our own writes: those clear it themselves, others' writes show within this time."""
STEADY_S = 10
"""For figures over a window."""
QUICK_S = 2
"""For panels that refresh by themselves."""

Read = TypeVar("Read", bound=Callable[..., Any])


def _cached(ttl_s: int) -> Callable[[Read], Read]:
    return st.cache_data(ttl=ttl_s, max_entries=256, show_spinner=False)


@st.cache_resource(show_spinner=False)
def engine(url: str) -> sa.Engine:
    """The database of this process, brought to the current schema once."""
    opened = make_engine(url)
    upgrade(opened)
    return opened


@_cached(SLOW_S)
def list_releases(url: str, application: str | None) -> list[releases.Release]:
    """Releases, newest first."""
    with reading(engine(url)) as connection:
        return releases.list_releases(connection, application)


@_cached(SLOW_S)
def pending_approvals(url: str) -> list[approvals.Approval]:
    """Requests for approval that nobody has decided."""
    with reading(engine(url)) as connection:
        return approvals.pending(connection)


@_cached(SLOW_S)
def approval_history(url: str, application: str, release: str) -> list[approvals.Approval]:
    """Every request and decision on one release."""
    with reading(engine(url)) as connection:
        return approvals.history(connection, application, release)


@_cached(SLOW_S)
def list_prompts(url: str, application: str | None) -> list[prompts.PromptVersion]:
    """Prompt versions of one application, or of all."""
    with reading(engine(url)) as connection:
        return prompts.list_prompts(connection, application)


@_cached(QUICK_S)
def rollout_status(url: str) -> list[rollouts.Rollout]:
    """Where each application that has a stable release stands."""
    with reading(engine(url)) as connection:
        return rollouts.status(connection)


@_cached(SLOW_S)
def audit_entries(
    url: str,
    application: str | None,
    actor: str | None,
    action: str | None,
    before_sequence: int | None,
    limit: int,
) -> list[audit.AuditEntry]:
    """Audit entries, newest first."""
    with reading(engine(url)) as connection:
        return audit.entries(
            connection,
            application=application,
            actor=actor,
            action=action,
            before_sequence=before_sequence,
            limit=limit,
        )


@_cached(STEADY_S)
def read_at(url: str, *subject: Any) -> dt.datetime:
    """When the figures of `subject` were read: kept exactly as long as they are."""
    return now()


_BY_SUBJECT: dict[str, Sequence[Any]] = {
    "releases": (list_releases, pending_approvals, approval_history, audit_entries),
    "prompts": (list_prompts, audit_entries),
    "rollouts": (rollout_status, list_releases, audit_entries),
}


def changed(*subjects: str) -> None:
    """Forget what a write has made old."""
    for subject in subjects:
        for read in _BY_SUBJECT[subject]:
            read.clear()
