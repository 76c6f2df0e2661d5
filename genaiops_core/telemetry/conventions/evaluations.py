"""Evaluations in telemetry: OpenTelemetry's evaluation event, and the attributes of other tools."""

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
"""The judge of an evaluation that names none."""

_LABELS = {
    **dict.fromkeys(("pass", "passed", "true", "yes", "correct", "relevant", "faithful", "grounded"), 1.0),
    **dict.fromkeys(
        ("fail", "failed", "false", "no", "incorrect", "irrelevant", "unfaithful", "hallucinated"), 0.0
    ),
}
"""Values of labels, for evaluations without a value."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation of a span."""

    name: str
    value: float | None
    """In [0, 1]; None when it has another scale, `explanation` then has the reason."""
    label: str
    explanation: str
    judge: str


def read_evaluations(
    attributes: Mapping[str, Any], events: Iterable[tuple[str, Mapping[str, Any]]] = ()
) -> Iterator[Evaluation]:
    """Read the evaluations of a span.

    Args:
        attributes: of the span.
        events: name and attributes of its events, or of log records that name it.
    """
    for name, fields in events:
        if name == EVALUATION_EVENT:
            for prefix in EVALUATION_PREFIXES:
                evaluation = _parse_evaluation(fields, prefix, "")
                if evaluation is not None:
                    yield evaluation
                    break
    yield from _read_attributes(attributes)


def _read_attributes(attributes: Mapping[str, Any]) -> Iterator[Evaluation]:
    """Read `evaluation.name` with `evaluation.score`, or `evaluation.<name>.score` for each of several."""
    for prefix in EVALUATION_PREFIXES:
        names = [name for name in attributes if name.startswith(prefix)]
        if not names:
            continue
        evaluation = _parse_evaluation(attributes, prefix, "")
        if evaluation is not None:
            yield evaluation
            continue
        # A dict instead of a set keeps the order of the attributes.
        metrics = dict.fromkeys(
            name[len(prefix) :].split(".", 1)[0] for name in names if "." in name[len(prefix) :]
        )
        for metric in metrics:
            evaluation = _parse_evaluation(attributes, f"{prefix}{metric}.", metric)
            if evaluation is not None:
                yield evaluation


def _parse_evaluation(fields: Mapping[str, Any], prefix: str, name: str) -> Evaluation | None:
    name = name or to_text(_find_first(fields, prefix, EVALUATION_NAME))
    reported, label = (
        _find_first(fields, prefix, EVALUATION_VALUE),
        to_text(_find_first(fields, prefix, EVALUATION_LABEL)),
    )
    if not name or (reported is None and not label):
        return None
    value, problem = _parse_value(reported, label)
    explanation = to_text(_find_first(fields, prefix, EVALUATION_EXPLANATION))
    return Evaluation(
        name=name[:100],
        value=value,
        label=label[:200],
        explanation="; ".join(filter(None, (problem, explanation or label)))[:10_000],
        judge=(to_text(_find_first(fields, prefix, EVALUATION_JUDGE)) or REPORTED)[:200],
    )


def _parse_value(reported: Any, label: str) -> tuple[float | None, str]:
    """The value in [0, 1], or None and the reason."""
    if reported is None:
        label_value = _LABELS.get(label.strip().lower())
        return label_value, "" if label_value is not None else "only a label was reported"
    try:
        value = float(reported)
    except (TypeError, ValueError):
        return None, f"the value {str(reported)[:50]!r} is not a number"
    if not math.isfinite(value) or not 0.0 <= value <= 1.0:
        return None, f"the value {value} is not between 0 and 1"
    return value, ""


def _find_first(fields: Mapping[str, Any], prefix: str, keys: Iterable[str]) -> Any:
    return next((fields[prefix + key] for key in keys if fields.get(prefix + key) not in (None, "")), None)
