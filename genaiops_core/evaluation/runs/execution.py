"""What a run does, in steps that may be repeated: begin, score its parts, finish.

The worker takes these steps from the job engine, the command line takes them here. Each does nothing the second time:
a score that is there stays, only new scores count as done, and a call that was kept is not made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import evaluation
from db.transaction import reading, writing
from genaiops_core.clock import now
from genaiops_core.errors import GenAIOpsError
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.calls.call_session import opened
from genaiops_core.evaluation.runs import case_choice, deciding, records, states
from genaiops_core.evaluation.runs.judging import build_judge
from genaiops_core.evaluation.runs.parts import choose_batch_size, split_into_batches
from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.evaluation.runs.scoring import score

Progress = Callable[[Evaluation], None]
"""Told how far a run is."""

_PARTS_AT_ONCE = 4
"""The next parts fill the slots that the last units of the one before leave."""


def run(engine: sa.Engine, id: str, progress: Progress | None = None, *, runner: str = "") -> Evaluation:
    """Take all steps here and now.

    Args:
        engine: of the product's database.
        id: of the run.
        progress: told about the run twice a second, and at the end of its scoring.
        runner: names this process.
    """
    with reading(engine) as connection:
        attempt = records.get_evaluation(connection, id).attempt
    parts = begin(engine, id, attempt)
    if parts:
        asyncio.run(_score(engine, id, parts, progress, runner))
    return finish(engine, id, attempt)


async def _score(
    engine: sa.Engine, id: str, parts: Sequence[Sequence[int]], progress: Progress | None, runner: str
) -> None:
    desk = await opened(engine, _now(engine, id), executor_id=runner)
    if desk is None:
        return
    telling = asyncio.create_task(_tell(engine, id, progress)) if progress else None
    try:
        under_way: set[asyncio.Task[bool]] = set()
        for part in parts:
            if len(under_way) == _PARTS_AT_ONCE:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            under_way.add(asyncio.create_task(score(desk, part)))
        await asyncio.gather(*under_way)
    finally:
        if telling:
            telling.cancel()
        await desk.close()
    if progress:
        progress(await asyncio.to_thread(_now, engine, id))


async def _tell(engine: sa.Engine, id: str, progress: Progress) -> None:
    while True:
        progress(await asyncio.to_thread(_now, engine, id))
        await asyncio.sleep(0.5)


def _now(engine: sa.Engine, id: str) -> Evaluation:
    with reading(engine) as connection:
        return records.get_evaluation(connection, id)


def begin(engine: sa.Engine, id: str, attempt: int) -> list[list[int]]:
    """Mark the run as running; returns its case numbers in parts (none when it is not to run any more)."""
    asked = states.begin(engine, id, attempt)
    if asked is None:
        return []
    with reading(engine) as connection:
        suite = datasets.get_version(connection, asked.dataset, asked.version)
        numbers = case_choice.select_cases(connection, suite, asked.split, asked.sample_size)
    try:
        is_computed = build_judge(asked).model is None
    except GenAIOpsError as error:  # an account, an option or a package that this machine lacks
        states.fail(engine, id, str(error), attempt)
        return []
    size = choose_batch_size(asked.units, is_computed=is_computed)
    return split_into_batches(numbers, len(asked.metrics) * asked.repetitions, size)


def finish(engine: sa.Engine, id: str, attempt: int | None = None) -> Evaluation:
    """Summarise the scores and decide the gates; a run that was stopped gets a summary but no verdict.

    Args:
        engine: of the product's database.
        id: of the run.
        attempt: only if the run is still in this one.
    """
    with reading(engine) as connection:
        asked = records.get_evaluation(connection, id)
        if not _is_to_be_finished(asked, attempt):
            return asked
        at = now()
        outcome = deciding.conclude(connection, asked, at)
    with writing(engine) as connection:
        # Two processes may have come this far with the same run: the first one's results stand.
        connection.execute(sa.select(evaluation.c.id).where(evaluation.c.id == id).with_for_update())
        current = records.get_evaluation(connection, id)
        if not _is_to_be_finished(current, attempt):
            return current
        is_whole = current.state == "running"
        values: dict[str, Any] = {"results": outcome.document(is_whole=is_whole)}
        if is_whole:
            values.update(state="finished", verdict=outcome.decision.verdict, finished_at=at)
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(**values))
        return records.get_evaluation(connection, id)


def _is_to_be_finished(run: Evaluation, attempt: int | None) -> bool:
    is_ours = attempt is None or run.attempt == attempt
    return is_ours and run.results is None and run.state != "queued"
