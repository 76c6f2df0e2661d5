"""The judge of a run: made from its name and options, and what of its work needs no model."""

from __future__ import annotations

from genaiops_core.evaluation.judge_options import options_of
from genaiops_core.evaluation.judges import computed, judge
from genaiops_core.evaluation.judges.protocol import Judge
from genaiops_core.evaluation.runs import Evaluation


def judge_of(run: Evaluation) -> Judge:
    """The judge that a run asks for.

    Raises:
        BadInput: it cannot be made: there is none of that name, or an option is wrong.
    """
    return judge(run.judge, options_of(run.config.get("judge_options") or {}))


def is_computed(judge: Judge, metric: str) -> bool:
    """Whether the metric is computed here, without a call and without cost."""
    return judge.model is None or computed.is_computed(metric)
