"""Metrics of other installed packages, from the entry point group `genaiops.metrics`.

An entry point names a callable that takes a `Case` and returns a value in [0, 1], None (undefined), or a pair of either
and a reason. Optional attributes of the callable: `name` (default: that of the entry point), `title`, `description`,
`needs` (required fields of the case) and `higher_is_better`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.metrics.metric import ANY_JUDGE, FIELDS, FREE, Measurement, Metric
from genaiops_core.logs import get_logger

GROUP = "genaiops.metrics"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

log = get_logger(__name__)


class MetricFailed(Exception):
    """The code of a metric did not return a value in [0, 1]; the text says what happened."""


@dataclass(frozen=True)
class CodeMetric:
    """A callable with its entry in the registry."""

    entry: Metric
    call: Callable[[Case], Any]

    def measure(self, case: Case) -> Measurement:
        """Call the metric.

        Raises:
            MetricFailed: it raised, or returned anything but a value in [0, 1].
        """
        try:
            result = self.call(case)
        except Exception as error:
            raise MetricFailed(
                f"{self.entry.name} raised {type(error).__name__}: {str(error)[:300]}"
            ) from error
        value, reason = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
        if value is None:
            return Measurement(value=None, reason=str(reason) or f"{self.entry.name} returned no value")
        # A metric may be a plain test such as `len(case.answer) < 200`.
        if isinstance(value, bool):
            value = float(value)
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise MetricFailed(f"{self.entry.name} returned {type(value).__name__}, not a number") from error
        if not math.isfinite(number) or not 0 <= number <= 1:
            raise MetricFailed(f"{self.entry.name} returned {number:g}, which is not between 0 and 1")
        return Measurement(value=number, reason=str(reason))


@dataclass(frozen=True)
class InstalledMetrics:
    """The metrics of installed packages."""

    metrics: Mapping[str, CodeMetric]
    problems: tuple[str, ...]
    """One sentence for each entry point that cannot be loaded."""


# Cached for the life of the process: a newly installed package needs a restart.
@lru_cache(maxsize=4)
def load_metrics(taken_names: Collection[str]) -> InstalledMetrics:
    """Load the metrics of installed packages; those that cannot be loaded are listed as problems.

    Args:
        taken_names: names of built-in metrics, as a frozenset (the arguments are a cache key).
    """
    metrics: dict[str, CodeMetric] = {}
    problems: list[str] = []
    for point in sorted(
        metadata.entry_points(group=GROUP), key=lambda entry_point: (entry_point.name, entry_point.value)
    ):
        try:
            metric = _load_metric(point)
            # Built-in names are reserved: a package must not redefine what a gate on faithfulness means.
            if metric.entry.name in taken_names or metric.entry.name in metrics:
                raise ValueError(f"the name {metric.entry.name} is taken")
        # Importing foreign code may raise anything; one broken package must not stop the product.
        except Exception as error:
            package = f" of {point.dist.name}" if point.dist else ""
            cause = str(error) or type(error).__name__
            problems.append(
                f"The metric '{point.name}'{package} ({point.value}) cannot be loaded: {cause[:300]}."
            )
            log.warning("a metric of a package cannot be loaded", problem=problems[-1])
        else:
            metrics[metric.entry.name] = metric
    return InstalledMetrics(metrics, tuple(problems))


def _load_metric(point: metadata.EntryPoint) -> CodeMetric:
    call = point.load()
    if not callable(call):
        raise ValueError(f"it is {type(call).__name__}, not a callable")
    name = getattr(call, "name", None) or point.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"its name '{name}' must consist of lower-case letters, digits and underscores")
    needs = tuple(getattr(call, "needs", ()))
    unknown = [field for field in needs if field not in FIELDS]
    if unknown:
        raise ValueError(
            f"it requires '{unknown[0]}', which is not a field of a case; use {', '.join(FIELDS)}"
        )
    version = f" {point.dist.version}" if point.dist else ""
    package = point.dist.name if point.dist else point.module
    entry = Metric(
        name=name,
        title=str(getattr(call, "title", "") or name.replace("_", " ").capitalize()),
        description=str(
            getattr(call, "description", "") or (getattr(call, "__doc__", "") or "").strip().split("\n")[0]
        ),
        kind="code",
        needs=needs,
        cost=FREE.replace("without a model or the network", "by the code of a package"),
        source=f"{package}{version}, {point.value}",
        judges=ANY_JUDGE,
        higher_is_better=getattr(call, "higher_is_better", True),
    )
    return CodeMetric(entry, call)
