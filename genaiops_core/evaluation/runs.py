"""Evaluation runs: launched as a row, picked up by a worker, read while they run, cancelled, kept."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation, evaluation_score, test_case
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.evaluation import datasets, pipeline
from genaiops_core.evaluation.cases import Case
from genaiops_core.evaluation.judges import judge as judge_of
from genaiops_core.evaluation.metrics import canonical
from genaiops_core.evaluation.pace import Pace

OPEN_STATES = ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One run: what was asked, how far it is, and what came out."""

    id: str
    application: str
    release: str
    dataset: str
    version: int
    judge: str
    metrics: tuple[str, ...]
    config: dict[str, Any]
    """{"pipeline": document or None, "minimums": {metric: threshold}, "limits": {...}, "target": {...} or None,
    "repetitions": int, "pace": {...}, "judge_options": {...}, "baseline": evaluation id or ""}"""
    sample_size: int | None
    state: str
    """queued, running, paused, finished, cancelled or failed."""
    verdict: str | None
    """passed, failed, inconclusive or error once finished; None before, and when cancelled."""
    units: int
    """Units (case, repetition, metric) to score."""
    units_done: int
    units_undefined: int
    """Done, but without a value."""
    units_failed: int
    """Of the undefined ones, those whose judge or target failed."""
    cost_nano_usd: int
    """What judging cost so far; a lower bound while `unpriced_calls` is above 0."""
    judge_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    answers: int
    """Answers that the target has to give; 0 when the answers of the dataset are scored."""
    answers_done: int
    answers_cost_nano_usd: int
    answers_unpriced: int
    attempt: int
    """1, and one more for every resume."""
    resumed_at: dt.datetime | None
    units_at_resume: int
    results: dict[str, Any] | None
    """The schema documented in `evaluation.results`; partial when cancelled."""
    problem: str
    created_by: str
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    is_demo: bool

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def progress(self) -> float:
        """Share of units scored, 0 to 1."""
        return self.units_done / self.units if self.units else 0.0

    @property
    def cost_usd(self) -> str:
        return format(Decimal(self.cost_nano_usd).scaleb(-9).normalize(), "f")


@dataclass(frozen=True, kw_only=True)
class Score:
    """The value of one metric for one case, or the reason why there is none."""

    value: float | None
    reason: str
    cost_nano_usd: int
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class ScoredCase:
    """A case of a run with its texts and what was scored so far."""

    case_no: int
    case: Case
    scores: dict[str, Score]


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
    sample_size: int | None = None,
    target: Mapping[str, Any] | None = None,
    repetitions: int = 1,
    pace: Pace | None = None,
    baseline: str = "",
    reason: str = "",
    is_demo: bool = False,
) -> str:
    """Ask for a run; a worker starts it within a second.

    Args:
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
        sample_size: at most this many cases.
        target: who answers the cases first (`evaluation.targets`); None scores the answers of the dataset.
        repetitions: how often the target answers each case.
        pace: concurrency, rate, timeout and spend limit.
        baseline: id of the evaluation it is compared with; '' leaves that to the regression stages.

    Returns:
        The id of the evaluation.

    Raises:
        NotFound: no such dataset or version.
        BadInput: the judge, the pipeline, a minimum or the sample size cannot be used.
    """
    who = judge_of(judge)
    wanted = {canonical(name): _minimum(name, value) for name, value in (minimums or {}).items()}
    document = dict(config) if config is not None else None
    if document is None and not wanted and not limits:
        document = pipeline.default_document()
    stages = pipeline.parse(document) if document is not None else None
    if sample_size is not None and sample_size < 1:
        raise BadInput(f"The sample size must be at least 1, not {sample_size}.")
    size = sample_size or (stages.sample_size if stages else None)
    chosen = [canonical(name) for name in metrics] if metrics is not None else list(who.defaults)
    at = now()
    identifier = _new_id()
    with writing(engine) as connection:
        suite = datasets.get_version(connection, dataset, version)
        cases = min(suite.cases, size) if size else suite.cases
        values = {
            "id": identifier,
            "application": application,
            "release": release,
            "dataset": suite.dataset,
            "version": suite.version,
            "judge": who.name,
            "metrics": chosen,
            "config": {
                "pipeline": document,
                "minimums": wanted,
                "limits": dict(limits or {}),
                "target": None if target is None else dict(target),
                "repetitions": repetitions,
                "pace": (pace or Pace()).as_json(),
                "judge_options": dict(judge_options or {}),
                "baseline": baseline,
            },
            "sample_size": size,
            "state": "queued",
            "units": cases * repetitions * len(chosen),
            "units_done": 0,
            "units_undefined": 0,
            "cost_nano_usd": 0,
            "problem": "",
            "created_by": actor,
            "created_at": at,
            "is_demo": is_demo,
        }
        connection.execute(sa.insert(evaluation).values(**values))
        facts = {
            name: values[name] for name in ("dataset", "version", "judge", "application", "release", "units")
        }
        audit.record(
            connection,
            actor=actor,
            action="evaluation.launch",
            subject=identifier,
            application=application,
            reason=reason,
            after=facts,
        )
    return identifier


def get(connection: sa.Connection, id: str) -> Evaluation:
    """One run.

    Raises:
        NotFound: there is no such evaluation.
    """
    row = connection.execute(sa.select(evaluation).where(evaluation.c.id == id)).first()
    if row is None:
        raise NotFound(f"There is no evaluation {id}.")
    return _from_row(row)


def list_evaluations(
    connection: sa.Connection,
    application: str | None = None,
    *,
    release: str | None = None,
    dataset: str | None = None,
    limit: int = 200,
) -> list[Evaluation]:
    """Runs, newest first."""
    query = sa.select(evaluation)
    for column, value in (("application", application), ("release", release), ("dataset", dataset)):
        if value is not None:
            query = query.where(evaluation.c[column] == value)
    # Ids are time-ordered, so they settle the order within one instant.
    query = query.order_by(evaluation.c.created_at.desc(), evaluation.c.id.desc()).limit(limit)
    return [_from_row(row) for row in connection.execute(query)]


def cancel(engine: sa.Engine, *, actor: str, id: str, reason: str = "") -> Evaluation:
    """Stop a run: its scores are kept and labelled partial, it gets no verdict.

    Raises:
        NotFound: there is no such evaluation.
        Conflict: it has ended already.
    """
    with writing(engine) as connection:
        before = get(connection, id)
        changed = connection.execute(
            sa.update(evaluation)
            .where(evaluation.c.id == id, evaluation.c.state.in_(OPEN_STATES))
            .values(state="cancelled", finished_at=now(), problem="Cancelled; the scores are partial.")
        )
        if not changed.rowcount:
            raise Conflict(f"Evaluation {id} is {before.state} already; there is nothing to cancel.")
        audit.record(
            connection,
            actor=actor,
            action="evaluation.cancel",
            subject=id,
            application=before.application,
            reason=reason,
            before={"state": before.state},
            after={"state": "cancelled"},
        )
        return get(connection, id)


def scores(connection: sa.Connection, id: str, limit: int | None = None, offset: int = 0) -> list[ScoredCase]:
    """The scored cases of a run in the order of the dataset, each with its texts.

    Args:
        limit: cases at most.
        offset: cases left out from the front.
    """
    run = get(connection, id)
    numbers = (
        sa.select(evaluation_score.c.case_no)
        .where(evaluation_score.c.evaluation_id == id)
        .distinct()
        .order_by(evaluation_score.c.case_no)
        .limit(limit if limit is not None else 1_000_000_000)
        .offset(offset)
        .subquery()
    )
    texts = sa.select(test_case).where(
        test_case.c.dataset == run.dataset,
        test_case.c.version == run.version,
        test_case.c.case_no.in_(sa.select(numbers.c.case_no)),
    )
    found = {
        row.case_no: ScoredCase(case_no=row.case_no, case=datasets.case_of(row), scores={})
        for row in connection.execute(texts.order_by(test_case.c.case_no))
    }
    rows = sa.select(evaluation_score).where(
        evaluation_score.c.evaluation_id == id, evaluation_score.c.case_no.in_(sa.select(numbers.c.case_no))
    )
    for row in connection.execute(rows):
        found[row.case_no].scores[row.metric] = Score(
            value=row.value, reason=row.reason, cost_nano_usd=row.cost_nano_usd, latency_ms=row.latency_ms
        )
    return list(found.values())


def _minimum(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise BadInput(f"The minimum of {canonical(name)} must be between 0 and 1, not {value:g}.")
    return float(value)


def _new_id() -> str:
    """Time-ordered like UUIDv7: 48 bits of milliseconds, then chance."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _from_row(row: sa.Row[Any]) -> Evaluation:
    return Evaluation(**{**row._mapping, "metrics": tuple(row.metrics)})
