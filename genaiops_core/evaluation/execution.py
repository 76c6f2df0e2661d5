"""What a run does, in steps that may be repeated: begin, score a batch of cases, finish.

The worker takes these steps from the job engine, the command line takes them one after the other. Each is one
transaction and does nothing the second time: a score that is there stays, and only new scores count as done.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score
from db.transaction import insert, reading, writing
from genaiops_core.clock import now
from genaiops_core.evaluation import compare, datasets, results, runs, traffic
from genaiops_core.evaluation import pipeline as pipelines
from genaiops_core.evaluation.compare import Difference
from genaiops_core.evaluation.gates import Decision, Evidence, decide
from genaiops_core.evaluation.judges import judge as judge_of
from genaiops_core.evaluation.results import MetricResult, summarise
from genaiops_core.evaluation.runs import Evaluation

Progress = Callable[[int, int], None]


def run(engine: sa.Engine, id: str, progress: Progress | None = None) -> Evaluation:
    """Take all steps here and now.

    Args:
        progress: told (units done, units) after every batch.
    """
    batches = begin(engine, id)
    for batch in batches:
        done = score_batch(engine, id, batch)
        if done is None:
            break
        if progress:
            progress(*done)
    return finish(engine, id)


def claim(engine: sa.Engine, id: str, runner: str) -> bool:
    """Take a queued run away from the workers; False when one of them was quicker.

    Args:
        runner: the process that runs it (`jobs.heartbeat.new_executor_id`): a worker takes the run over when that
            process is gone.
    """
    with writing(engine) as connection:
        asked = runs.get(connection, id)
        taken = connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id, evaluation.c.state == "queued")
            .values(state="running", started_at=now(), config={**asked.config, "runner": runner})
        )
        return bool(taken.rowcount)


def begin(engine: sa.Engine, id: str) -> list[list[int]]:
    """Mark the run as running; returns its case numbers in batches (none when it is not to run any more)."""
    with writing(engine) as connection:
        connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id, evaluation.c.state == "queued")
            .values(state="running", started_at=now())
        )
        asked = runs.get(connection, id)
        if asked.state != "running":
            return []
        suite = datasets.get_version(connection, asked.dataset, asked.version)
        numbers = sample(asked.dataset, asked.version, suite.cases, asked.sample_size)
        size = judge_of(asked.judge).batch_cases
        return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def sample(dataset: str, version: int, cases: int, size: int | None) -> list[int]:
    """Numbers of the cases that are used.

    Drawn by hash, not by chance: the same dataset and size give the same cases, so that runs can be compared, and a
    smaller sample is part of a larger one.
    """
    numbers = list(range(1, cases + 1))
    if size is None or size >= cases:
        return numbers

    def lot(number: int) -> bytes:
        return hashlib.sha256(f"{dataset}:{version}:{number}".encode()).digest()

    return sorted(sorted(numbers, key=lot)[:size])


def score_batch(engine: sa.Engine, id: str, numbers: Sequence[int]) -> tuple[int, int] | None:
    """Judge some cases and keep the scores.

    Returns:
        (units done, units) of the run, or None when it was cancelled or ran out of time.
    """
    with reading(engine) as connection:
        asked = runs.get(connection, id)
        if asked.state != "running":
            return None
        cases = datasets.numbered_cases(connection, asked.dataset, asked.version, numbers)
        missing = _missing(connection, asked, numbers)
    if _is_late(asked, now()):
        fail(engine, id, f"The run took longer than its {_timeout(asked):g} minutes; its scores are partial.")
        return None
    who = judge_of(asked.judge)
    rows = [
        {"evaluation_id": id, "case_no": number, **vars(judgement)}
        for number, metrics in missing.items()
        for judgement in who.measure(cases[number], metrics)
    ]
    return _keep(engine, id, rows)


def finish(engine: sa.Engine, id: str) -> Evaluation:
    """Summarise the scores and decide the gates; a run that was stopped gets a summary but no verdict."""
    with reading(engine) as connection:
        asked = runs.get(connection, id)
        if asked.results is not None:
            return asked
        metrics = _summaries(connection, asked)
        decision = _decide(connection, asked, metrics)
        suite = datasets.get_version(connection, asked.dataset, asked.version)
        figures = _traffic(connection, asked)
    at = now()
    body: dict[str, Any] = {
        **results.header(asked, cases_total=suite.cases, finished_at=at),
        "metrics": {name: _entry(result, decision) for name, result in metrics.items()},
        "traffic": figures.as_json() if figures else None,
    }
    with writing(engine) as connection:
        # Two processes may have come this far with the same run: the first one's results stand.
        connection.execute(sa.select(evaluation.c.id).where(evaluation.c.id == id).with_for_update())
        current = runs.get(connection, id)
        if current.results is not None:
            return current
        is_whole = current.state == "running"
        body.update(
            gates=[gate.as_json() for gate in decision.gates] if is_whole else [],
            stages=[stage.as_json() for stage in decision.stages] if is_whole else [],
            verdict=decision.verdict if is_whole else None,
        )
        values: dict[str, Any] = {"results": body}
        if is_whole:
            values.update(state="finished", verdict=decision.verdict, finished_at=at)
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(**values))
        return runs.get(connection, id)


def fail(engine: sa.Engine, id: str, problem: str) -> None:
    """End an open run without a verdict; the sentence says why."""
    with writing(engine) as connection:
        connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id, evaluation.c.state.in_(runs.OPEN_STATES))
            .values(state="failed", problem=problem, finished_at=now())
        )


def _missing(connection: sa.Connection, asked: Evaluation, numbers: Sequence[int]) -> dict[int, list[str]]:
    """Case -> metrics without a score: a batch taken up again after a crash pays no finished unit twice."""
    query = sa.select(evaluation_score.c.case_no, evaluation_score.c.metric).where(
        evaluation_score.c.evaluation_id == asked.id, evaluation_score.c.case_no.in_(numbers)
    )
    there = {(row.case_no, row.metric) for row in connection.execute(query)}
    wanted = {number: [name for name in asked.metrics if (number, name) not in there] for number in numbers}
    return {number: metrics for number, metrics in wanted.items() if metrics}


def _keep(engine: sa.Engine, id: str, rows: Sequence[Mapping[str, Any]]) -> tuple[int, int] | None:
    """Insert the scores that are new and count exactly those, in one transaction."""
    with writing(engine) as connection:
        # The counters are added to below, so the row is locked first: two batches at once would each add to the old.
        state = connection.execute(
            sa.select(evaluation.c.state).where(evaluation.c.id == id).with_for_update()
        ).scalar_one()
        if state != "running":
            return None
        new: Sequence[sa.Row[Any]] = []
        if rows:
            statement = insert(connection, evaluation_score).values(list(rows)).on_conflict_do_nothing()
            new = connection.execute(
                statement.returning(evaluation_score.c.value, evaluation_score.c.cost_nano_usd)
            ).all()
        connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id)
            .values(
                units_done=evaluation.c.units_done + len(new),
                units_undefined=evaluation.c.units_undefined + sum(row.value is None for row in new),
                cost_nano_usd=evaluation.c.cost_nano_usd + sum(row.cost_nano_usd for row in new),
            )
        )
        after = runs.get(connection, id)
        return after.units_done, after.units


def _summaries(connection: sa.Connection, asked: Evaluation) -> dict[str, MetricResult]:
    scores: dict[str, list[tuple[float | None, str]]] = {name: [] for name in asked.metrics}
    query = (
        sa.select(evaluation_score.c.metric, evaluation_score.c.value, evaluation_score.c.reason)
        .where(evaluation_score.c.evaluation_id == asked.id)
        .order_by(evaluation_score.c.case_no)
    )
    for metric, value, reason in connection.execute(query):
        scores[metric].append((value, reason))
    cases = asked.units // max(1, len(asked.metrics))
    return {name: summarise(name, found, unscored=cases - len(found)) for name, found in scores.items()}


def _decide(connection: sa.Connection, asked: Evaluation, metrics: Mapping[str, MetricResult]) -> Decision:
    document = asked.config.get("pipeline")
    stages = pipelines.parse(document) if document else None
    evidence = Evidence(
        metrics=metrics,
        judge=asked.judge,
        traffic=_traffic(connection, asked),
        differences=_differences(connection, asked, stages),
    )
    return decide(
        evidence,
        pipeline=stages,
        minimums=asked.config.get("minimums"),
        limits=asked.config.get("limits"),
    )


def _traffic(connection: sa.Connection, asked: Evaluation) -> traffic.TrafficFigures | None:
    if not (asked.application and asked.release):
        return None
    return traffic.measure(connection, asked.application, asked.release, now())


def _differences(
    connection: sa.Connection, asked: Evaluation, stages: pipelines.Pipeline | None
) -> dict[str, list[Difference]]:
    """Per regression stage, the paired differences with the newest finished run of the release it names."""
    found: dict[str, list[Difference]] = {}
    for stage in stages.stages if stages else ():
        if stage.compare_against is None or stage.max_degradation is None:
            continue
        baseline = _baseline(connection, asked, stage.compare_against)
        if baseline is None:
            continue
        before = compare.scores_of({"details": _details(connection, baseline)})
        after = compare.scores_of({"details": _details(connection, asked)})
        found[stage.name] = [
            compare.difference(name, before.get(name, {}), after.get(name, {}), stage.max_degradation)
            for name in stage.compared_metrics
            if name in asked.metrics
        ]
    return found


def _details(connection: sa.Connection, asked: Evaluation) -> list[dict[str, Any]]:
    scored = runs.scores(connection, asked.id)
    details: list[dict[str, Any]] = results.document(asked, scored)["details"]
    return details


def _baseline(connection: sa.Connection, asked: Evaluation, release: str) -> Evaluation | None:
    """`production_v1.2.0` names release v1.2.0 as it runs in production; a release of that very name goes first."""
    for name in dict.fromkeys((release, release.removeprefix("production_"))):
        for candidate in runs.list_evaluations(connection, asked.application, release=name):
            if candidate.state == "finished" and candidate.judge == asked.judge and candidate.id != asked.id:
                return candidate
    return None


def _entry(result: MetricResult, decision: Decision) -> dict[str, Any]:
    entry = result.as_json()
    asked = [
        gate.threshold for gate in decision.gates if gate.metric == result.name and gate.threshold is not None
    ]
    if asked:
        entry["threshold"] = max(asked)
    return entry


def _timeout(asked: Evaluation) -> float | None:
    document = asked.config.get("pipeline")
    return pipelines.parse(document).timeout_minutes if document else None


def _is_late(asked: Evaluation, at: dt.datetime) -> bool:
    minutes = _timeout(asked)
    return bool(minutes and asked.started_at and at - asked.started_at > dt.timedelta(minutes=minutes))
