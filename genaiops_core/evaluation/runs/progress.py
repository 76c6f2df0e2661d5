"""How long a run will still take. A decider: the run and the time in, seconds out."""

from __future__ import annotations

import datetime as dt

from genaiops_core.evaluation.runs.records import Evaluation

LEAST_UNITS = 20
LEAST_S = 3.0
"""Before this much was done in this attempt, a rate says nothing: the first calls open connections and load code."""


def remaining_s(run: Evaluation, at: dt.datetime) -> float | None:
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
    if done < LEAST_UNITS or took_s < LEAST_S:
        return None
    return left * took_s / done
