"""The judge without a model: the proxies of the registry."""

from __future__ import annotations

import time
from collections.abc import Sequence

from genaiops_core.evaluation.cases import Case
from genaiops_core.evaluation.judges.protocol import Judgement
from genaiops_core.evaluation.metrics import OFFLINE, REGISTRY, measure


class OfflineJudge:
    """Counts words in common; costs nothing and asks nobody."""

    name = OFFLINE
    metrics = tuple(metric.name for metric in REGISTRY.values() if OFFLINE in metric.judges)
    batch_cases = 50

    def judge(self, case: Case, metrics: Sequence[str]) -> list[Judgement]:
        judgements = []
        for metric in metrics:
            started = time.perf_counter()
            measured = measure(metric, case)
            judgements.append(
                Judgement(
                    metric=metric,
                    value=measured.value,
                    reason=measured.reason,
                    cost_nano_usd=0,
                    latency_ms=(time.perf_counter() - started) * 1000,
                )
            )
        return judgements
