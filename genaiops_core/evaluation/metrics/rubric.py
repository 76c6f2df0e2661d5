"""A rubric: instructions for a judge model with a scale of labels; each label has a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.metrics.metric import MODELS, CallCounts, Metric

PLACEHOLDERS = ("input", "answer", "contexts", "reference")
"""Names that a prompt may contain in braces."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One step of a scale."""

    label: str
    value: float
    """0 to 1."""
    meaning: str = ""
    """When to choose the label; part of the prompt."""


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """An LLM-judged rubric. A version never changes; version 0 is built in."""

    name: str
    version: int
    title: str
    prompt: str
    """Text with placeholders such as {answer} for the texts of the case."""
    scale: tuple[Label, ...]
    needs: tuple[str, ...]
    """Fields of a case that the prompt contains, without the input."""
    description: str = ""
    source: str = ""
    higher_is_better: bool | None = True

    def as_json(self) -> dict[str, Any]:
        """Format the rubric as an evaluation stores it."""
        return {**vars(self), "scale": [dict(vars(label)) for label in self.scale], "needs": list(self.needs)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Rubric:
        """Parse what `as_json` returns."""
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
            cost="1 model call per case",
            source=self.source or f"rubric {self.name}, version {self.version}",
            judges=MODELS,
            higher_is_better=self.higher_is_better,
            calls=CallCounts(asks=1),
        )


def parse_rubrics(rubrics: Sequence[Any]) -> tuple[Rubric, ...]:
    """Parse rubrics, or the documents that evaluations store."""
    return tuple(rubric if isinstance(rubric, Rubric) else Rubric.from_json(rubric) for rubric in rubrics)
