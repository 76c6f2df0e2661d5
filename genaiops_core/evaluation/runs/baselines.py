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

_OF_PRODUCTION = f"{PRODUCTION}_"


def candidates(
    connection: sa.Connection, *, dataset: str, judge: str, application: str, excluding: str = ""
) -> list[Evaluation]:
    """Finished runs that a run of this dataset and judge can be compared with, newest first."""
    return [
        run
        for run in records.list_evaluations(connection, application, dataset=dataset)
        if run.state == "finished" and run.judge == judge and run.id != excluding
    ]


def of_release(
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
    found = records.list_evaluations(connection, application, release=release, dataset=dataset)
    return next(
        (run for run in found if run.state == "finished" and run.judge == judge and run.id != excluding), None
    )


def chosen(
    connection: sa.Connection,
    *,
    asked: str,
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
    if asked and asked != PRODUCTION:
        run = records.get_evaluation(connection, asked)
        if run.state != "finished":
            raise BadInput(f"Evaluation {asked} is {run.state}; only a finished one can be a baseline.")
        return run.id
    if stable is None:
        return ""

    def newest(release: str) -> Evaluation | None:
        return of_release(connection, dataset=dataset, judge=judge, application=application, release=release)

    names = (
        {stage.compare_against for stage in stages.stages} - {None, PRODUCTION}
        if stages and not asked
        else set()
    )
    for name in names:
        if name and (not name.startswith(_OF_PRODUCTION) or any(map(newest, _releases(name)))):
            return ""
    found = newest(stable)
    return found.id if found else ""


def named(connection: sa.Connection, run: Evaluation, release: str) -> Evaluation | None:
    """What a stage's `compare_against` means for a run, where it was launched without a baseline.

    `production_v1.2.0` names release v1.2.0 as it runs in production; a release of that very name goes first.
    """
    for name in _releases(release):
        found = of_release(
            connection,
            dataset=run.dataset,
            judge=run.judge,
            application=run.application,
            release=name,
            excluding=run.id,
        )
        if found is not None:
            return found
    return None


def is_meant(compare_against: str, release: str) -> bool:
    """Whether a stage's `compare_against` means this release; `production` means whichever it is."""
    return compare_against == PRODUCTION or release in _releases(compare_against)


def _releases(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((name, name.removeprefix(_OF_PRODUCTION))))
