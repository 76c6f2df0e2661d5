"""Scoring some cases of a run: what is missing is loaded, answered, judged, and kept as it comes."""

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
from genaiops_core.evaluation.calls.call_session import Desk
from genaiops_core.evaluation.calls.records import KeptScore
from genaiops_core.evaluation.calls.unit import Unit
from genaiops_core.evaluation.calls.unit_calls import NoCalls, UnitCalls
from genaiops_core.evaluation.calls.unit_clock import UnitClock
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges.protocol import Judge, Judgement
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.runs import answering
from genaiops_core.evaluation.runs.answering import Answers
from genaiops_core.evaluation.runs.judging import is_computed

_COMPUTED_AT_ONCE = 100
"""Units computed between two looks at whether to go on."""
_LONGEST_REASON = 1000


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What is left to do of some cases."""

    cases: Mapping[int, Case]
    missing: Sequence[Unit]
    answers: Answers
    """What the target said before; empty where the answers of the dataset are scored."""


async def score(desk: Desk, numbers: Sequence[int]) -> bool:
    """Score every missing unit of these cases.

    Returns:
        False when the run was stopped before all was done.

    Raises:
        Exception: the database did not take what was to be kept; all of it may be repeated.
    """
    work = await asyncio.to_thread(_load, desk, numbers)
    try:
        cases = await _cases(desk, work)
        units = [unit for unit in work.missing if unit[:2] in cases]
        paid = [unit for unit in units if not is_computed(desk.judge, unit.metric)]
        await until_stopped(desk, [_judge(desk, cases[unit[:2]], unit) for unit in paid])
        await _compute(desk, cases, [unit for unit in units if is_computed(desk.judge, unit.metric)])
    finally:
        if desk.stopping.is_set():
            await desk.settle()
        desk.journal.forget(numbers)
    await desk.keeper.flush()
    return not desk.stopping.is_set()


async def _cases(desk: Desk, work: _Work) -> dict[tuple[int, int], Case]:
    """(case number, repetition) -> the case as it is to be judged; the units of unanswered ones are settled here."""
    wanted = dict.fromkeys(unit[:2] for unit in work.missing)
    if desk.target is None:
        return {which: work.cases[which[0]] for which in wanted}
    answers = dict(work.answers)
    asked = [which for which in wanted if which not in answers]
    await until_stopped(
        desk, [answering.answer(desk, work.cases[which[0]], which, answers) for which in asked]
    )
    for unit in work.missing:
        given = answers.get(unit[:2])
        if given is not None and given.answer is None:
            desk.keeper.put(answering.unanswered(unit, given))
    return {
        which: answering.judged_case(work.cases[which[0]], answers[which])
        for which in wanted
        if which in answers and answers[which].answer is not None
    }


async def until_stopped(desk: Desk, works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of them at once; when the run is stopped, those that wait are given up."""
    tasks = [asyncio.create_task(work) for work in works]
    if not tasks:
        return
    everything = asyncio.create_task(_all(tasks))
    stop = asyncio.create_task(desk.stopping.wait())
    try:
        await asyncio.wait({everything, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
        if not everything.done():
            for task in tasks:
                task.cancel()
        found = await everything
    for result in found:
        if isinstance(result, Exception):
            raise result


async def _all(tasks: Sequence[asyncio.Task[None]]) -> list[BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)


def _load(desk: Desk, numbers: Sequence[int]) -> _Work:
    run = desk.run
    score = evaluation_score.c
    with reading(desk.engine) as connection:
        there = {
            Unit(*row)
            for row in connection.execute(
                sa.select(score.case_no, score.repetition, score.metric).where(
                    score.evaluation_id == run.id, score.case_no.in_(numbers)
                )
            )
        }
        every = (
            Unit(number, repetition, metric)
            for number in numbers
            for repetition in range(1, run.repetitions + 1)
            for metric in run.metrics
        )
        missing = [unit for unit in every if unit not in there]
        if missing and desk.judge.model is not None:
            desk.journal.load(connection, numbers)
        answers = answering.load(connection, run.id, numbers) if desk.target is not None else {}
        return _Work(
            answers=answers,
            cases=datasets.numbered_cases(connection, run.dataset, run.version, numbers),
            missing=missing,
        )


async def _judge(desk: Desk, case: Case, unit: Unit) -> None:
    """One unit; whatever goes wrong with it is its own score: failed, with the reason."""
    assert desk.judge.model is not None
    async with desk.units:
        began = time.perf_counter()
        clock = UnitClock(desk.pace.unit_timeout_s)
        calls = UnitCalls(desk.means, desk.judge.model, unit, clock)
        try:
            async with clock:
                judged = await desk.judge.judge(case, unit.metric, calls)
            score = kept(unit, judged, calls.cost_nano_usd)
        except Exception as error:
            said = f"took longer than {desk.pace.unit_timeout_s:g} s" if clock.expired else told(error)
            score = failed(unit, said, calls.cost_nano_usd, (time.perf_counter() - began) * 1000)
    desk.keeper.put(score)


async def _compute(desk: Desk, cases: Mapping[tuple[int, int], Case], units: Sequence[Unit]) -> None:
    """Metrics without a model keep a CPU busy: in a thread, so that calls go on meanwhile."""
    for start in range(0, len(units), _COMPUTED_AT_ONCE):
        if desk.stopping.is_set():
            return
        some = units[start : start + _COMPUTED_AT_ONCE]
        for score in await asyncio.to_thread(_computed_units, desk, cases, some):
            desk.keeper.put(score)


def _computed_units(
    desk: Desk, cases: Mapping[tuple[int, int], Case], units: Sequence[Unit]
) -> list[KeptScore]:
    """In a thread of their own, with an event loop of their own."""

    async def those_in_time() -> list[KeptScore]:
        return [
            await _computed(desk.judge, cases[unit[:2]], unit) for unit in units if not desk.stopping.is_set()
        ]

    return asyncio.run(those_in_time())


async def _computed(judge: Judge, case: Case, unit: Unit) -> KeptScore:
    began = time.perf_counter()
    try:
        return kept(unit, await judge.judge(case, unit.metric, NoCalls()), 0)
    except Exception as error:
        return failed(unit, told(error), 0, (time.perf_counter() - began) * 1000)


def kept(unit: Unit, judged: Judgement, cost_nano_usd: int | None) -> KeptScore:
    """A judgement as a score; a value that is no number is none."""
    is_number = judged.value is not None and math.isfinite(judged.value)
    return KeptScore(
        unit=unit,
        value=judged.value if is_number else None,
        reason=judged.reason or ("" if is_number else "the judge gave no number"),
        is_failed=judged.is_failed,
        cost_nano_usd=cost_nano_usd,
        latency_ms=judged.latency_ms,
    )


def failed(unit: Unit, reason: str, cost_nano_usd: int | None, latency_ms: float) -> KeptScore:
    """A unit that another attempt may still score."""
    return KeptScore(
        unit=unit,
        value=None,
        reason=reason[:_LONGEST_REASON],
        is_failed=True,
        cost_nano_usd=cost_nano_usd,
        latency_ms=latency_ms,
    )


def told(error: Exception) -> str:
    """Why a unit failed: the judge's own words, or the kind of error where it has none."""
    return (
        str(error) if isinstance(error, CallFailed) else f"the judge broke: {type(error).__name__}: {error}"
    )
