"""The judge of a run: made from its name and options, and what of its work needs no model."""

from __future__ import annotations

import importlib

from genaiops_core.evaluation.judges import computed, judge, ragas_metrics
from genaiops_core.evaluation.judges.protocol import Judge
from genaiops_core.evaluation.metrics import ragas
from genaiops_core.evaluation.runs.judge_options import parse_judge_options
from genaiops_core.evaluation.runs.records import Evaluation

_LIBRARIES = {
    "bedrock": ("boto3", "genaiops_core.evaluation.models.bedrock"),
    "openai": ("openai.resources", "genaiops_core.evaluation.models.openai"),
}
_RAGAS_METRICS = frozenset(entry.name for entry in ragas.ENTRIES)


def build_judge(run: Evaluation) -> Judge:
    """The judge that a run asks for.

    Raises:
        BadInput: it cannot be made: there is none of that name, or an option is wrong.
    """
    return judge(run.judge, parse_judge_options(run.config.get("judge_options") or {}))


def load_libraries(run: Evaluation) -> None:
    """Import what the judge of a run will need: it takes seconds, better spent before the first call than at it."""
    kind = run.judge.partition(":")[0]
    for name in _LIBRARIES.get(kind, ()):
        importlib.import_module(name)
    if kind in _LIBRARIES and any(name in _RAGAS_METRICS for name in run.metrics):
        ragas_metrics.import_ragas()


def is_computed(judge: Judge, metric: str) -> bool:
    """Whether the metric is computed here, without a call and without cost."""
    return judge.model is None or computed.is_computed(metric)
