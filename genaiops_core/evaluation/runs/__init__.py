"""Evaluation runs: launched, carried out, watched, concluded, compared. Here is what people do with a run."""

from genaiops_core.evaluation.runs.control import RESUMABLE_STATES, cancel, launch, pause, resume
from genaiops_core.evaluation.runs.records import OPEN_STATES, Evaluation, get_evaluation, list_evaluations

__all__ = [
    "OPEN_STATES",
    "RESUMABLE_STATES",
    "Evaluation",
    "cancel",
    "get_evaluation",
    "launch",
    "list_evaluations",
    "pause",
    "resume",
]
