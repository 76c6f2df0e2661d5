"""Evaluation runs: launched as a row, picked up by a worker, paused, resumed, cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict
from genaiops_core.evaluation import datasets, targets
from genaiops_core.evaluation.judges import judge as make_judge
from genaiops_core.evaluation.metrics import canonical, rubrics
from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs import case_choice, launching
from genaiops_core.evaluation.runs.judge_options import parse_judge_options
from genaiops_core.evaluation.runs.records import OPEN_STATES, Evaluation, get_evaluation
from genaiops_core.evaluation.verdicts import pipeline

RESUMABLE_STATES = ("paused", "cancelled", "failed")


def launch(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    version: int | None = None,
    judge: str = "offline",
    judge_options: Mapping[str, Any] | None = None,
    metrics: Sequence[str] | None = None,
    config: Mapping[str, Any] | None = None,
    minimums: Mapping[str, float] | None = None,
    limits: Mapping[str, float] | None = None,
    application: str = "",
    release: str = "",
    split: str = "",
    sample_size: int | None = None,
    target: Mapping[str, Any] | None = None,
    repetitions: int = 1,
    pace: RateLimits | None = None,
    baseline: str = "",
    reason: str = "",
    is_demo: bool = False,
) -> str:
    """Ask for a run; a worker starts it within a second.

    Args:
        engine: of the product's database.
        actor: who launches it.
        dataset: name of the dataset.
        version: one of its versions; the newest when None.
        judge: who measures: `offline`, `bedrock:MODEL`, `openai:MODEL@BASE_URL`, `agentcore:EVALUATOR`.
        judge_options: fields of `judges.protocol.JudgeOptions`, such as `region`; no secrets.
        metrics: what to measure; None measures what the gates ask for, as far as the judge can.
        config: a document in the layout of `evaluation_pipeline.yaml`; with neither this nor `minimums`, the
            default pipeline decides.
        minimums: metric -> least value in [0, 1]; overrides the threshold of `config` for that metric.
        limits: `cost_per_query` (USD) and `latency_p95` (ms) of the release's traffic, at most.
        application, release: whose quality this is; needed by stages on cost, latency and regression.
        split: only cases of this split; '' takes all.
        sample_size: at most this many cases.
        target: who answers the cases first (`evaluation.targets`); None scores the answers of the dataset.
        repetitions: how often the target answers each case.
        pace: concurrency, rate, timeout and spend limit.
        baseline: id of the evaluation it is compared with; '' leaves that to the regression stages.
        reason: why, for the audit log.
        is_demo: whether it is no real data.

    Returns:
        The id of the evaluation.

    Raises:
        NotFound: no such dataset or version.
        BadInput: the judge, the target, the pipeline, a metric, a minimum or the sample size cannot be used, or a
            spend limit could not be kept.
    """
    answering = None if target is None else targets.parse(target)
    wanted = {canonical(name): launching.validate_minimum(name, value) for name, value in (minimums or {}).items()}
    document = dict(config) if config is not None else None
    if document is None and not wanted and not limits:
        document = pipeline.default_document()
    stages = pipeline.parse(document) if document is not None else None
    if sample_size is not None and sample_size < 1:
        raise BadInput(f"The sample size must be at least 1, not {sample_size}.")
    launching.check_repetitions(repetitions, has_target=target is not None)
    size = sample_size or (stages.sample_size if stages else None)
    named = [canonical(name) for name in metrics or launching.list_gate_metrics(stages, wanted)]
    pace = pace or RateLimits()
    asked = {
        "pipeline": document,
        "minimums": wanted,
        "limits": dict(limits or {}),
        "target": None if target is None else dict(target),
        "repetitions": repetitions,
        "pace": pace.as_json(),
        "baseline": baseline,
        "split": split,
    }
    with writing(engine) as connection:
        # A later version of a rubric must not change what this run asked, so it keeps its copies.
        kept = [rubric.as_json() for rubric in rubrics.used_by(connection, named)]
        options = {**(judge_options or {}), **({"rubrics": kept} if kept else {})}
        who = make_judge(judge, parse_judge_options(options))
        chosen = launching.select_metrics(who, metrics, stages, wanted)
        launching.require_prices(connection, who, answering, pace)
        suite = datasets.get_version(connection, dataset, version)
        there = case_choice.count_available(connection, suite, split)
        cases = min(there, size) if size else there
        values = {
            "id": launching.new_id(),
            "application": application,
            "release": release,
            "dataset": suite.dataset,
            "version": suite.version,
            "judge": who.name,
            "metrics": chosen,
            "config": {**asked, "judge_options": options},
            "sample_size": size,
            "units": cases * repetitions * len(chosen),
            "answers": 0 if target is None else cases * repetitions,
            "is_demo": is_demo,
        }
        return _insert_queued(connection, actor, reason, values)


def _insert_queued(connection: sa.Connection, actor: str, reason: str, values: Mapping[str, Any]) -> str:
    """Keep the row of a new run, which is what asks a worker to start it; returns its id."""
    nothing_yet = {"units_done": 0, "units_undefined": 0, "cost_nano_usd": 0, "problem": ""}
    row = {**values, **nothing_yet, "state": "queued", "created_by": actor, "created_at": now()}
    connection.execute(sa.insert(evaluation).values(**row))
    audited_fields = ("dataset", "version", "judge", "application", "release", "units")
    audit.record(
        connection,
        actor=actor,
        action="evaluation.launch",
        subject=row["id"],
        application=row["application"],
        reason=reason,
        after={name: row[name] for name in audited_fields},
    )
    return str(row["id"])


def pause(engine: sa.Engine, *, actor: str, id: str, reason: str = "") -> Evaluation:
    """Hold a run: calls under way are finished and kept, no new one is begun until it is resumed.

    Raises:
        NotFound: there is no such evaluation.
        Conflict: it is not under way.
    """
    values = {"state": "paused", "finished_at": now(), "problem": "Paused; the scores are partial."}
    return _change_state(engine, actor, id, reason, "pause", OPEN_STATES, values)


def cancel(engine: sa.Engine, *, actor: str, id: str, reason: str = "") -> Evaluation:
    """Stop a run: its scores are kept and labelled partial, it gets no verdict.

    Raises:
        NotFound: there is no such evaluation.
        Conflict: it has ended already.
    """
    values = {"state": "cancelled", "finished_at": now(), "problem": "Cancelled; the scores are partial."}
    return _change_state(engine, actor, id, reason, "cancel", (*OPEN_STATES, "paused"), values)


def resume(
    engine: sa.Engine, *, actor: str, id: str, reason: str = "", spend_limit_nano_usd: int | None = None
) -> Evaluation:
    """Let a run go on: what is scored stays, what failed is tried again, no finished call is paid again.

    Args:
        engine: of the product's database.
        actor: who.
        id: of the run.
        reason: why.
        spend_limit_nano_usd: of the whole run, what it spent so far included; None leaves the limit as it is.

    Raises:
        NotFound: there is no such evaluation.
        Conflict: it is neither paused, cancelled nor failed.
        BadInput: the limit is spent already.
    """
    with writing(engine) as connection:
        before = _lock_evaluation(connection, id)
        if before.state not in RESUMABLE_STATES:
            raise Conflict(
                f"Evaluation {id} is {before.state}; only a paused, cancelled or failed one can be resumed."
            )
        pace = before.config.get("pace") or {}
        if spend_limit_nano_usd is not None:
            pace = RateLimits.from_json({**pace, "spend_limit_nano_usd": spend_limit_nano_usd}).as_json()
        launching.check_spend_limit(pace.get("spend_limit_nano_usd"), before.spent_nano_usd)
        again = launching.delete_failed(connection, id)
        config = {**before.config, "pace": pace, "runner": ""}
        connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id)
            .values(
                state="queued",
                problem="",
                config=config,
                results=None,
                finished_at=None,
                attempt=before.attempt + 1,
                units_done=before.units_done - again.units,
                units_undefined=before.units_undefined - again.units,
                units_failed=0,
                answers_done=before.answers_done - again.answers,
            )
        )
        after = get_evaluation(connection, id)
        _record_audit(connection, actor, "resume", reason, before, after)
        return after


def _change_state(
    engine: sa.Engine,
    actor: str,
    id: str,
    reason: str,
    action: str,
    states: Sequence[str],
    values: Mapping[str, Any],
) -> Evaluation:
    with writing(engine) as connection:
        before = _lock_evaluation(connection, id)
        if before.state not in states:
            raise Conflict(f"Evaluation {id} is {before.state} already; there is nothing to {action}.")
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(values))
        after = get_evaluation(connection, id)
        _record_audit(connection, actor, action, reason, before, after)
        return after


def _lock_evaluation(connection: sa.Connection, id: str) -> Evaluation:
    connection.execute(sa.select(evaluation.c.id).where(evaluation.c.id == id).with_for_update())
    return get_evaluation(connection, id)


def _record_audit(
    connection: sa.Connection, actor: str, action: str, reason: str, before: Evaluation, after: Evaluation
) -> None:
    def facts(run: Evaluation) -> dict[str, Any]:
        limit = (run.config.get("pace") or {}).get("spend_limit_nano_usd")
        return {"state": run.state, "attempt": run.attempt, "spend_limit_nano_usd": limit}

    audit.record(
        connection,
        actor=actor,
        action=f"evaluation.{action}",
        subject=before.id,
        application=before.application,
        reason=reason,
        before=facts(before),
        after=facts(after),
    )
