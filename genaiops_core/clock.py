"""The wall clock. Entry points and use cases read it; pure decisions get the time as an argument."""

from __future__ import annotations

import datetime as dt
import time


def now() -> dt.datetime:
    """The current instant, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def now_ns() -> int:
    """The current instant in Unix nanoseconds."""
    return time.time_ns()
