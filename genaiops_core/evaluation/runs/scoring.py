"""Scoring of a batch of cases: missing answers are generated, missing units are judged and recorded as they finish."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation_score
from db.transaction import reading
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.calls.call_session import CallSession
from genaiops_core.evaluation.calls.records import AnswerRecord, ScoreRecord
from genaiops_core.evaluation.calls.unit import UnitKey
from genaiops_core.evaluation.calls.unit_calls import NoCalls, UnitCalls
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges.protocol import Judge, Judgement
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.runs.answering import (
    AnswerKey,
    answer_case,
    build_answered_case,
    build_unanswered_score,
    load_answers,
)
from genaiops_core.evaluation.runs.evaluation import Evaluation
from genaiops_core.evaluation.runs.judging import is_computed

_COMPUTED_PER_CHECK = 100
"""Units that are computed between two checks whether the evaluation was stopped."""
_MAX_REASON_CHARACTERS = 1000


@dataclass(frozen=True, kw_only=True)
class _PendingWork:
    """The missing units of a batch and what they need."""

    cases: Mapping[int, Case]
    missing: Sequence[UnitKey]
    answers: Mapping[AnswerKey, AnswerRecord]
    """Recorded answers of the target; empty when the answers of the dataset are scored."""


async def score_cases(session: CallSession, run: Evaluation, numbers: Sequence[int]) -> bool:
    """Score every missing unit of these cases.

    Args:
        session: an open session of the evaluation.
        run: the evaluation.
        numbers: case numbers.

    Returns:
        False when the evaluation was stopped before all units were scored.

    Raises:
        Exception: records could not be written; the whole batch may be repeated.
    """
    work = await asyncio.to_thread(_load_pending, session, run, numbers)
    try:
        cases = await _prepare_cases(session, run, work)
        units = [unit for unit in work.missing if unit[:2] in cases]
        paid = [unit for unit in units if not is_computed(session.judge, unit.metric)]
        await _run_until_stopped(session, [_judge_unit(session, cases[unit[:2]], unit) for unit in paid])
        computed = [unit for unit in units if is_computed(session.judge, unit.metric)]
        await _compute_units(session, cases, computed)
    finally:
        if session.stopping.is_set():
            await session.settle()
        session.cache.forget(numbers)
    # Scores are queued without waiting; a batch is done only when they are committed.
    await session.writer.flush()
    return not session.stopping.is_set()


async def _prepare_cases(session: CallSession, run: Evaluation, work: _PendingWork) -> dict[AnswerKey, Case]:
    """The cases to judge; units of cases without an answer are recorded as undefined."""
    keys = dict.fromkeys(unit[:2] for unit in work.missing)
    if session.target is None:
        return {key: work.cases[key[0]] for key in keys}
    answers = dict(work.answers)
    spec = run.config.get("target") or {}
    await _run_until_stopped(
        session,
        [answer_case(session, spec, work.cases[key[0]], key, answers) for key in keys if key not in answers],
    )
    for unit in work.missing:
        record = answers.get(unit[:2])
        if record is not None and record.answer is None:
            session.writer.write(build_unanswered_score(unit, record))
    return {
        key: build_answered_case(work.cases[key[0]], answers[key])
        for key in keys
        if key in answers and answers[key].answer is not None
    }


async def _run_until_stopped(session: CallSession, coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all at once; when the session stops, cancel those that are not done."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    if not tasks:
        return
    gathering = asyncio.create_task(_gather(tasks))
    stop = asyncio.create_task(session.stopping.wait())
    try:
        await asyncio.wait({gathering, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
        if not gathering.done():
            for task in tasks:
                task.cancel()
        # Also when this task is cancelled: no unit may write after the session is closed.
        results = await gathering
    for result in results:
        # A CancelledError is no Exception: units that the stop cancelled stay missing, without an error.
        if isinstance(result, Exception):
            raise result


async def _gather(tasks: Sequence[asyncio.Task[None]]) -> list[BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)


def _load_pending(session: CallSession, run: Evaluation, numbers: Sequence[int]) -> _PendingWork:
    score = evaluation_score.c
    with reading(session.engine) as connection:
        scored = {
            UnitKey(*row)
            for row in connection.execute(
                sa.select(score.case_no, score.repetition, score.metric).where(
                    score.evaluation_id == run.id, score.case_no.in_(numbers)
                )
            )
        }
        expected = (
            UnitKey(number, repetition, metric)
            for number in numbers
            for repetition in range(1, run.repetitions + 1)
            for metric in run.metrics
        )
        missing = [unit for unit in expected if unit not in scored]
        if missing and session.judge.model is not None:
            session.cache.load(connection, numbers)
        answers = load_answers(connection, run.id, numbers) if session.target is not None else {}
        return _PendingWork(
            answers=answers,
            cases=datasets.load_cases(connection, run.dataset, run.version, numbers),
            missing=missing,
        )


async def _judge_unit(session: CallSession, case: Case, unit: UnitKey) -> None:
    """Judge one unit; any error becomes its score: failed, with the reason."""
    assert session.judge.model is not None
    async with session.units:
        started = time.perf_counter()
        limit_s = session.rate_limits.unit_timeout_s
        clock = UnitClock(limit_s)
        calls = UnitCalls(session.context, session.judge.model, unit, clock)
        try:
            async with clock:
                judgement = await session.judge.judge(case, unit.metric, calls)
            record = _build_score(unit, judgement, calls.cost_nano_usd)
        # A cancellation passes: a unit that was stopped gets no score, so a resume repeats it.
        except Exception as error:
            reason = f"took longer than {limit_s:g} s" if clock.is_expired else _describe_error(error)
            elapsed_ms = (time.perf_counter() - started) * 1000
            record = _build_failed_score(unit, reason, calls.cost_nano_usd, elapsed_ms)
    session.writer.write(record)


async def _compute_units(
    session: CallSession, cases: Mapping[AnswerKey, Case], units: Sequence[UnitKey]
) -> None:
    """Compute metrics without a model in a thread: they occupy a CPU, and calls must continue meanwhile."""
    for start in range(0, len(units), _COMPUTED_PER_CHECK):
        if session.stopping.is_set():
            return
        chunk = units[start : start + _COMPUTED_PER_CHECK]
        for record in await asyncio.to_thread(_compute_in_thread, session, cases, chunk):
            session.writer.write(record)


def _compute_in_thread(
    session: CallSession, cases: Mapping[AnswerKey, Case], units: Sequence[UnitKey]
) -> list[ScoreRecord]:
    """Runs in a thread with its own event loop, since `Judge.judge` is a coroutine."""

    async def compute_units() -> list[ScoreRecord]:
        return [
            await _compute_unit(session.judge, cases[unit[:2]], unit)
            for unit in units
            if not session.stopping.is_set()
        ]

    return asyncio.run(compute_units())


async def _compute_unit(judge: Judge, case: Case, unit: UnitKey) -> ScoreRecord:
    started = time.perf_counter()
    try:
        return _build_score(unit, await judge.judge(case, unit.metric, NoCalls()), 0)
    except Exception as error:
        return _build_failed_score(unit, _describe_error(error), 0, (time.perf_counter() - started) * 1000)


def _build_score(unit: UnitKey, judgement: Judgement, cost_nano_usd: int | None) -> ScoreRecord:
    """A judgement as a score; NaN and infinity become an undefined value."""
    is_number = judgement.value is not None and math.isfinite(judgement.value)
    return ScoreRecord(
        unit=unit,
        value=judgement.value if is_number else None,
        reason=judgement.reason or ("" if is_number else "the judge returned no number"),
        is_failed=judgement.is_failed,
        cost_nano_usd=cost_nano_usd,
        latency_ms=judgement.latency_ms,
    )


def _build_failed_score(
    unit: UnitKey, reason: str, cost_nano_usd: int | None, latency_ms: float
) -> ScoreRecord:
    """The score of a unit that a later attempt repeats."""
    return ScoreRecord(
        unit=unit,
        value=None,
        reason=reason[:_MAX_REASON_CHARACTERS],
        is_failed=True,
        cost_nano_usd=cost_nano_usd,
        latency_ms=latency_ms,
    )


def _describe_error(error: Exception) -> str:
    """Why a unit failed: the message of a failed call, or the type of any other error."""
    if isinstance(error, CallFailed):
        return str(error)
    return f"the judge raised {type(error).__name__}: {error}"
