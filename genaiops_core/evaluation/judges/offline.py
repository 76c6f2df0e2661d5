"""The judge without a model: the proxies of the registry."""

from __future__ import annotations

import time

from genaiops_core.evaluation.cases import Case
from genaiops_core.evaluation.judges.protocol import Calls, Judgement
from genaiops_core.evaluation.metrics import OFFLINE, REGISTRY, measure


class OfflineJudge:
    """Counts words in common; costs nothing and asks nobody."""

    name = OFFLINE
    metrics = tuple(metric.name for metric in REGISTRY.values() if OFFLINE in metric.judges)
    model = None

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        started = time.perf_counter()
        measured = measure(metric, case)
        return Judgement(
            metric=metric,
            value=measured.value,
            reason=measured.reason,
            cost_nano_usd=0,
            latency_ms=(time.perf_counter() - started) * 1000,
        )
