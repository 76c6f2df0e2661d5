"""Cached reads of comparisons: which runs another can be compared with, and how they differ."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import baselines, comparing
from genaiops_core.rollouts import rollouts
from pages.parts import reads
from pages.parts.reads import QUICK_S, SLOW_S, cached, snapshot


@cached(QUICK_S)
def candidates(url: str, id: str) -> list[runs.Evaluation]:
    """Finished runs of the same application, dataset and judge, newest first."""
    with snapshot(url) as connection:
        run = runs.get(connection, id)
        return baselines.candidates(
            connection, dataset=run.dataset, judge=run.judge, application=run.application, excluding=id
        )


@cached(SLOW_S)
def stable(url: str, application: str) -> str | None:
    """The release in production; None when there is none."""
    with snapshot(url) as connection:
        found = rollouts.status(connection, application) if application else []
    return found[0].stable if found else None


def production(url: str, *, application: str, dataset: str, judge: str) -> str:
    """The id of the run that a new one is compared with; '' when the release in production has none."""
    with snapshot(url) as connection:
        return baselines.chosen(
            connection,
            asked="",
            stages=None,
            dataset=dataset,
            judge=judge,
            application=application,
            stable=stable(url, application),
        )


@st.cache_data(ttl=600, max_entries=16, show_spinner="Comparing case by case")
def compared(
    url: str, baseline: str, current: str, max_degradation: float, method: str
) -> comparing.Compared:
    """How two finished runs differ; neither changes any more."""
    with snapshot(url) as connection:
        return comparing.compare_runs(
            connection, baseline, current, max_degradation=max_degradation, method=method
        )


reads.forgets("evaluations", candidates)
reads.forgets("rollouts", stable)
