"""Cached reads of evaluations: progress, cases by page, spend, exports and comparisons."""

from __future__ import annotations

import orjson
import streamlit as st

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import case_scores, comparison, results
from genaiops_core.releases import evaluation_results
from genaiops_core.rollouts import rollouts
from pages.parts.reads.cache import QUICK_S, SLOW_S, cache_for, register_reads
from pages.parts.reads.connection import open_snapshot


@cache_for(QUICK_S)
def list_evaluations(url: str, application: str | None) -> list[runs.Evaluation]:
    """Evaluations, newest first."""
    with open_snapshot(url) as connection:
        return runs.list_evaluations(connection, application)


def get_evaluation(url: str, identifier: str) -> runs.Evaluation:
    """The current state of one evaluation; not cached, because screens poll it while it runs."""
    with open_snapshot(url) as connection:
        return runs.get(connection, identifier)


@cache_for(SLOW_S)
def find_evaluation_of_release(url: str, application: str, release: str) -> runs.Evaluation | None:
    """The newest evaluation of a release with a verdict, else the newest; None without any."""
    with open_snapshot(url) as connection:
        evaluations = runs.list_evaluations(connection, application, release=release)
    return next(
        (evaluation for evaluation in evaluations if evaluation.verdict), next(iter(evaluations), None)
    )


def read_running_means(url: str, id: str) -> list[results.MetricProgress]:
    """The current mean of each metric; not cached, because screens poll it while an evaluation runs."""
    with open_snapshot(url) as connection:
        return results.fetch_metric_progress(connection, id)


def count_failures(url: str, id: str) -> list[tuple[str, int]]:
    """Failed units by reason, the most frequent first; not cached."""
    with open_snapshot(url) as connection:
        return results.count_failures(connection, id)


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
    """One page of cases; `units_done` is part of the cache key, so that progress shows at once."""
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
    """One case with its scores and the reasons of the judge."""
    with open_snapshot(url) as connection:
        return case_scores.fetch_case(connection, id, case_no)


@cache_for(SLOW_S)
def break_down_spend(url: str, id: str, units_done: int) -> list[results.MetricSpend]:
    """Model calls, tokens and cost by metric."""
    with open_snapshot(url) as connection:
        return results.fetch_metric_spend(connection, id)


def export_results(url: str, id: str) -> bytes:
    """The results document with every case, as JSON; built on download only."""
    with open_snapshot(url) as connection:
        run = runs.get(connection, id)
        body = evaluation_results.build_document(connection, run)
    return orjson.dumps(body, option=orjson.OPT_INDENT_2, default=str)


def export_cases(url: str, id: str) -> bytes:
    """The cases as CSV; built on download only."""
    with open_snapshot(url) as connection:
        return b"".join(case_scores.write_csv(connection, id))


@cache_for(QUICK_S)
def list_baselines(url: str, id: str) -> list[runs.Evaluation]:
    """Finished evaluations of the same application, dataset and judge, newest first."""
    with open_snapshot(url) as connection:
        run = runs.get(connection, id)
        return comparison.list_candidates(
            connection, dataset=run.dataset, judge=run.judge, application=run.application, excluding=id
        )


@cache_for(SLOW_S)
def find_stable_release(url: str, application: str) -> str | None:
    """The release in production; None when there is none."""
    with open_snapshot(url) as connection:
        status = rollouts.status(connection, application) if application else []
    return status[0].stable if status else None


def find_production_baseline(url: str, *, application: str, dataset: str, judge: str) -> str:
    """The id of the evaluation that a new one is compared with; '' when the release in production has none."""
    with open_snapshot(url) as connection:
        return comparison.choose_baseline(
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
) -> comparison.RunComparison:
    """The comparison of two finished evaluations, which never change."""
    with open_snapshot(url) as connection:
        return comparison.compare_runs(
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
