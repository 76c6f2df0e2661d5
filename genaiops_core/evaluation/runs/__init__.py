"""Evaluation runs: launched, carried out, watched, concluded, compared. Here is what people do with a run."""

from genaiops_core.evaluation.runs.control import (
    OPEN_STATES,
    RESUMABLE_STATES,
    Evaluation,
    Score,
    ScoredCase,
    cancel,
    get,
    launch,
    list_evaluations,
    pause,
    resume,
    scores,
)

__all__ = [
    "OPEN_STATES",
    "RESUMABLE_STATES",
    "Evaluation",
    "Score",
    "ScoredCase",
    "cancel",
    "get",
    "launch",
    "list_evaluations",
    "pause",
    "resume",
    "scores",
]
