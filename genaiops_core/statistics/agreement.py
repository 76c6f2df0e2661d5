"""Agreement of two raters on the same items, corrected for chance. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from genaiops_core.statistics.intervals import ALPHA, wilson


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Two raters over the same items."""

    items: int
    agreed: int
    share: float
    """Of the items, those rated the same."""
    kappa: float | None
    """1 is perfect, 0 is chance; None when both used a single label, because chance agreement is then 1."""
    low: float | None
    high: float | None
    method: str


def cohen(pairs: Sequence[tuple[Hashable, Hashable]], *, alpha: float = ALPHA) -> Agreement | None:
    """Cohen's kappa: (agreement - chance) / (1 - chance), chance being that of each rater's own shares of labels.

    The interval is the Wilson interval of the agreement carried over to kappa, with chance taken as known, as in
    Cohen's own standard error sqrt(po (1 - po) / n) / (1 - pe); unlike that, it does not claim certainty where all
    items agree.

    Args:
        pairs: for each item the label of the first rater and that of the second.
        alpha: error rate, in (0, 1).

    Returns:
        The agreement, or None when there is no item.

    Source:
        Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20, 1960.
    """
    items = len(pairs)
    if not items:
        return None
    agreed = sum(first == second for first, second in pairs)
    share = agreed / items
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    # In whole numbers, so that 1 is found exactly.
    by_chance = sum(count * seconds[label] for label, count in firsts.items())
    if by_chance == items * items:
        return Agreement(
            items=items,
            agreed=agreed,
            share=share,
            kappa=None,
            low=None,
            high=None,
            method="one label only: kappa is not defined",
        )
    chance = by_chance / (items * items)
    bounds = wilson(agreed, items, alpha=alpha)
    assert bounds is not None
    return Agreement(
        items=items,
        agreed=agreed,
        share=share,
        kappa=(share - chance) / (1 - chance),
        low=max(-1.0, (bounds.low - chance) / (1 - chance)),
        high=min(1.0, (bounds.high - chance) / (1 - chance)),
        method="Cohen's kappa, Wilson interval",
    )
