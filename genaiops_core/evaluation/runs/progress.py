"""How long a run will still take. A decider: the run and the time in, seconds out."""

from __future__ import annotations

import datetime as dt

from genaiops_core.evaluation.runs.records import Evaluation

MIN_UNITS_FOR_RATE = 20
MIN_SECONDS_FOR_RATE = 3.0
"""Before this much was done in this attempt, a rate says nothing: the first calls open connections and load code."""


def estimate_remaining_s(run: Evaluation, at: dt.datetime) -> float | None:
    """Seconds until every unit is scored, at the rate since the run was begun or resumed.

    None where it is not known: the run does not go on, or too little of it was done.
    """
    if run.state != "running" or run.resumed_at is None:
        return None
    left = max(0, run.units - run.units_done)
    done = run.units_done - run.units_at_resume
    took_s = (at - run.resumed_at).total_seconds()
    if left == 0:
        return 0.0
    if done < MIN_UNITS_FOR_RATE or took_s < MIN_SECONDS_FOR_RATE:
        return None
    return left * took_s / done
