"""What the registry says of a metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ALIASES = {"relevancy": "answer_relevancy", "relevance": "answer_relevancy"}

OFFLINE = "offline"
MODELS = ("bedrock", "openai")
"""Kinds of judge that ask a model of one's choice."""
ANY_JUDGE = (OFFLINE, *MODELS, "agentcore")

FREE = "none: computed here, without a model or the network"

FIELDS = ("answer", "contexts", "reference", "metadata")
"""Fields of a case that a metric may need; the input is always there."""

MISSING_REASONS = {
    "answer": "the case has no answer",
    "contexts": "the case has no contexts",
    "reference": "no reference",
    "metadata": "the case has no metadata",
}
"""Why a metric is undefined for a case without the field."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The value of one metric for one case, or the reason why there is none."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class CallCounts:
    """Calls to models that one case takes when nothing goes wrong; what a run will cost is reckoned from them."""

    asks: int = 0
    asks_per_context: int = 0
    embeddings: int = 0

    def of(self, contexts: int) -> int:
        """Calls for a case with that many contexts."""
        return self.asks + self.asks_per_context * contexts + self.embeddings


@dataclass(frozen=True, kw_only=True)
class Metric:
    """An entry of the registry. Every metric has values in [0, 1]."""

    name: str
    title: str
    description: str
    kind: str
    """proxy, ragas, text, rubric, code or agentcore."""
    needs: tuple[str, ...]
    """Fields of a case without which it is undefined."""
    cost: str
    source: str
    judges: tuple[str, ...]
    """Kinds of judge that can measure it."""
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool | None = True
    """None where it depends on what the application is for; a gate on such a metric has to be meant."""
    calls: CallCounts = CallCounts()
    is_proxy: bool = False

    @property
    def needs_reference(self) -> bool:
        """Whether requests from production, which have none, cannot be measured."""
        return "reference" in self.needs

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "kind": self.kind,
            "needs": list(self.needs),
            "range": [self.low, self.high],
            "higher_is_better": self.higher_is_better,
            "cost": self.cost,
            "model_calls": dict(vars(self.calls)),
            "source": self.source,
            "is_proxy": self.is_proxy,
            "judges": list(self.judges),
        }


def normalise_name(name: str) -> str:
    """The name in results: underscores for dashes, `relevancy` is answer_relevancy."""
    normalised = name.strip().lower().replace("-", "_")
    return ALIASES.get(normalised, normalised)
