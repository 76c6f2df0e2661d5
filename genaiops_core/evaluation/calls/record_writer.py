"""One writer for all records that a process makes for a run: many calls and scores share one transaction.

A call is committed before its reply is used, so that a crash never causes a second payment for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from db.tables.evaluations import evaluation, evaluation_score, generated_answer, judge_call, spend_hold
from db.transaction import insert, writing
from genaiops_core.evaluation.calls.records import AnswerRecord, CallRecord, ScoreRecord
from genaiops_core.logs import get_logger

Record = CallRecord | ScoreRecord | AnswerRecord

LINGER_S = 0.02
"""How long the writer collects records for one transaction; a slot for calls is free meanwhile."""
_MAX_BATCH = 500

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class RetryCounts:
    """How many units and answers a resume repeats."""

    units: int
    answers: int


class RecordWriter:
    """Writes the records of one run; used inside one event loop."""

    def __init__(self, engine: sa.Engine, id: str, attempt: int, executor_id: str = "") -> None:
        self._engine = engine
        self._id = id
        self._attempt = attempt
        self._executor_id = executor_id
        self._queue: list[tuple[Record, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        # A thread of its own: commits must not queue behind calls.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="record-writer")
        self.problem: Exception | None = None
        """Why a write failed; no unit may be scored after that."""

    def write(self, record: Record) -> asyncio.Future[None]:
        """Queue a record; the returned future is done when it is committed, and raises when the write fails."""
        committed = asyncio.get_running_loop().create_future()
        self._queue.append((record, committed))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_batches())
        return committed

    async def flush(self) -> None:
        """Wait until all queued records are committed.

        Raises:
            Exception: a write failed.
        """
        while self._writing is not None:
            # Shielded: a cancelled caller must not stop the writing of other units' records.
            await asyncio.shield(self._writing)
        if self.problem is not None:
            raise self.problem

    async def close(self) -> None:
        """Write what is queued and end the thread."""
        while self._writing is not None:
            await asyncio.shield(self._writing)
        self._thread.shutdown(wait=False)

    async def _write_batches(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                await asyncio.sleep(LINGER_S)
                batch, self._queue = self._queue[:_MAX_BATCH], self._queue[_MAX_BATCH:]
                try:
                    await loop.run_in_executor(self._thread, self._commit, [record for record, _ in batch])
                except Exception as error:
                    log.exception("calls and scores could not be written", evaluation=self._id)
                    # Never reset: later records fail too, the session ends, and another one repeats the
                    # batch.
                    self.problem = error
                for _, committed in batch:
                    # The unit was cancelled while it waited; its record is committed all the same.
                    if committed.cancelled():
                        continue
                    if self.problem is None:
                        committed.set_result(None)
                    else:
                        committed.set_exception(self.problem)
                        # Marks the exception as retrieved: scores are queued without awaiting their future.
                        committed.exception()
        finally:
            # No await since the queue was empty, so `write` cannot have added a record that nobody writes.
            self._writing = None

    def _commit(self, records: Sequence[Record]) -> None:
        # Safe to repeat after a lost connection: rows that exist are ignored, and only new ones are counted.
        attempts = Retrying(
            retry=retry_if_exception_type(sa.exc.OperationalError),
            stop=stop_after_attempt(4),
            wait=wait_exponential(0.2),
            reraise=True,
        )
        attempts(write_records, self._engine, self._id, self._attempt, records, self._executor_id)


def write_records(
    engine: sa.Engine, id: str, attempt: int, records: Sequence[Record], executor_id: str = ""
) -> None:
    """Insert the records that are new and add exactly those to the counters of the run, in one transaction.

    Calls and answers were paid, so they are always written. Scores are written only while the run is in this attempt.

    Args:
        engine: of the product's database.
        id: of the run.
        attempt: the attempt of the run that made the records.
        records: in any order.
        executor_id: the process whose reservation pays; '' where the run has no spend limit.
    """
    calls = [record.to_row(id) for record in records if isinstance(record, CallRecord)]
    answers = [record for record in records if isinstance(record, AnswerRecord)]
    scores = [record.to_row(id) for record in records if isinstance(record, ScoreRecord)]
    with writing(engine) as connection:
        # The counters are increased below, so the row is locked first: two writers would both add to the old values.
        run = connection.execute(
            sa.select(evaluation.c.state, evaluation.c.attempt).where(evaluation.c.id == id).with_for_update()
        ).one()
        increments: dict[str, int] = {}
        spent = 0
        if calls:
            counts = _insert_calls(connection, calls)
            increments |= counts
            spent += counts["cost_nano_usd"]
        if answers:
            counts = _insert_answers(connection, id, answers)
            increments |= counts
            spent += counts["answers_cost_nano_usd"]
        # A late score of an older attempt may be one that `resume` has deleted to repeat it.
        if scores and (run.state, run.attempt) == ("running", attempt):
            increments |= _insert_scores(connection, scores)
        if increments:
            values = {name: evaluation.c[name] + count for name, count in increments.items()}
            connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(values))
        # In the same transaction as the counters, so that spent plus reserved never exceeds the limit.
        if spent and executor_id:
            reservation = spend_hold.c
            connection.execute(
                sa.update(spend_hold)
                .where(reservation.evaluation_id == id, reservation.executor_id == executor_id)
                .values(
                    nano_usd=sa.case((reservation.nano_usd > spent, reservation.nano_usd - spent), else_=0)
                )
            )


def delete_failed(connection: sa.Connection, id: str) -> RetryCounts:
    """Delete the scores and answers that have no value because the judge or the target failed."""
    scores = connection.execute(
        sa.delete(evaluation_score).where(
            evaluation_score.c.evaluation_id == id, evaluation_score.c.is_failed
        )
    )
    answers = connection.execute(
        sa.delete(generated_answer).where(
            generated_answer.c.evaluation_id == id, generated_answer.c.latency_ms.is_(None)
        )
    )
    return RetryCounts(units=scores.rowcount, answers=answers.rowcount)


def _insert_calls(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Increments of the run's counters."""
    inserted = _insert_new(connection, judge_call, rows)
    return {
        "judge_calls": len(inserted),
        "input_tokens": sum(row.input_tokens or 0 for row in inserted),
        "output_tokens": sum(row.output_tokens or 0 for row in inserted),
        "cost_nano_usd": sum(row.cost_nano_usd or 0 for row in inserted),
        "uncounted_calls": sum(row.input_tokens is None or row.output_tokens is None for row in inserted),
        "unpriced_calls": sum(row.cost_nano_usd is None for row in inserted),
    }


def _insert_answers(connection: sa.Connection, id: str, answers: Sequence[AnswerRecord]) -> dict[str, int]:
    """Increments of the run's counters."""
    rows = _insert_new(connection, generated_answer, [answer.to_row(id) for answer in answers])
    keys = {(row.case_no, row.repetition) for row in rows}
    # From rows back to records, because `is_paid` is no column.
    inserted = [answer for answer in answers if (answer.case_no, answer.repetition) in keys]
    return {
        "answers_done": len(inserted),
        "answers_cost_nano_usd": sum(answer.cost_nano_usd or 0 for answer in inserted),
        "answers_unpriced": sum(answer.is_paid and answer.cost_nano_usd is None for answer in inserted),
    }


def _insert_scores(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Increments of the run's counters."""
    inserted = _insert_new(connection, evaluation_score, rows)
    return {
        "units_done": len(inserted),
        "units_undefined": sum(row.value is None for row in inserted),
        "units_failed": sum(row.is_failed for row in inserted),
    }


def _insert_new(
    connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]
) -> Sequence[sa.Row[Any]]:
    """Insert the rows whose keys are not in the table; returns those."""
    statement = insert(connection, table).on_conflict_do_nothing().returning(*table.c)
    return connection.execute(statement, list(rows)).all()
