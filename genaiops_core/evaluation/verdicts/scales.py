"""The scale of a metric: its range, and which end of it is good. Gates and comparisons go by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.metrics import list_metrics, lookup_metric, normalise_name


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Values lie between `low` and `high`; a threshold is a least value, or a most one where less is better."""

    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool | None = True
    """None where neither is: refusing, say. A threshold is then a least value all the same, and any change a loss."""

    @property
    def width(self) -> float:
        return self.high - self.low

    def holds(self, value: float) -> bool:
        """Whether a value lies in the range; NaN lies in none."""
        return self.low <= value <= self.high

    def share(self, value: float) -> float:
        """Where a value lies, from 0 at the lower end to 1 at the upper."""
        return min(1.0, max(0.0, (value - self.low) / self.width))

    def value(self, share: float) -> float:
        """The value at a share of the range."""
        return self.low + share * self.width

    def goodness(self, value: float) -> float:
        """0 at the bad end, 1 at the good one."""
        return 1 - self.share(value) if self.higher_is_better is False else self.share(value)


def scale_of(metric: str, rubrics: Sequence[Any] = (), *, judge: str = "") -> Scale:
    """The scale of a metric by name; metrics that nobody knows go from 0 to 1, more being better.

    Args:
        metric: its name.
        rubrics: rubrics that people wrote, or what a run kept of them.
        judge: who measures; evaluators of AgentCore have scales of their own.
    """
    name = normalise_name(metric)
    # An evaluator's scale is known by its name too, as long as nothing of the product has that name.
    entry = lookup_metric(name, rubrics, judge=judge) or next((one for one in list_metrics() if one.name == name), None)
    if entry is None:
        return Scale()
    return Scale(low=entry.low, high=entry.high, higher_is_better=entry.higher_is_better)
