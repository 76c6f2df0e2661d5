"""The entry of a metric in the registry, and its measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Short names in pipelines -> the name in RAGAS and in results.
ALIASES = {"relevancy": "answer_relevancy", "relevance": "answer_relevancy"}

OFFLINE = "offline"
MODELS = ("bedrock", "openai")
"""Kinds of judge that use a language model of the user's choice."""
ANY_JUDGE = (OFFLINE, *MODELS, "agentcore")

FREE = "none: computed here, without a model or the network"

FIELDS = ("answer", "contexts", "reference", "metadata")
"""Fields of a case that a metric may require; the input is always present."""

MISSING_REASONS = {
    "answer": "the case has no answer",
    "contexts": "the case has no contexts",
    "reference": "no reference",
    "metadata": "the case has no metadata",
}
"""Reason why a metric is undefined for a case without the field."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The value of one metric for one case, or the reason why it is undefined."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class CallCounts:
    """Number of model calls per case without retries; used to estimate the cost of an evaluation."""

    asks: int = 0
    asks_per_context: int = 0
    embeddings: int = 0

    def of(self, contexts: int) -> int:
        """Count the calls for a case with this number of contexts."""
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
    """Required fields of a case."""
    cost: str
    source: str
    judges: tuple[str, ...]
    """Kinds of judge that can measure the metric."""
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool | None = True
    """None if the direction depends on the application; a gate on such a metric must be set explicitly."""
    calls: CallCounts = CallCounts()
    is_proxy: bool = False
    proposed_minimum: float | None = None
    """A minimum to start from, where the documented use of the metric gives one; a form proposes it."""

    @property
    def needs_reference(self) -> bool:
        """Whether the metric is undefined for production requests, which have no reference."""
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
    """Normalise a name as in results: underscores for dashes, `relevancy` is answer_relevancy."""
    normalised = name.strip().lower().replace("-", "_")
    return ALIASES.get(normalised, normalised)
