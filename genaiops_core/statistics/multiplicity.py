"""Several comparisons at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from genaiops_core.statistics.intervals import ALPHA

BONFERRONI = "simultaneous intervals (Bonferroni)"


def each_alpha(comparisons: int, *, alpha: float = ALPHA) -> float:
    """The error rate of each interval so that all of them hold together in at least 1 - alpha of all repetitions.

    Source:
        Bonferroni's inequality; Dunn, Multiple comparisons among means, JASA 1961.
    """
    return alpha / max(1, comparisons)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that rejecting those at most alpha errs anywhere with probability alpha at most.

    Source:
        Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979.
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted = [0.0] * len(p_values)
    so_far = 0.0
    for rank, at in enumerate(order):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = so_far
    return adjusted
