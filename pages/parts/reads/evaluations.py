"""Cached reads of evaluations: a run while it goes on, its cases by page, and where its money went."""

from __future__ import annotations

import orjson

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.human import results
from genaiops_core.evaluation.runs import case_scores, figures, score_export
from pages.parts import reads
from pages.parts.reads import SLOW_S, cached, snapshot


@cached(SLOW_S)
def of_release(url: str, application: str, release: str) -> runs.Evaluation | None:
    """The newest evaluation of a release that came to a verdict, else the newest there is; None without any."""
    with snapshot(url) as connection:
        found = runs.list_evaluations(connection, application, release=release)
    return next((one for one in found if one.verdict), next(iter(found), None))


def so_far(url: str, id: str) -> list[figures.MetricSoFar]:
    """Means as they are now; not cached, because they are watched while they change."""
    with snapshot(url) as connection:
        return figures.so_far(connection, id)


def failures(url: str, id: str) -> list[tuple[str, int]]:
    """Why units failed, the most frequent first, as it is now."""
    with snapshot(url) as connection:
        return figures.failures(connection, id)


@cached(SLOW_S)
def case_page(
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
    with snapshot(url) as connection:
        return case_scores.page(
            connection,
            id,
            worst_by=worst_by,
            is_high_worst=is_high_worst,
            only=only,
            limit=limit,
            offset=offset,
        )


@cached(SLOW_S)
def case_record(url: str, id: str, case_no: int, units_done: int) -> case_scores.CaseRecord:
    """One case of a run with what the judge said of it."""
    with snapshot(url) as connection:
        return case_scores.record(connection, id, case_no)


@cached(SLOW_S)
def spend(url: str, id: str, units_done: int) -> list[figures.MetricSpend]:
    """Calls, tokens and cost by metric."""
    with snapshot(url) as connection:
        return figures.spend(connection, id)


def results_json(url: str, id: str) -> bytes:
    """The results document with every case; made only when somebody downloads it."""
    with snapshot(url) as connection:
        run = runs.get(connection, id)
        body = results.document(connection, run)
    return orjson.dumps(body, option=orjson.OPT_INDENT_2, default=str)


def cases_csv(url: str, id: str) -> bytes:
    """The cases as a spreadsheet; made only when somebody downloads it."""
    with snapshot(url) as connection:
        return b"".join(score_export.write_csv(connection, id))


reads.forgets("evaluations", of_release, case_page, case_record, spend)
