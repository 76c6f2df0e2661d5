"""The scale of a metric: its range, and which end of it is good. Gates and comparisons use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.metrics import list_metrics, lookup_metric, normalise_name


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Values lie between `low` and `high`; a threshold is a minimum, or a maximum where lower is better."""

    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool | None = True
    """None where neither end is better, for example refusal. A threshold is then a minimum, and any change a loss."""

    @property
    def width(self) -> float:
        return self.high - self.low

    def holds(self, value: float) -> bool:
        """Whether a value lies in the range; NaN does not."""
        return self.low <= value <= self.high

    def share(self, value: float) -> float:
        """The position of a value in the range, 0 at the lower end and 1 at the upper, clipped."""
        return min(1.0, max(0.0, (value - self.low) / self.width))

    def value(self, share: float) -> float:
        """The value at a share of the range."""
        return self.low + share * self.width

    def goodness(self, value: float) -> float:
        """The position of a value, 0 at the bad end and 1 at the good end."""
        return 1 - self.share(value) if self.higher_is_better is False else self.share(value)


def find_scale(metric: str, rubrics: Sequence[Any] = (), *, judge: str = "") -> Scale:
    """The scale of a metric by name; an unknown metric gets 0 to 1, higher is better.

    Args:
        metric: its name.
        rubrics: rubrics of users, or the copies that an evaluation stores.
        judge: the judge that measures it; evaluators of AgentCore have scales of their own.
    """
    name = normalise_name(metric)
    # Without a judge, an evaluator of AgentCore is found by its name unless a metric of the product has that name.
    entry = lookup_metric(name, rubrics, judge=judge) or next(
        (metric_entry for metric_entry in list_metrics() if metric_entry.name == name), None
    )
    if entry is None:
        return Scale()
    return Scale(low=entry.low, high=entry.high, higher_is_better=entry.higher_is_better)
