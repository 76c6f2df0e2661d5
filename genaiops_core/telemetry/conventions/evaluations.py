"""Scores that telemetry itself brings: OpenTelemetry's evaluation event, and attributes that other tools use."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from genaiops_core.telemetry.conventions.messages import to_text
from genaiops_core.telemetry.conventions.names import (
    EVALUATION_EVENT,
    EVALUATION_EXPLANATION,
    EVALUATION_JUDGE,
    EVALUATION_LABEL,
    EVALUATION_NAME,
    EVALUATION_PREFIXES,
    EVALUATION_VALUE,
)

REPORTED = "reported"
"""The judge of an evaluation that does not say who judged."""

_LABELS = {
    **dict.fromkeys(("pass", "passed", "true", "yes", "correct", "relevant", "faithful", "grounded"), 1.0),
    **dict.fromkeys(
        ("fail", "failed", "false", "no", "incorrect", "irrelevant", "unfaithful", "hallucinated"), 0.0
    ),
}
"""Labels that stand for a value when none is given."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One judgement of what a span did."""

    name: str
    value: float | None
    """In [0, 1]; None when it cannot be said on that scale, `explanation` then tells why."""
    label: str
    explanation: str
    judge: str


def read_evaluations(
    attributes: Mapping[str, Any], told: Iterable[tuple[str, Mapping[str, Any]]] = ()
) -> Iterator[Evaluation]:
    """The evaluations that a span tells.

    Args:
        attributes: of the span.
        told: name and attributes of its events, or of log records that name it.
    """
    for name, said in told:
        if name == EVALUATION_EVENT:
            for prefix in EVALUATION_PREFIXES:
                found = _parse_evaluation(said, prefix, "")
                if found is not None:
                    yield found
                    break
    yield from _read_attributes(attributes)


def _read_attributes(attributes: Mapping[str, Any]) -> Iterator[Evaluation]:
    """`evaluation.name` with `evaluation.score`, or `evaluation.<name>.score` for each of several."""
    for prefix in EVALUATION_PREFIXES:
        names = [name for name in attributes if name.startswith(prefix)]
        if not names:
            continue
        found = _parse_evaluation(attributes, prefix, "")
        if found is not None:
            yield found
            continue
        metrics = dict.fromkeys(
            name[len(prefix) :].split(".", 1)[0] for name in names if "." in name[len(prefix) :]
        )
        for metric in metrics:
            found = _parse_evaluation(attributes, f"{prefix}{metric}.", metric)
            if found is not None:
                yield found


def _parse_evaluation(said: Mapping[str, Any], prefix: str, name: str) -> Evaluation | None:
    name = name or to_text(_find_first(said, prefix, EVALUATION_NAME))
    given, label = _find_first(said, prefix, EVALUATION_VALUE), to_text(_find_first(said, prefix, EVALUATION_LABEL))
    if not name or (given is None and not label):
        return None
    value, problem = _parse_value(given, label)
    explanation = to_text(_find_first(said, prefix, EVALUATION_EXPLANATION))
    return Evaluation(
        name=name[:100],
        value=value,
        label=label[:200],
        explanation="; ".join(filter(None, (problem, explanation or label)))[:10_000],
        judge=(to_text(_find_first(said, prefix, EVALUATION_JUDGE)) or REPORTED)[:200],
    )


def _parse_value(given: Any, label: str) -> tuple[float | None, str]:
    """The value on the scale of scores, or None and why not."""
    if given is None:
        known = _LABELS.get(label.strip().lower())
        return known, "" if known is not None else "only a label was reported"
    try:
        value = float(given)
    except (TypeError, ValueError):
        return None, f"the value {str(given)[:50]!r} is no number"
    if not math.isfinite(value) or not 0.0 <= value <= 1.0:
        return None, f"the value {value} is not between 0 and 1"
    return value, ""


def _find_first(said: Mapping[str, Any], prefix: str, keys: Iterable[str]) -> Any:
    return next((said[prefix + key] for key in keys if said.get(prefix + key) not in (None, "")), None)
