"""One writer for everything a process learns about a run: many calls and scores go into one transaction.

A call is committed before its reply is used, so that no crash makes anybody pay for it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from db.tables.evaluations import evaluation, evaluation_score, generated_answer, judge_call, spend_hold
from db.transaction import insert, writing
from genaiops_core.evaluation.calls.records import KeptAnswer, KeptCall, KeptScore

Record = KeptCall | KeptScore | KeptAnswer

LINGER_S = 0.02
"""How long the writer waits for company; a slot for calls is free meanwhile."""
_MOST_AT_ONCE = 500

log = structlog.get_logger(__name__)


class Keeper:
    """Keeps records of one run; used inside one event loop."""

    def __init__(self, engine: sa.Engine, id: str, attempt: int, executor_id: str = "") -> None:
        self._engine = engine
        self._id = id
        self._attempt = attempt
        self._executor_id = executor_id
        self._waiting: list[tuple[Record, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        # A thread of its own: commits must not queue behind calls.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keeper")
        self.problem: Exception | None = None
        """Why something could not be kept; nothing may be scored any more then."""

    def put(self, record: Record) -> asyncio.Future[None]:
        """Have it kept; what is returned is done once it is committed, and raises when it cannot be."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return done

    async def flush(self) -> None:
        """Wait until everything put so far is kept.

        Raises:
            Exception: something could not be.
        """
        while self._writing is not None:
            await asyncio.shield(self._writing)
        if self.problem is not None:
            raise self.problem

    async def close(self) -> None:
        """Keep what is left and let go of the thread."""
        while self._writing is not None:
            await asyncio.shield(self._writing)
        self._thread.shutdown(wait=False)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(LINGER_S)
                batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                try:
                    await loop.run_in_executor(self._thread, self._commit, [record for record, _ in batch])
                except Exception as error:
                    log.exception("calls and scores could not be kept", evaluation=self._id)
                    self.problem = error
                for _, done in batch:
                    if done.cancelled():
                        continue
                    if self.problem is None:
                        done.set_result(None)
                    else:
                        done.set_exception(self.problem)
                        done.exception()  # not everybody waits for it
        finally:
            self._writing = None

    def _commit(self, records: Sequence[Record]) -> None:
        attempts = Retrying(
            retry=retry_if_exception_type(sa.exc.OperationalError),
            stop=stop_after_attempt(4),
            wait=wait_exponential(0.2),
            reraise=True,
        )
        attempts(keep, self._engine, self._id, self._attempt, records, self._executor_id)


def keep(engine: sa.Engine, id: str, attempt: int, records: Sequence[Record], executor_id: str = "") -> None:
    """Insert what is new and count exactly that, in one transaction.

    Calls and answers were paid, so they are always kept. Scores are kept only while the run goes on in this attempt.

    Args:
        engine: of the product's database.
        id: of the run.
        attempt: of the run, that the records belong to.
        records: in any order.
        executor_id: whose part of the spend limit pays; '' where there is none.
    """
    calls = [one.row(id) for one in records if isinstance(one, KeptCall)]
    answers = [one for one in records if isinstance(one, KeptAnswer)]
    scores = [one.row(id) for one in records if isinstance(one, KeptScore)]
    with writing(engine) as connection:
        # The counters are added to below, so the row is locked first: two writers would each add to the old ones.
        run = connection.execute(
            sa.select(evaluation.c.state, evaluation.c.attempt).where(evaluation.c.id == id).with_for_update()
        ).one()
        changes: dict[Any, Any] = {}
        spent = 0
        if calls:
            spent += _add(changes, _new_calls(connection, calls), "cost_nano_usd", "unpriced_calls")
        if answers:
            paid = _new_answers(connection, id, answers)
            spent += _add(changes, paid, "answers_cost_nano_usd", "answers_unpriced")
        if scores and (run.state, run.attempt) == ("running", attempt):
            _count_scores(changes, _new(connection, evaluation_score, scores))
        if changes:
            added = {name: evaluation.c[name] + count for name, count in changes.items()}
            connection.execute(sa.update(evaluation).where(evaluation.c.id == id).values(added))
        if spent and executor_id:
            held = spend_hold.c
            connection.execute(
                sa.update(spend_hold)
                .where(held.evaluation_id == id, held.executor_id == executor_id)
                .values(nano_usd=sa.case((held.nano_usd > spent, held.nano_usd - spent), else_=0))
            )


def _add(changes: dict[Any, Any], figures: dict[str, int], cost: str, unpriced: str) -> int:
    spent = figures.pop("cost")
    changes.update(figures, **{cost: spent, unpriced: figures.pop("unpriced")})
    changes.pop("unpriced", None)
    return spent


def _new_calls(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    new = _new(connection, judge_call, rows)
    return {
        "judge_calls": len(new),
        "input_tokens": sum(row.input_tokens or 0 for row in new),
        "output_tokens": sum(row.output_tokens or 0 for row in new),
        "cost": sum(row.cost_nano_usd or 0 for row in new),
        "unpriced": sum(row.cost_nano_usd is None for row in new),
    }


def _new_answers(connection: sa.Connection, id: str, answers: Sequence[KeptAnswer]) -> dict[str, int]:
    new = {
        (row.case_no, row.repetition)
        for row in _new(connection, generated_answer, [a.row(id) for a in answers])
    }
    kept = [one for one in answers if (one.case_no, one.repetition) in new]
    return {
        "answers_done": len(kept),
        "cost": sum(one.cost_nano_usd or 0 for one in kept),
        "unpriced": sum(one.is_paid and one.cost_nano_usd is None for one in kept),
    }


def _count_scores(changes: dict[Any, Any], new: Sequence[sa.Row[Any]]) -> None:
    changes["units_done"] = len(new)
    changes["units_undefined"] = sum(row.value is None for row in new)
    changes["units_failed"] = sum(row.is_failed for row in new)


def _new(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> Sequence[sa.Row[Any]]:
    """Insert the rows that are not there yet; returns them."""
    statement = insert(connection, table).on_conflict_do_nothing().returning(*table.c)
    return connection.execute(statement, list(rows)).all()
