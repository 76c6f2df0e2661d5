"""Comparison of two evaluations of the database, its files, and the choice of the baseline.

Evaluations are comparable when the same judge scored the same dataset (any version of it: cases are matched by their
input). The release in production is known only above this floor, so the caller passes it in.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.runs import results
from genaiops_core.evaluation.runs.evaluation import Evaluation, get_evaluation, list_evaluations
from genaiops_core.evaluation.verdicts import compare, documents, pairing
from genaiops_core.evaluation.verdicts.compare import Comparison
from genaiops_core.evaluation.verdicts.pairing import CaseChange
from genaiops_core.evaluation.verdicts.pipeline import PRODUCTION, Pipeline
from genaiops_core.evaluation.verdicts.scales import Scale
from genaiops_core.formulas import escape_formula

_IDENTITY_FIELDS = ("application", "release", "dataset", "version", "judge")
_PRODUCTION_PREFIX = f"{PRODUCTION}_"


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Two evaluations and their differences."""

    baseline: Evaluation
    current: Evaluation
    comparison: Comparison
    scales: Mapping[str, Scale]
    """Scales of the metrics that both evaluations measured."""

    def changes(self, metric: str | None = None, *, rising: bool = False) -> list[CaseChange]:
        """Cases that got worse (or better with `rising`), the largest change first; None combines all metrics."""
        scales = {name: scale for name, scale in self.scales.items() if metric in (None, name)}
        return (pairing.list_gains if rising else pairing.list_drops)(self.comparison.pairs, scales)

    def as_json(self) -> bytes:
        """The whole comparison, with every case that got worse or better."""
        body: dict[str, Any] = {
            "baseline": _describe_identity(self.baseline),
            "current": _describe_identity(self.current),
            **self.comparison.as_json(),
            "regressions": [change.as_json() for change in self.changes()],
            "improvements": [change.as_json() for change in self.changes(rising=True)],
        }
        return orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n"

    def as_csv(self) -> bytes:
        """A row per case and metric with a value in both evaluations, largest drop first; formulas are escaped."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        fields = ("metric", "case", "baseline_case", "input", "baseline", "current", "difference")
        writer.writerow([*fields, "baseline_answer", "current_answer"])
        for name, scale in self.scales.items():
            for change in pairing.list_changes(self.comparison.pairs, name, scale):
                row = change.as_json()
                writer.writerow(
                    escape_formula(value) if isinstance(value, str) else value for value in row.values()
                )
        return stream.getvalue().encode()


def compare_runs(
    connection: sa.Connection,
    baseline: str,
    current: str,
    *,
    max_degradation: float = compare.MAX_DEGRADATION,
    method: str = compare.BOOTSTRAP,
) -> RunComparison:
    """Compare two evaluations by ID.

    Raises:
        NotFound: there is no such evaluation.
        BadInput: there is no such method.
    """
    runs = [get_evaluation(connection, id) for id in (baseline, current)]
    before, after = (results.build_document(run, results.load_details(connection, run)) for run in runs)
    metrics = documents.parse_metrics(after)
    return RunComparison(
        baseline=runs[0],
        current=runs[1],
        comparison=compare.compare_documents(before, after, max_degradation, method=method),
        scales={name: result.scale for name, result in metrics.items() if name in before["metrics"]},
    )


def list_candidates(
    connection: sa.Connection, *, dataset: str, judge: str, application: str, excluding: str = ""
) -> list[Evaluation]:
    """Finished evaluations of this dataset and judge, newest first."""
    return [
        run
        for run in list_evaluations(connection, application, dataset=dataset)
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
    """The newest finished evaluation of a release on this dataset by this judge.

    For the stable release this is the production baseline.
    """
    runs = list_evaluations(connection, application, release=release, dataset=dataset)
    return next(
        (run for run in runs if run.state == "finished" and run.judge == judge and run.id != excluding), None
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
    """The ID of the baseline that an evaluation is launched with; '' when there is none, or its stages name others.

    A stage may name a release of production (`production_v1.2.0`) that was never evaluated. It is then compared with the
    release in production now, and its gates report that. A release that is named by itself (`v1.2.0`) is never replaced.

    Args:
        connection: a `reading` snapshot.
        requested: ID of an evaluation, `production`, or '' for the baseline of the stages (production by default).
        stages: the pipeline that decides, if any.
        dataset, judge, application: of the evaluation.
        stable: the release in production (`rollouts.status`); None when there is none.

    Raises:
        NotFound: there is no such evaluation.
        BadInput: it has not finished.
    """
    if requested and requested != PRODUCTION:
        run = get_evaluation(connection, requested)
        if run.state != "finished":
            raise BadInput(f"Evaluation {requested} is {run.state}; only a finished one can be a baseline.")
        return run.id
    if stable is None:
        return ""

    def find_newest(release: str) -> Evaluation | None:
        return find_release_baseline(
            connection, dataset=dataset, judge=judge, application=application, release=release
        )

    names = (
        {stage.compare_against for stage in stages.stages} - {None, PRODUCTION}
        if stages and not requested
        else set()
    )
    for name in names:
        # A stage that names an evaluated release chooses its own baseline; one of the launch would replace
        # it.
        if name and (
            not name.startswith(_PRODUCTION_PREFIX) or any(map(find_newest, _list_release_names(name)))
        ):
            return ""
    newest = find_newest(stable)
    return newest.id if newest else ""


def find_stage_baseline(
    connection: sa.Connection, run: Evaluation, compare_against: str
) -> Evaluation | None:
    """The baseline that a stage's `compare_against` names, for an evaluation launched without a baseline.

    `production_v1.2.0` names release v1.2.0 in production; a release with exactly this name takes precedence.
    """
    for release in _list_release_names(compare_against):
        baseline = find_release_baseline(
            connection,
            dataset=run.dataset,
            judge=run.judge,
            application=run.application,
            release=release,
            excluding=run.id,
        )
        if baseline is not None:
            return baseline
    return None


def is_same_release(compare_against: str, release: str) -> bool:
    """Whether a stage's `compare_against` names this release; `production` names any release."""
    return compare_against == PRODUCTION or release in _list_release_names(compare_against)


def _list_release_names(compare_against: str) -> tuple[str, ...]:
    # The whole name first: a release may itself be called production_v1.
    return tuple(dict.fromkeys((compare_against, compare_against.removeprefix(_PRODUCTION_PREFIX))))


def _describe_identity(run: Evaluation) -> dict[str, Any]:
    return {"evaluation": run.id, **{name: getattr(run, name) for name in _IDENTITY_FIELDS}}
