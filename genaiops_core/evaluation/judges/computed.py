"""Metrics that every judge computes without a model: proxies, text comparisons, metrics of installed packages."""

from __future__ import annotations

import time

from genaiops_core.evaluation import metrics as registry
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges.protocol import Judgement
from genaiops_core.evaluation.metrics.code import MetricFailed
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.evaluation.readers.encodings import replace_unstorable


def list_computed_metrics() -> tuple[str, ...]:
    """The names of all computed metrics."""
    return (*registry.COMPUTED, *registry.load_code_metrics().metrics)


def is_computed(metric: str) -> bool:
    """Whether this module computes the metric."""
    return metric in registry.COMPUTED or metric in registry.load_code_metrics().metrics


def compute(case: Case, metric: str) -> Judgement:
    """Compute one metric of one case, at no cost.

    Raises:
        CallFailed: the code of a package failed.
    """
    started = time.perf_counter()
    try:
        measurement = registry.measure(metric, case)
    except MetricFailed as error:
        # The code of a package may put any text into its error; NUL would fail the write of the whole batch.
        raise CallFailed(replace_unstorable(f"{error}.")) from error
    return Judgement(
        metric=metric,
        value=measurement.value,
        reason=replace_unstorable(measurement.reason),
        cost_nano_usd=0,
        latency_ms=(time.perf_counter() - started) * 1000,
    )
