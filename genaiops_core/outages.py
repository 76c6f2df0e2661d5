"""Outages of the database in this process: one line in the log when an outage begins, and one when it ends.

Every loop and every request of a process meets the same outage, so the state belongs to the process. Errors that an
engine reports are turned into `Unavailable` here, which every door answers with 503 and Retry-After.
"""

from __future__ import annotations

import threading
import time

from db.outage import Outage, describe_code, find_outage
from genaiops_core.errors import Unavailable
from genaiops_core.logs import get_logger

_FORGOTTEN_AFTER_S = 60.0
"""An outage that nothing reports for this time is over; the next one is logged again."""
RECENT_S = 10.0
"""An outage of writes counts as current for this time after its last report, because reads do not show its end."""


class OutageLog:
    """The current outage of a process; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outage: Outage | None = None
        self._reported_at = 0.0
        self._reports = 0

    def report(self, outage: Outage, *, code: str = "") -> None:
        """Record an outage; it is logged when it is not the current one."""
        with self._lock:
            moment = time.monotonic()
            is_known = self._outage == outage and moment - self._reported_at < _FORGOTTEN_AFTER_S
            self._outage, self._reported_at = outage, moment
            self._reports = self._reports + 1 if is_known else 1
        if not is_known:
            get_logger(__name__).error(outage.sentence, code=code)

    def clear(self, *, is_write: bool) -> None:
        """Record that the database answered.

        Args:
            is_write: a commit ends every outage; a read ends only one in which the database did not answer.
        """
        # Without the lock: this runs for every commit, and a stale value is corrected by the next call.
        if self._outage is None or not (is_write or self._outage.kind == "away"):
            return
        with self._lock:
            reports, self._outage, self._reports = self._reports, None, 0
        if reports:
            get_logger(__name__).warning("The database is available again", failures=reports)

    def find_recent(self) -> Outage | None:
        """The outage that was reported a moment ago and has not ended."""
        with self._lock:
            return self._outage if time.monotonic() - self._reported_at < RECENT_S else None


process_log = OutageLog()
"""The outages of this process."""


def find_unavailable(error: BaseException) -> Unavailable | None:
    """Report an outage of the database, and return the error for the client; None for any other error."""
    outage = find_outage(error)
    if outage is None:
        return None
    process_log.report(outage, code=describe_code(error))
    return Unavailable(f"{outage.sentence}; send the same request again.", retry_after_s=outage.retry_after_s)
