"""Which finished run another one is compared with.

Runs are comparable when the same judge scored the same dataset (any version of it: cases are matched by their input).
Which release is in production is known above this floor, so whoever launches a run says it.
"""

from __future__ import annotations

import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.runs import records
from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.evaluation.verdicts.pipeline import PRODUCTION, Pipeline

_PRODUCTION_PREFIX = f"{PRODUCTION}_"


def list_candidates(
    connection: sa.Connection, *, dataset: str, judge: str, application: str, excluding: str = ""
) -> list[Evaluation]:
    """Finished runs that a run of this dataset and judge can be compared with, newest first."""
    return [
        run
        for run in records.list_evaluations(connection, application, dataset=dataset)
        if run.state == "finished" and run.judge == judge and run.id != excluding
    ]


def find_release_baseline(
    connection: sa.Connection,
    *,
    dataset: str,
    judge: str,
    application: str,
    release: str,
    excluding: str = "",
) -> Evaluation | None:
    """The newest finished run of a release on this dataset by this judge.

    With `release` the stable one, it is the production baseline.
    """
    evaluations = records.list_evaluations(connection, application, release=release, dataset=dataset)
    return next(
        (run for run in evaluations if run.state == "finished" and run.judge == judge and run.id != excluding), None
    )


def choose_baseline(
    connection: sa.Connection,
    *,
    requested: str,
    stages: Pipeline | None,
    dataset: str,
    judge: str,
    application: str,
    stable: str | None,
) -> str:
    """The id of the baseline that a run is launched with; '' when there is none, or its stages name others.

    A stage that names a release of production (`production_v1.2.0`) which was never evaluated gets the release that is
    in production now, and its gates say so. One that names a release by itself (`v1.2.0`) is taken by its word.

    Args:
        connection: a `reading` snapshot.
        asked: id of an evaluation, `production`, or '' for what the stages say, which is production by default.
        stages: the pipeline that will decide, if any.
        dataset, judge, application: of the run.
        stable: the release in production (`rollouts.status`), None when there is none.

    Raises:
        NotFound: there is no such evaluation.
        BadInput: it has not finished.
    """
    if requested and requested != PRODUCTION:
        run = records.get_evaluation(connection, requested)
        if run.state != "finished":
            raise BadInput(f"Evaluation {requested} is {run.state}; only a finished one can be a baseline.")
        return run.id
    if stable is None:
        return ""

    def find_newest(release: str) -> Evaluation | None:
        return find_release_baseline(connection, dataset=dataset, judge=judge, application=application, release=release)

    names = (
        {stage.compare_against for stage in stages.stages} - {None, PRODUCTION}
        if stages and not requested
        else set()
    )
    for name in names:
        if name and (not name.startswith(_PRODUCTION_PREFIX) or any(map(find_newest, _list_release_names(name)))):
            return ""
    evaluation = find_newest(stable)
    return evaluation.id if evaluation else ""


def find_named_baseline(connection: sa.Connection, run: Evaluation, release: str) -> Evaluation | None:
    """What a stage's `compare_against` means for a run, where it was launched without a baseline.

    `production_v1.2.0` names release v1.2.0 as it runs in production; a release of that very name goes first.
    """
    for name in _list_release_names(release):
        evaluation = find_release_baseline(
            connection,
            dataset=run.dataset,
            judge=run.judge,
            application=run.application,
            release=name,
            excluding=run.id,
        )
        if evaluation is not None:
            return evaluation
    return None


def is_same_release(compare_against: str, release: str) -> bool:
    """Whether a stage's `compare_against` means this release; `production` means whichever it is."""
    return compare_against == PRODUCTION or release in _list_release_names(compare_against)


def _list_release_names(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((name, name.removeprefix(_PRODUCTION_PREFIX))))
