"""The writer: one thread that commits waiting batches together, and resolves each sender's future after the commit.

Senders wait for a commit anyway; several batches in one transaction cost one commit instead of many. After a failure
each batch is tried alone, so that one bad batch does not lose the others. While the database is unavailable all waiting
senders are asked to retry, because no batch of them would fare better alone.

The log names errors by class and code: drivers quote the rows that they refuse.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import sqlalchemy as sa

from db.outage import describe_code, find_outage
from genaiops_core import outages
from genaiops_core.errors import Unavailable
from genaiops_core.logs import get_logger
from genaiops_core.telemetry.ingest.ingest import Ingestor
from genaiops_core.telemetry.spans import Batch

log = get_logger(__name__)

GROUP_SPANS = 4_000
"""Approximate spans per transaction: about 0.2 s, during which no other process can write to SQLite."""

_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.05
# Serialization failure, deadlock and lock not available: the same transaction may succeed at once.
_CONFLICTS = frozenset(("40001", "40P01", "55P03"))


@dataclass(slots=True)
class _PendingBatch:
    batch: Batch
    done: Future[int] = field(default_factory=Future)


class Writer:
    """Writes batches that any thread submits; `stop` returns after the last submitted batch is written."""

    def __init__(self, engine: sa.Engine, ingestor: Ingestor, *, queue_batches: int) -> None:
        self._engine = engine
        self._ingestor = ingestor
        self._limit = queue_batches
        self._free_slots = threading.BoundedSemaphore(queue_batches)
        self._queue: queue.SimpleQueue[_PendingBatch | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ingest-writer", daemon=True)
        self._stopped = False
        self._logged_code = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write the waiting batches, then end the thread."""
        # Before the sentinel, so that no sender reserves a slot for a batch that would come after it.
        self._stopped = True
        self._queue.put(None)
        self._thread.join()

    def reserve(self) -> None:
        """Reserve a slot of the queue before decoding a batch; free it with `release`.

        Raises:
            Unavailable: the queue is full, or the process is stopping; the sender should retry.
        """
        if self._stopped or not self._free_slots.acquire(blocking=False):
            raise Unavailable(
                f"{self._limit} batches are waiting for the database; send this batch again in a second."
            )

    def release(self) -> None:
        self._free_slots.release()

    def submit(self, batch: Batch) -> Future[int]:
        """Queue one batch; after the commit the future holds the number of its spans that are stored, or the error.

        Spans of days that retention has deleted are not stored.
        """
        waiting = _PendingBatch(batch)
        self._queue.put(waiting)
        return waiting.done

    def _run(self) -> None:
        while True:
            group, is_last = self._take_group()
            if group:
                self._write(group)
            if is_last:
                return

    def _take_group(self) -> tuple[list[_PendingBatch], bool]:
        first = self._queue.get()
        group: list[_PendingBatch] = []
        spans = 0
        following: _PendingBatch | None = first
        while following is not None:
            # False when the sender has cancelled; from here on it can no longer cancel.
            if following.done.set_running_or_notify_cancel():
                group.append(following)
                spans += len(following.batch.spans) + len(following.batch.logs)
            if spans >= GROUP_SPANS:
                return group, False
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _write(self, group: Sequence[_PendingBatch]) -> None:
        try:
            result = self._ingestor.write(self._engine, [waiting.batch for waiting in group])
        except Exception as error:
            if find_outage(error) is not None and not _is_conflict(error):
                self._refuse(group, error)
                return
            log.warning("batches are tried one by one", batches=len(group), error=describe_code(error))
            for waiting in group:
                self._write_alone(waiting)
            return
        outages.process_log.clear(is_write=True)
        for waiting, expired in zip(group, result.expired, strict=True):
            waiting.done.set_result(len(waiting.batch.spans) - expired)

    def _write_alone(self, waiting: _PendingBatch) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                result = self._ingestor.write(self._engine, [waiting.batch])
            except Exception as error:
                if attempt == _ATTEMPTS or not _is_conflict(error):
                    self._refuse([waiting], error)
                    return
                time.sleep(_FIRST_PAUSE_S * 2**attempt)
            else:
                outages.process_log.clear(is_write=True)
                waiting.done.set_result(len(waiting.batch.spans) - result.expired[0])
                return

    def _refuse(self, group: Sequence[_PendingBatch], error: Exception) -> None:
        failure: Exception | None = outages.find_unavailable(error)
        if failure is None:
            failure = error
            code = describe_code(error)
            # The traceback once while the error stays the same: a sender repeats its batch many times.
            is_known, self._logged_code = code == self._logged_code, code
            log.error(
                "batches were not stored",
                batches=len(group),
                error=code,
                exc_info=None if is_known else error,
            )
        for waiting in group:
            waiting.done.set_exception(failure)


def _is_conflict(error: BaseException) -> bool:
    """Whether PostgreSQL aborted this transaction in favour of another one."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _CONFLICTS
