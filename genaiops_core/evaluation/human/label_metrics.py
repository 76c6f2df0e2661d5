"""Matches metrics of judges with human labels: a default that is shown and can be changed. Pure functions.

Labellers answer questions in plain words, judges measure metrics. Only a user can decide that both mean the same, so the
pairs below are a proposal, and every result names its pair and how it was matched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.metrics import normalise_name

DEFAULTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "faithfulness": ("groundedness",),
        "response_groundedness": ("groundedness", "faithfulness"),
        "grounding_overlap": ("groundedness", "faithfulness"),
        "answer_relevancy": ("answer_quality", "helpfulness"),
        "response_relevance": ("answer_relevancy", "answer_quality", "helpfulness"),
        "question_overlap": ("answer_relevancy", "answer_quality", "helpfulness"),
        "answer_correctness": ("correctness", "answer_quality"),
        "answer_accuracy": ("correctness", "answer_quality"),
        "factual_correctness": ("correctness", "answer_quality"),
        "correctness": ("answer_quality",),
        **dict.fromkeys(
            ("reference_overlap", "rouge_l", "bleu", "chrf", "string_similarity", "semantic_similarity"),
            ("correctness", "answer_quality"),
        ),
        "context_overlap": ("context_recall",),
    }
)
"""Metric of a judge -> human labels of a similar meaning, the closest first."""


@dataclass(frozen=True, kw_only=True)
class LabelMatch:
    """A metric of a judge and the label that it is compared with."""

    metric: str
    label: str
    why: str
    """`chosen`, `same name` or `default`."""


def match_label(
    metric: str, labels: Collection[str], chosen: Mapping[str, str] | None = None
) -> LabelMatch | None:
    """The label that `metric` is compared with; None when no label matches.

    Args:
        metric: of a judge.
        labels: the existing labels.
        chosen: metric -> label as the user chose; an empty label excludes the metric.
    """
    if metric in (chosen or {}):
        label = (chosen or {})[metric]
        return LabelMatch(metric=metric, label=label, why="chosen") if label else None
    if metric in labels:
        return LabelMatch(metric=metric, label=metric, why="same name")
    for label in DEFAULTS.get(metric, ()):
        if label in labels:
            return LabelMatch(metric=metric, label=label, why="default")
    return None


def parse_matches(pairs: Collection[str]) -> dict[str, str]:
    """Parse `METRIC=LABEL` pairs of a command or a URL.

    Raises:
        BadInput: a pair has no '='.
    """
    matches: dict[str, str] = {}
    for pair in pairs:
        metric, equals, label = pair.partition("=")
        if not equals or not metric.strip():
            raise BadInput(
                f"'{pair}' is not a valid match; write METRIC=LABEL, for example faithfulness=groundedness."
            )
        matches[normalise_name(metric)] = normalise_name(label) if label.strip() else ""
    return matches
