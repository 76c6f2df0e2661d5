"""A rubric: a question to a model with a scale of labels for its answer, each worth a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.metrics.metric import MODELS, CallCounts, Metric

PLACEHOLDERS = ("input", "answer", "contexts", "reference")
"""What a prompt may name in braces."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One step of a scale."""

    label: str
    value: float
    """0 to 1."""
    meaning: str = ""
    """When to choose it, in the words that the model reads."""


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """A metric in words. A version of it never changes; 0 is the one that comes with the product."""

    name: str
    version: int
    title: str
    prompt: str
    """With placeholders such as {answer} where the texts of the case go."""
    scale: tuple[Label, ...]
    needs: tuple[str, ...]
    """Fields of a case that the prompt names, the input aside."""
    description: str = ""
    source: str = ""
    higher_is_better: bool | None = True

    def as_json(self) -> dict[str, Any]:
        """What a run keeps of it."""
        return {**vars(self), "scale": [dict(vars(label)) for label in self.scale], "needs": list(self.needs)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Rubric:
        """Read what `as_json` wrote."""
        scale = tuple(Label(**label) for label in document["scale"])
        return cls(**{**document, "scale": scale, "needs": tuple(document["needs"])})

    @property
    def metric(self) -> Metric:
        """Its entry in the registry."""
        scale = ", ".join(f"{label.label} = {label.value:g}" for label in self.scale)
        return Metric(
            name=self.name,
            title=self.title,
            description=f"{self.description} Scale: {scale}.".strip(),
            kind="rubric",
            needs=self.needs,
            cost="1 call of the model a case",
            source=self.source or f"rubric {self.name}, version {self.version}",
            judges=MODELS,
            higher_is_better=self.higher_is_better,
            calls=CallCounts(asks=1),
        )


def parse_rubrics(rubrics: Sequence[Any]) -> tuple[Rubric, ...]:
    """Rubrics, or what runs kept of them, as rubrics."""
    return tuple(rubric if isinstance(rubric, Rubric) else Rubric.from_json(rubric) for rubric in rubrics)
