"""What every judge offers, so that runs need not know which one they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from genaiops_core.evaluation.cases import Case


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The score of one unit (case, metric), or the reason why there is none, and what it took."""

    metric: str
    value: float | None
    reason: str
    cost_nano_usd: int
    latency_ms: float


class Judge(Protocol):
    """Measures metrics of cases."""

    @property
    def name(self) -> str:
        """As `--judge` and results say it."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics it can measure."""

    @property
    def batch_cases(self) -> int:
        """Cases judged between two checkpoints: as many as are cheap to judge again after a crash."""

    def judge(self, case: Case, metrics: Sequence[str]) -> list[Judgement]:
        """One judgement for each of `metrics`, in their order; never raises for what a case lacks."""
