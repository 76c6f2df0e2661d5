"""Cached reads of releases, of requests for their approval and of prompts."""

from __future__ import annotations

from genaiops_core.releases import approvals, prompts, releases
from pages.parts.reads.cache import SLOW_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot


@cache_for(SLOW_S)
def list_releases(url: str, application: str | None) -> list[releases.Release]:
    """Releases, newest first."""
    with open_snapshot(url) as connection:
        return releases.list_releases(connection, application)


@cache_for(SLOW_S)
def list_pending_approvals(url: str) -> list[approvals.Approval]:
    """Requests for approval that have no decision."""
    with open_snapshot(url) as connection:
        return approvals.pending(connection)


@cache_for(SLOW_S)
def list_approvals(url: str, application: str, release: str) -> list[approvals.Approval]:
    """Every request and decision on one release."""
    with open_snapshot(url) as connection:
        return approvals.history(connection, application, release)


@cache_for(SLOW_S)
def list_prompts(url: str, application: str | None) -> list[prompts.PromptVersion]:
    """Prompt versions of one application, or of all."""
    with open_snapshot(url) as connection:
        return prompts.list_prompts(connection, application)


register_reads("releases", list_releases, list_pending_approvals, list_approvals)
register_reads("prompts", list_prompts)
# A rollout or a rollback changes the state of a release.
register_reads("rollouts", list_releases)
register_reads("incidents", list_releases)
