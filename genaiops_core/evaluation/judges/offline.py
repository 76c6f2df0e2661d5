"""The judge without a model: proxies by default, and every other computed metric by name."""

from __future__ import annotations

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import computed
from genaiops_core.evaluation.judges.protocol import Calls, Judgement
from genaiops_core.evaluation.metrics import OFFLINE, PROXIES
from genaiops_core.evaluation.models.protocol import CallFailed


class OfflineJudge:
    """Computes metrics from the texts; costs nothing and makes no calls."""

    name = OFFLINE
    model = None
    defaults = PROXIES
    """The metrics of an evaluation that names none."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The proxies, text comparisons, and metrics of installed packages."""
        return computed.list_computed_metrics()

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        """See `protocol.Judge`; `calls` is not used."""
        if not computed.is_computed(metric):
            raise CallFailed(f"The offline judge cannot measure '{metric}': it calls no model.")
        return computed.compute(case, metric)
