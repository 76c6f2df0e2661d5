"""The judge without a model: the proxies of the registry; and, asked by name, what else is computed."""

from __future__ import annotations

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import computed
from genaiops_core.evaluation.judges.protocol import Calls, Judgement
from genaiops_core.evaluation.metrics import OFFLINE, PROXIES
from genaiops_core.evaluation.models.protocol import CallFailed


class OfflineJudge:
    """Counts words in common; costs nothing and asks nobody."""

    name = OFFLINE
    model = None
    defaults = PROXIES
    """What it measures when nothing else is asked for."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The proxies, comparisons of texts, and the code of installed packages."""
        return computed.list_computed_metrics()

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        """As `protocol.Judge` has it; `calls` are not used."""
        if not computed.is_computed(metric):
            raise CallFailed(f"The offline judge knows no metric '{metric}'; it asks no model.")
        return computed.compute(case, metric)
