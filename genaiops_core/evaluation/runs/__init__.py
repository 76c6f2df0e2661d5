"""Evaluation runs: launched, executed, decided and compared. These are the actions of users on an evaluation."""

from genaiops_core.evaluation.runs.evaluation import OPEN_STATES, Evaluation, list_evaluations
from genaiops_core.evaluation.runs.evaluation import get_evaluation as get
from genaiops_core.evaluation.runs.launching import launch
from genaiops_core.evaluation.runs.states import RESUMABLE_STATES, cancel, pause, resume

__all__ = [
    "OPEN_STATES",
    "RESUMABLE_STATES",
    "Evaluation",
    "cancel",
    "get",
    "launch",
    "list_evaluations",
    "pause",
    "resume",
]
