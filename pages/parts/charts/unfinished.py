"""The last step of a window that ends now is not over: its figures still grow, so charts mark it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TypeVar

from genaiops_core.telemetry.time_window import STEPS, Filters
from genaiops_core.telemetry.traffic.series import choose_step, list_step_starts

Value = TypeVar("Value")


def has_unfinished_step(filters: Filters, at: dt.datetime) -> bool:
    """Whether the last step of the window ends after `at`."""
    step = choose_step(filters)
    return list_step_starts(filters, step)[-1] + dt.timedelta(minutes=STEPS[step]) > at


def drop_unfinished(filters: Filters, values: Sequence[Value], at: dt.datetime) -> Sequence[Value]:
    """The values of the finished steps, for a trend without room for a mark: a count would seem to fall at its end."""
    return values[:-1] if has_unfinished_step(filters, at) else values
