"""The verdict of an evaluation: its scores are summarised, the evidence of its gates is loaded, the gates are decided."""

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
from genaiops_core.evaluation.metrics import lookup_metric
from genaiops_core.evaluation.runs import comparison, results
from genaiops_core.evaluation.runs.evaluation import Evaluation, get_evaluation
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
from genaiops_core.evaluation.verdicts.verdict import combine_verdicts

Body = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The figures of an evaluation and the decision over them."""

    figures: dict[str, Any]
    """The results document without gates, stages and verdict."""
    decision: Decision

    def document(self, *, is_whole: bool) -> dict[str, Any]:
        """The results document; a stopped evaluation has a summary but no verdict."""
        return {
            **self.figures,
            "gates": [gate.as_json() for gate in self.decision.gates] if is_whole else [],
            "stages": [stage.as_json() for stage in self.decision.stages] if is_whole else [],
            "verdict": self.decision.verdict if is_whole else None,
        }


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The results document, with details, that an evaluation is compared with."""

    name: str
    """ID of the evaluation, or the name of a file."""
    body: Body


def conclude(
    connection: sa.Connection, run: Evaluation, at: dt.datetime, *, baseline: Baseline | None = None
) -> Outcome:
    """Summarise the existing scores and decide the gates.

    Args:
        connection: a `reading` snapshot.
        run: the evaluation.
        at: when it ended; the traffic of the days before is the evidence of cost and latency.
        baseline: a baseline that is not an evaluation of this database; None takes the one of the launch, or those that
            its stages name.
    """
    metrics = summarise_metrics(connection, run)
    answers = answer_figures.summarise_answers(answer_figures.load_answers(connection, run.id))
    requests = _measure_traffic(connection, run, at)
    document = run.config.get("pipeline")
    stages = pipeline.parse_pipeline(document) if document else None
    dataset_version = datasets.get_version(connection, run.dataset, run.version)
    figures: dict[str, Any] = {
        **results.build_header(run, cases_total=dataset_version.cases, finished_at=at),
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
        if (threshold := _find_strictest_threshold(metrics[name], decision)) is not None:
            entry["threshold"] = threshold
    figures |= {
        "baseline": regressions.describe_baseline(),
        "comparison": regressions.describe_comparison(),
    }
    return Outcome(figures=figures, decision=decision)


def decide_with_baseline(
    engine: sa.Engine, id: str, *, actor: str, baseline: Baseline, at: dt.datetime, reason: str = ""
) -> Evaluation:
    """Decide a finished evaluation again, with a baseline that is not an evaluation of this database.

    The verdict is replaced, and the audit log keeps both. An evaluation that has not finished does not change.

    Args:
        engine: the database.
        id: of the evaluation.
        actor: the user who acts.
        baseline: the document to compare with.
        at: the time; the traffic of the days before is the evidence of cost and latency.
        reason: the reason in the audit log.

    Raises:
        NotFound: there is no such evaluation.
    """
    with reading(engine) as connection:
        run = get_evaluation(connection, id)
        if run.state != "finished":
            return run
        # Outside the write transaction, since it takes seconds; the UPDATE checks the state again.
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
        return get_evaluation(connection, id)


def summarise_metrics(connection: sa.Connection, run: Evaluation) -> dict[str, MetricResult]:
    """Every metric of an evaluation over all cases that it was to score."""
    units_by_case = results.fetch_units(connection, run.id)
    # The bets of the intervals are placed in this order: by content, so that equal cases in another order of the file
    # give the same interval. It is independent of the scores, as the bets require.
    order = sorted(
        (results.hash_input(text), results.hash_input(answer or ""), number)
        for number, text, answer in datasets.list_texts(connection, run.dataset, run.version)
        if number in units_by_case
    )
    rubrics = (run.config.get("judge_options") or {}).get("rubrics") or ()
    summaries = {}
    for name in run.metrics:
        scored = [units_by_case[number][name] for *_, number in order if name in units_by_case[number]]
        summaries[name] = summarise(
            name,
            scored,
            entry=lookup_metric(name, rubrics, judge=run.judge),
            unscored=max(0, results.count_cases(run) - len(scored)),
            repetitions=run.repetitions,
        )
    return summaries


class _Regressions:
    """The comparisons of an evaluation; each baseline is loaded once."""

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
        """The comparison of the results document: that of the first regression stage."""
        self.missing = ""
        """Why the baseline of the launch does not exist."""
        self._fixed_baseline = baseline or self._load_launch_baseline()

    def find_differences(self, stage: Stage) -> list[Difference] | None:
        """The differences of a regression stage; None without a baseline, or for another kind of stage."""
        if stage.compare_against is None or stage.max_degradation is None:
            return None
        baseline = self._fixed_baseline
        if baseline is None:
            baseline_run = comparison.find_stage_baseline(self._connection, self._run, stage.compare_against)
            baseline = self._load(baseline_run) if baseline_run else None
        if baseline is None:
            return None
        metrics = [
            name for name in stage.compared_metrics if name in self._run.metrics or name in compare.RELATIVE
        ]
        # An empty list would compare nothing; None compares all metrics.
        compared = self._compare(baseline, stage.max_degradation, metrics or None)
        compared = self._add_traffic(compared, baseline, metrics, stage.max_degradation)
        if self._displayed is None:
            self._displayed = (baseline, compared)
        release = str(baseline.body.get("release") or "")
        if comparison.is_same_release(stage.compare_against, release):
            return list(compared.differences)
        note = f"; compared with {release or baseline.name} instead of {stage.compare_against}"
        return [replace(difference, why=difference.why + note) for difference in compared.differences]

    def describe_baseline(self) -> dict[str, Any] | None:
        """The baseline of the displayed comparison."""
        if self._displayed is None and self._fixed_baseline is not None:
            compared = self._compare(self._fixed_baseline, compare.MAX_DEGRADATION, None)
            self._displayed = (self._fixed_baseline, compared)
        if self._displayed is None:
            return None
        baseline = self._displayed[0]
        return {"name": baseline.name, **documents.describe_source(baseline.body)}

    def describe_comparison(self) -> dict[str, Any] | None:
        return self._displayed[1].as_json() if self._displayed else None

    def _compare(
        self, baseline: Baseline, max_degradation: float, metrics: Sequence[str] | None
    ) -> Comparison:
        if self._current is None:
            details = results.load_details(self._connection, self._run)
            self._current = {**self._figures, "details": details}
        return compare.compare_documents(baseline.body, self._current, max_degradation, metrics=metrics)

    def _add_traffic(
        self, compared: Comparison, baseline: Baseline, metrics: Sequence[str], max_degradation: float
    ) -> Comparison:
        """Compare cost and latency by the traffic of both releases unless both evaluations generated answers."""
        application, release = self._run.application, str(baseline.body.get("release") or "")
        traffic_metrics = [name for name in metrics if name in compare.RELATIVE]
        has_releases = bool(application and release and self._run.release)
        if not traffic_metrics or not has_releases or compared.pairs.values(compare.LATENCY)[0]:
            return compared
        before, after = (
            traffic.fetch_newest_requests(self._connection, application, name, self._at)
            for name in (release, self._run.release)
        )
        differences = (
            *(item for item in compared.differences if item.metric not in compare.RELATIVE),
            *traffic_change.compare_traffic(
                # All metrics of a stage share its error level, whether answers or traffic measure them.
                traffic_metrics,
                before,
                after,
                max_degradation,
                alpha=compared.alpha_each,
            ),
        )
        return replace(
            compared,
            differences=differences,
            verdict=combine_verdicts([item.verdict for item in differences]),
        )

    def _load_launch_baseline(self) -> Baseline | None:
        baseline_id = self._run.config.get("baseline") or ""
        if not baseline_id:
            return None
        try:
            return self._load(get_evaluation(self._connection, baseline_id))
        except NotFound:
            self.missing = f"the baseline, evaluation {baseline_id}, no longer exists"
            return None

    def _load(self, run: Evaluation) -> Baseline:
        if run.id not in self._loaded:
            body = results.build_document(run, results.load_details(self._connection, run))
            self._loaded[run.id] = Baseline(name=run.id, body=body)
        return self._loaded[run.id]


def _measure_traffic(
    connection: sa.Connection, run: Evaluation, at: dt.datetime
) -> traffic.TrafficFigures | None:
    if not (run.application and run.release):
        return None
    return traffic.measure_traffic(connection, run.application, run.release, at)


def _find_strictest_threshold(result: MetricResult, decision: Decision) -> float | None:
    thresholds = [
        gate.threshold
        for gate in decision.gates
        if gate.metric == result.name and gate.threshold is not None and gate.kind == THRESHOLD
    ]
    if not thresholds:
        return None
    return min(thresholds) if result.scale.higher_is_better is False else max(thresholds)
