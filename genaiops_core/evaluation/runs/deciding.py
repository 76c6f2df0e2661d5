"""What came of a run: its scores summarised, the evidence of its gates loaded, the gates decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.errors import NotFound
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.metrics import find
from genaiops_core.evaluation.runs import baselines, details, records, results
from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.evaluation.verdicts import (
    answer_figures,
    compare,
    documents,
    pipeline,
    traffic,
    traffic_change,
)
from genaiops_core.evaluation.verdicts.compare import Comparison, Difference
from genaiops_core.evaluation.verdicts.gates import THRESHOLD, Decision, Evidence, decide
from genaiops_core.evaluation.verdicts.pipeline import Stage
from genaiops_core.evaluation.verdicts.summaries import MetricResult, summarise
from genaiops_core.evaluation.verdicts.verdict import overall

Body = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run's figures and the decision over them."""

    figures: dict[str, Any]
    """The results document but for gates, stages and verdict."""
    decision: Decision

    def document(self, *, is_whole: bool) -> dict[str, Any]:
        """The results document; a run that was stopped has a summary but no verdict."""
        return {
            **self.figures,
            "gates": [gate.as_json() for gate in self.decision.gates] if is_whole else [],
            "stages": [stage.as_json() for stage in self.decision.stages] if is_whole else [],
            "verdict": self.decision.verdict if is_whole else None,
        }


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a run is compared with: a document with its details, and which evaluation or file that is."""

    name: str
    """Id of the evaluation, or the name of a file."""
    body: Body


def conclude(
    connection: sa.Connection, run: Evaluation, at: dt.datetime, *, baseline: Baseline | None = None
) -> Outcome:
    """Summarise the scores that are there and decide the gates.

    Args:
        connection: a `reading` snapshot.
        run: whose scores.
        at: when it ended; traffic is that of the days before.
        against: the baseline, where it is not an evaluation of this database; None takes the one that the run was
            launched with, or those that its stages name.
    """
    metrics = summarise_metrics(connection, run)
    answers = answer_figures.figures(answer_figures.load(connection, run.id))
    requests = _measure_traffic(connection, run, at)
    document = run.config.get("pipeline")
    stages = pipeline.parse(document) if document else None
    suite = datasets.get_version(connection, run.dataset, run.version)
    figures: dict[str, Any] = {
        **results.build_header(run, cases_total=suite.cases, finished_at=at),
        "metrics": {name: result.as_json() for name, result in metrics.items()},
        "answers": answers.as_json() if answers else None,
        "traffic": requests.as_json() if requests else None,
    }
    regressions = _Regressions(connection, run, figures, at, baseline)
    evidence = Evidence(
        metrics=metrics,
        judge=run.judge,
        traffic=requests,
        answers=answers,
        no_baseline=regressions.missing,
        differences={
            stage.name: differences
            for stage in (stages.stages if stages else ())
            if (differences := regressions.find_differences(stage)) is not None
        },
    )
    decision = decide(
        evidence, pipeline=stages, minimums=run.config.get("minimums"), limits=run.config.get("limits")
    )
    for name, entry in figures["metrics"].items():
        if (threshold := _find_threshold(metrics[name], decision)) is not None:
            entry["threshold"] = threshold
    figures |= {"baseline": regressions.baseline(), "comparison": regressions.describe_comparison()}
    return Outcome(figures=figures, decision=decision)


def decide_with_baseline(
    engine: sa.Engine, id: str, *, actor: str, baseline: Baseline, at: dt.datetime, reason: str = ""
) -> Evaluation:
    """Decide a finished run once more, compared with a baseline that is no evaluation of this database.

    The verdict of the run is replaced, and the audit log keeps both. A run that has not finished stays as it is.

    Args:
        engine: the database.
        id: of the run.
        actor: who acts.
        against: what it is compared with.
        at: the time; traffic is that of the days before.
        reason: why, for the audit log.

    Raises:
        NotFound: there is no such evaluation.
    """
    with reading(engine) as connection:
        run = records.get_evaluation(connection, id)
        if run.state != "finished":
            return run
        outcome = conclude(connection, run, at, baseline=baseline)
    with writing(engine) as connection:
        connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id, evaluation.c.state == "finished")
            .values(results=outcome.document(is_whole=True), verdict=outcome.decision.verdict)
        )
        audit.record(
            connection,
            actor=actor,
            action="evaluation.compare",
            subject=id,
            application=run.application,
            reason=reason,
            before={"verdict": run.verdict},
            after={"verdict": outcome.decision.verdict, "baseline": baseline.name},
        )
        return records.get_evaluation(connection, id)


def summarise_metrics(connection: sa.Connection, run: Evaluation) -> dict[str, MetricResult]:
    """Every metric of a run over the cases it was meant to score."""
    units_by_case = details.fetch_units(connection, run.id)
    rubrics = (run.config.get("judge_options") or {}).get("rubrics") or ()
    results_by_name = {}
    for name in run.metrics:
        reached = [by_metric[name] for by_metric in units_by_case.values() if name in by_metric]
        results_by_name[name] = summarise(
            name,
            reached,
            entry=find(name, rubrics, judge=run.judge),
            unscored=max(0, results.count_cases(run) - len(reached)),
            repetitions=run.repetitions,
        )
    return results_by_name


class _Regressions:
    """The comparisons of a run, each baseline loaded once."""

    def __init__(
        self,
        connection: sa.Connection,
        run: Evaluation,
        figures: Body,
        at: dt.datetime,
        baseline: Baseline | None,
    ) -> None:
        self._connection, self._run, self._at = connection, run, at
        self._figures = figures
        self._current: dict[str, Any] | None = None
        self._loaded: dict[str, Baseline] = {}
        self._displayed: tuple[Baseline, Comparison] | None = None
        self.missing = ""
        """Why there is no baseline, where one was given."""
        self._fixed_baseline = baseline or self._load_launch_baseline()

    def find_differences(self, stage: Stage) -> list[Difference] | None:
        """What a regression stage found; None without a baseline, or where it is no regression stage."""
        if stage.compare_against is None or stage.max_degradation is None:
            return None
        describe_baseline = self._fixed_baseline
        if describe_baseline is None:
            evaluation_run = baselines.find_named_baseline(self._connection, self._run, stage.compare_against)
            describe_baseline = self._load(evaluation_run) if evaluation_run else None
        if describe_baseline is None:
            return None
        metrics = [
            name for name in stage.compared_metrics if name in self._run.metrics or name in compare.RELATIVE
        ]
        comparison = self._compare(describe_baseline, stage.max_degradation, metrics or None)
        comparison = self._add_traffic(comparison, describe_baseline, metrics, stage.max_degradation)
        if self._displayed is None:
            self._displayed = (describe_baseline, comparison)
        release = str(describe_baseline.body.get("release") or "")
        if baselines.is_same_release(stage.compare_against, release):
            return list(comparison.differences)
        note = f"; compared with {release or describe_baseline.name} instead of {stage.compare_against}"
        return [replace(item, why=item.why + note) for item in comparison.differences]

    def baseline(self) -> dict[str, Any] | None:
        """Which run the comparison shown is with."""
        if self._displayed is None and self._fixed_baseline is not None:
            self._displayed = (self._fixed_baseline, self._compare(self._fixed_baseline, compare.MAX_DEGRADATION, None))
        if self._displayed is None:
            return None
        baseline = self._displayed[0]
        return {"name": baseline.name, **documents.named(baseline.body)}

    def describe_comparison(self) -> dict[str, Any] | None:
        return self._displayed[1].as_json() if self._displayed else None

    def _compare(self, baseline: Baseline, max_degradation: float, metrics: Sequence[str] | None) -> Comparison:
        if self._current is None:
            self._current = {**self._figures, "details": details.load_details(self._connection, self._run)}
        return compare.compare_documents(baseline.body, self._current, max_degradation, metrics=metrics)

    def _add_traffic(
        self, comparison: Comparison, baseline: Baseline, metrics: Sequence[str], max_degradation: float
    ) -> Comparison:
        """Cost and latency by the traffic of both releases, where no answers were generated in both runs."""
        application, release = self._run.application, str(baseline.body.get("release") or "")
        traffic_metrics = [name for name in metrics if name in compare.RELATIVE]
        is_known = bool(application and release and self._run.release)
        if not traffic_metrics or not is_known or comparison.pairs.values(compare.LATENCY)[0]:
            return comparison
        before, after = (
            traffic.newest_requests(self._connection, application, name, self._at)
            for name in (release, self._run.release)
        )
        traffic_differences = traffic_change.differences(traffic_metrics, before, after, max_degradation, alpha=comparison.alpha_each)
        score_differences = [item for item in comparison.differences if item.metric not in compare.RELATIVE]
        differences = (*score_differences, *traffic_differences)
        return replace(comparison, differences=differences, verdict=overall([item.verdict for item in differences]))

    def _load_launch_baseline(self) -> Baseline | None:
        baseline_id = self._run.config.get("baseline") or ""
        if not baseline_id:
            return None
        try:
            return self._load(records.get_evaluation(self._connection, baseline_id))
        except NotFound:
            self.missing = f"evaluation {baseline_id}, with which it was to be compared, is gone"
            return None

    def _load(self, run: Evaluation) -> Baseline:
        if run.id not in self._loaded:
            body = results.build_document(run, details.load_details(self._connection, run))
            self._loaded[run.id] = Baseline(name=run.id, body=body)
        return self._loaded[run.id]


def _measure_traffic(connection: sa.Connection, run: Evaluation, at: dt.datetime) -> traffic.TrafficFigures | None:
    if not (run.application and run.release):
        return None
    return traffic.measure(connection, run.application, run.release, at)


def _find_threshold(result: MetricResult, decision: Decision) -> float | None:
    """The strictest threshold that a gate asked of the metric."""
    thresholds = [
        gate.threshold
        for gate in decision.gates
        if gate.metric == result.name and gate.threshold is not None and gate.kind == THRESHOLD
    ]
    if not thresholds:
        return None
    return min(thresholds) if result.scale.higher_is_better is False else max(thresholds)
