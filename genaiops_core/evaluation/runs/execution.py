"""Execution of an evaluation in steps that may be repeated: begin, score its batches, finish.

The job engine of a worker runs these steps, or the command line runs them in its own process. A repeated step changes
nothing: existing scores stay, only new scores increase the counters, and a recorded call is not made again.
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
from genaiops_core.evaluation.runs import deciding, states
from genaiops_core.evaluation.runs.cases import choose_batch_size, select_cases, split_into_batches
from genaiops_core.evaluation.runs.evaluation import Evaluation, get_evaluation
from genaiops_core.evaluation.runs.judging import build_judge
from genaiops_core.evaluation.runs.scoring import score_cases
from genaiops_core.evaluation.runs.session_pool import open_session

ProgressCallback = Callable[[Evaluation], None]

_BATCHES_AT_ONCE = 4
"""The next batches fill the slots that the last units of a batch leave free."""
_PROGRESS_INTERVAL_S = 0.5


def run(
    engine: sa.Engine, id: str, progress: ProgressCallback | None = None, *, runner: str = ""
) -> Evaluation:
    """Execute all steps in this process.

    Args:
        engine: of the product's database.
        id: of the evaluation.
        progress: called twice a second with the evaluation, and at the end of its scoring.
        runner: the ID of this process.
    """
    attempt = _fetch_evaluation(engine, id).attempt
    batches = begin(engine, id, attempt)
    if batches:
        asyncio.run(_score_batches(engine, id, batches, progress, runner))
    # Also without batches: an evaluation that failed or stopped gets its summary.
    return finish(engine, id, attempt)


def begin(engine: sa.Engine, id: str, attempt: int) -> list[list[int]]:
    """Mark the evaluation as running; returns its case numbers in batches, none when it must not run any more."""
    begun = states.begin(engine, id, attempt)
    if begun is None:
        return []
    with reading(engine) as connection:
        dataset_version = datasets.get_version(connection, begun.dataset, begun.version)
        # Selected anew in every attempt: the result is always the same, so no list of cases is stored.
        numbers = select_cases(connection, dataset_version, begun.split, begun.sample_size)
    try:
        is_computed = build_judge(begun).model is None
    except GenAIOpsError as error:  # this machine lacks an account, an option or a package
        states.fail(engine, id, str(error), attempt)
        return []
    size = choose_batch_size(begun.units, is_computed=is_computed)
    return split_into_batches(numbers, len(begun.metrics) * begun.repetitions, size)


def finish(engine: sa.Engine, id: str, attempt: int | None = None) -> Evaluation:
    """Summarise the scores and decide the gates; a stopped evaluation gets a summary but no verdict.

    Args:
        engine: of the product's database.
        id: of the evaluation.
        attempt: finish it only in this attempt; None finishes it in any.
    """
    with reading(engine) as connection:
        before = get_evaluation(connection, id)
        if not _needs_finish(before, attempt):
            return before
        at = now()
        outcome = deciding.conclude(connection, before, at)
    with writing(engine) as connection:
        # Two processes may finish the same evaluation at once: the lock makes the first one's results stand.
        connection.execute(sa.select(evaluation.c.id).where(evaluation.c.id == id).with_for_update())
        current = get_evaluation(connection, id)
        if not _needs_finish(current, attempt):
            return current
        # Read again under the lock: a pause or a cancellation since the summary takes the verdict away.
        is_whole = current.state == "running"
        values: dict[str, Any] = {"results": outcome.document(is_whole=is_whole)}
        if is_whole:
            values.update(state="finished", verdict=outcome.decision.verdict, finished_at=at)
        connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(**values))
        return get_evaluation(connection, id)


async def _score_batches(
    engine: sa.Engine,
    id: str,
    batches: Sequence[Sequence[int]],
    progress: ProgressCallback | None,
    runner: str,
) -> None:
    begun = _fetch_evaluation(engine, id)
    session = await open_session(engine, begun, executor_id=runner)
    if session is None:
        return
    reporting = asyncio.create_task(_report_progress(engine, id, progress)) if progress else None
    try:
        in_progress: set[asyncio.Task[bool]] = set()
        for batch in batches:
            if len(in_progress) == _BATCHES_AT_ONCE:
                done, in_progress = await asyncio.wait(in_progress, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    # Raises the error of a batch, which the following batches would meet too.
                    task.result()
            in_progress.add(asyncio.create_task(score_cases(session, begun, batch)))
        await asyncio.gather(*in_progress)
    finally:
        if reporting:
            reporting.cancel()
        await session.close()
    if progress:
        progress(await asyncio.to_thread(_fetch_evaluation, engine, id))


async def _report_progress(engine: sa.Engine, id: str, progress: ProgressCallback) -> None:
    while True:
        progress(await asyncio.to_thread(_fetch_evaluation, engine, id))
        await asyncio.sleep(_PROGRESS_INTERVAL_S)


def _fetch_evaluation(engine: sa.Engine, id: str) -> Evaluation:
    with reading(engine) as connection:
        return get_evaluation(connection, id)


def _needs_finish(current: Evaluation, attempt: int | None) -> bool:
    is_same_attempt = attempt is None or current.attempt == attempt
    return is_same_attempt and current.results is None and current.state != "queued"
