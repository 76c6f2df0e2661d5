"""Metrics measured by a library that only the extra `ragas` installs, and the refusal of those it is missing for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import util

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.metrics import ragas

INSTALL = "pip install 'genaiops-console[ragas]'"

LIBRARIES = {
    **{metric.name: "ragas" for metric in ragas.ENTRIES},
    "string_similarity": "rapidfuzz",
    "bleu": "sacrebleu",
    "rouge_l": "rouge_score",
    "chrf": "sacrebleu",
}
"""Metric -> the module that measures it."""


def require_installed(metrics: Iterable[str]) -> None:
    """Refuse metrics that this host cannot measure; nothing is imported.

    Raises:
        BadInput: the library of one of them is not installed.
    """
    missing = [name for name in metrics if name in LIBRARIES and util.find_spec(LIBRARIES[name]) is None]
    if missing:
        raise BadInput(
            f"RAGAS and its text metrics, needed for {', '.join(missing)}, are not installed on this host; "
            f"run {INSTALL}."
        )
