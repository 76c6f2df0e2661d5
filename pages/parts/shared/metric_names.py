"""How metrics are called on screen; a name that nobody knows is written as it is.

Of a run, the rubrics it kept and the evaluators of its judge are known too.
"""

from __future__ import annotations

from genaiops_core.evaluation.metrics import Metric, find
from genaiops_core.evaluation.runs import Evaluation


def entry_of(name: str, run: Evaluation | None = None) -> Metric | None:
    """What is known of a metric."""
    if run is None:
        return find(name)
    return find(name, (run.config.get("judge_options") or {}).get("rubrics") or (), judge=run.judge)


def title(name: str, run: Evaluation | None = None) -> str:
    """As people say it: `Faithfulness`, `Grounding overlap (proxy)`."""
    entry = entry_of(name, run)
    return entry.title if entry else name.replace("_", " ").capitalize()


def heading(name: str) -> str:
    """For the head of a narrow column: `grounding overlap`; the column's help says what a proxy is."""
    return name.replace("_", " ")


def help_of(name: str, run: Evaluation) -> str | None:
    """What it says, in a sentence or two."""
    entry = entry_of(name, run)
    return entry.description if entry else None


def is_high_worst(name: str | None, run: Evaluation) -> bool:
    """Whether more of it is worse."""
    entry = entry_of(name, run) if name else None
    return entry is not None and entry.higher_is_better is False
