"""What came of a run: its scores summarised, the evidence of its gates loaded, the gates decided. Reads only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation_score
from genaiops_core.evaluation import baselines, compare, datasets, results, runs, traffic
from genaiops_core.evaluation import pipeline as pipelines
from genaiops_core.evaluation.compare import Difference
from genaiops_core.evaluation.gates import Decision, Evidence, decide
from genaiops_core.evaluation.results import MetricResult, summarise
from genaiops_core.evaluation.runs import Evaluation


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


def conclude(connection: sa.Connection, run: Evaluation, at: dt.datetime) -> Outcome:
    """Summarise the scores that are there and decide the gates.

    Args:
        connection: a `reading` snapshot.
        run: whose scores.
        at: when it ended; traffic is that of the days before.
    """
    metrics = _summaries(connection, run)
    figures = _traffic(connection, run, at)
    document = run.config.get("pipeline")
    stages = pipelines.parse(document) if document else None
    evidence = Evidence(
        metrics=metrics,
        judge=run.judge,
        traffic=figures,
        differences=_differences(connection, run, stages),
    )
    decision = decide(
        evidence, pipeline=stages, minimums=run.config.get("minimums"), limits=run.config.get("limits")
    )
    suite = datasets.get_version(connection, run.dataset, run.version)
    return Outcome(
        figures={
            **results.header(run, cases_total=suite.cases, finished_at=at),
            "metrics": {name: _entry(result, decision) for name, result in metrics.items()},
            "traffic": figures.as_json() if figures else None,
        },
        decision=decision,
    )


def _summaries(connection: sa.Connection, run: Evaluation) -> dict[str, MetricResult]:
    scores: dict[str, list[tuple[float | None, str]]] = {name: [] for name in run.metrics}
    query = (
        sa.select(evaluation_score.c.metric, evaluation_score.c.value, evaluation_score.c.reason)
        .where(evaluation_score.c.evaluation_id == run.id)
        .order_by(evaluation_score.c.case_no)
    )
    for metric, value, reason in connection.execute(query):
        scores[metric].append((value, reason))
    cases = run.units // max(1, len(run.metrics))
    return {name: summarise(name, found, unscored=cases - len(found)) for name, found in scores.items()}


def _traffic(connection: sa.Connection, run: Evaluation, at: dt.datetime) -> traffic.TrafficFigures | None:
    if not (run.application and run.release):
        return None
    return traffic.measure(connection, run.application, run.release, at)


def _differences(
    connection: sa.Connection, run: Evaluation, stages: pipelines.Pipeline | None
) -> dict[str, list[Difference]]:
    """Per regression stage, the paired differences with the newest finished run of the release it names."""
    found: dict[str, list[Difference]] = {}
    for stage in stages.stages if stages else ():
        if stage.compare_against is None or stage.max_degradation is None:
            continue
        baseline = baselines.named(connection, run, stage.compare_against)
        if baseline is None:
            continue
        before = compare.scores_of({"details": _details(connection, baseline)})
        after = compare.scores_of({"details": _details(connection, run)})
        found[stage.name] = [
            compare.difference(name, before.get(name, {}), after.get(name, {}), stage.max_degradation)
            for name in stage.compared_metrics
            if name in run.metrics
        ]
    return found


def _details(connection: sa.Connection, run: Evaluation) -> list[dict[str, Any]]:
    scored = runs.scores(connection, run.id)
    details: list[dict[str, Any]] = results.document(run, scored)["details"]
    return details


def _entry(result: MetricResult, decision: Decision) -> dict[str, Any]:
    entry = result.as_json()
    asked = [
        gate.threshold for gate in decision.gates if gate.metric == result.name and gate.threshold is not None
    ]
    if asked:
        entry["threshold"] = max(asked)
    return entry
