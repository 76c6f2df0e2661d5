"""Cached reads of evaluations: a run while it goes on, its cases by page, and where its money went."""

from __future__ import annotations

import orjson
import streamlit as st

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.human import results
from genaiops_core.evaluation.runs import baselines, case_scores, comparing, figures, score_export
from genaiops_core.rollouts import rollouts
from pages.parts.reads.cache import QUICK_S, SLOW_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot


@cache_for(QUICK_S)
def list_evaluations(url: str, application: str | None) -> list[runs.Evaluation]:
    """Evaluations, newest first."""
    with open_snapshot(url) as connection:
        return runs.list_evaluations(connection, application)


def get_evaluation(url: str, identifier: str) -> runs.Evaluation:
    """One evaluation as it is now; not cached, because it is watched while it runs."""
    with open_snapshot(url) as connection:
        return runs.get(connection, identifier)


@cache_for(SLOW_S)
def find_evaluation_of_release(url: str, application: str, release: str) -> runs.Evaluation | None:
    """The newest evaluation of a release that came to a verdict, else the newest there is; None without any."""
    with open_snapshot(url) as connection:
        found = runs.list_evaluations(connection, application, release=release)
    return next((one for one in found if one.verdict), next(iter(found), None))


def read_running_means(url: str, id: str) -> list[figures.MetricProgress]:
    """Means as they are now; not cached, because they are watched while they change."""
    with open_snapshot(url) as connection:
        return figures.fetch_metric_progress(connection, id)


def count_failures(url: str, id: str) -> list[tuple[str, int]]:
    """Why units failed, the most frequent first, as it is now."""
    with open_snapshot(url) as connection:
        return figures.count_failures(connection, id)


@cache_for(SLOW_S)
def read_case_page(
    url: str,
    id: str,
    units_done: int,
    worst_by: str | None,
    is_high_worst: bool,
    only: str | None,
    limit: int,
    offset: int,
) -> case_scores.CasePage:
    """Some cases of a run; `units_done` tells an older answer from a newer one."""
    with open_snapshot(url) as connection:
        return case_scores.fetch_page(
            connection,
            id,
            worst_by=worst_by,
            is_high_worst=is_high_worst,
            only=only,
            limit=limit,
            offset=offset,
        )


@cache_for(SLOW_S)
def get_case_record(url: str, id: str, case_no: int, units_done: int) -> case_scores.CaseRecord:
    """One case of a run with what the judge said of it."""
    with open_snapshot(url) as connection:
        return case_scores.fetch_record(connection, id, case_no)


@cache_for(SLOW_S)
def break_down_spend(url: str, id: str, units_done: int) -> list[figures.MetricSpend]:
    """Calls, tokens and cost by metric."""
    with open_snapshot(url) as connection:
        return figures.fetch_metric_spend(connection, id)


def export_results(url: str, id: str) -> bytes:
    """The results document with every case; made only when somebody downloads it."""
    with open_snapshot(url) as connection:
        run = runs.get(connection, id)
        body = results.document(connection, run)
    return orjson.dumps(body, option=orjson.OPT_INDENT_2, default=str)


def export_cases(url: str, id: str) -> bytes:
    """The cases as a spreadsheet; made only when somebody downloads it."""
    with open_snapshot(url) as connection:
        return b"".join(score_export.write_csv(connection, id))


@cache_for(QUICK_S)
def list_baselines(url: str, id: str) -> list[runs.Evaluation]:
    """Finished runs of the same application, dataset and judge, newest first."""
    with open_snapshot(url) as connection:
        run = runs.get(connection, id)
        return baselines.list_candidates(
            connection, dataset=run.dataset, judge=run.judge, application=run.application, excluding=id
        )


@cache_for(SLOW_S)
def find_stable_release(url: str, application: str) -> str | None:
    """The release in production; None when there is none."""
    with open_snapshot(url) as connection:
        found = rollouts.status(connection, application) if application else []
    return found[0].stable if found else None


def find_production_baseline(url: str, *, application: str, dataset: str, judge: str) -> str:
    """The id of the run that a new one is compared with; '' when the release in production has none."""
    with open_snapshot(url) as connection:
        return baselines.choose_baseline(
            connection,
            requested="",
            stages=None,
            dataset=dataset,
            judge=judge,
            application=application,
            stable=find_stable_release(url, application),
        )


@st.cache_data(ttl=600, max_entries=16, show_spinner="Comparing case by case")
def compare_runs(
    url: str, baseline: str, current: str, max_degradation: float, method: str
) -> comparing.RunComparison:
    """How two finished runs differ; neither changes any more."""
    with open_snapshot(url) as connection:
        return comparing.compare_runs(
            connection, baseline, current, max_degradation=max_degradation, method=method
        )


register_reads(
    "evaluations",
    list_evaluations,
    list_baselines,
    find_evaluation_of_release,
    read_case_page,
    get_case_record,
    break_down_spend,
)
register_reads("rollouts", find_stable_release)
