"""`evaluation_pipeline.yaml`: the stages that a release must pass, validated on load."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.metrics import normalise_name
from genaiops_core.evaluation.verdicts.scales import find_scale
from genaiops_core.project import default_config

DEFAULT_FILE = "evaluation_pipeline.yaml"

PRODUCTION = "production"
"""Value of `compare_against` for the current stable release; `production_v1.2.0` names a certain release."""

_STAGE_FIELDS = (
    *("name", "description", "metrics", "threshold", "sample_size", "timeout_minutes"),
    *("compare_against", "max_degradation"),
    *("max_cost_per_query", "max_monthly_budget", "alert_threshold"),
    *("max_p50_latency", "max_p95_latency", "max_p99_latency"),
)


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The minimum of a metric (the maximum where lower is better), and its weight in the score of its stage."""

    threshold: float | None
    """None where only the score of the stage counts the metric."""
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage; unused fields are None or empty."""

    name: str
    description: str = ""
    metrics: Mapping[str, Threshold] = field(default_factory=dict)
    threshold: float | None = None
    """Minimum of the weighted score of the stage, 0 to 1; None without a gate on it."""
    sample_size: int | None = None
    timeout_minutes: float | None = None
    compare_against: str | None = None
    compared_metrics: tuple[str, ...] = ()
    """Metrics of a regression stage; empty compares all metrics of both evaluations."""
    max_degradation: float | None = None
    max_cost_per_query_usd: float | None = None
    max_monthly_budget_usd: float | None = None
    alert_threshold: float | None = None
    max_latency_ms: Mapping[str, float] = field(default_factory=dict)
    """p50, p95, p99 -> limit."""

    @property
    def needs_traffic(self) -> bool:
        """Whether figures of production traffic decide it."""
        return (
            bool(self.max_latency_ms)
            or self.max_cost_per_query_usd is not None
            or self.max_monthly_budget_usd is not None
        )


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """All stages, in order."""

    stages: tuple[Stage, ...]

    @property
    def sample_size(self) -> int | None:
        """The largest sample size of a stage; None means all cases."""
        return max((stage.sample_size for stage in self.stages if stage.sample_size), default=None)

    @property
    def timeout_minutes(self) -> float | None:
        return max((stage.timeout_minutes for stage in self.stages if stage.timeout_minutes), default=None)


def default_document() -> dict[str, Any]:
    """The document of the built-in pipeline."""
    return parse_yaml(default_config(DEFAULT_FILE).read_text("utf-8"), DEFAULT_FILE)


def read_pipeline_file(path: Path) -> dict[str, Any]:
    """The validated document of a file.

    Raises:
        BadInput: the file does not exist, or it is not a pipeline.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist; --config names an evaluation pipeline in YAML.")
    return parse_yaml(path.read_text("utf-8"), path.name)


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """Parse YAML to a validated document.

    Raises:
        BadInput: it is not YAML, or not a pipeline; the message names stage and field.
    """
    # Imported late: only commands with a configuration file need it.
    import yaml

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise BadInput(f"{source} is not YAML{place}: {getattr(error, 'problem', error)}.") from error
    parse_pipeline(document, source)
    assert isinstance(document, dict)
    return document


def set_max_degradation(document: Mapping[str, Any] | None, max_degradation: float) -> dict[str, Any]:
    """The document with `max_degradation` in its regression stages, or with a new regression stage if it has none.

    Args:
        document: a validated document; None has no stages.
        max_degradation: between 0 and 1.
    """
    # Copies, so that the caller's document stays as it is.
    stages = [dict(stage) for stage in document["evaluation_pipeline"]["stages"]] if document else []
    regression_stages = [
        stage for stage in stages if "compare_against" in stage or "max_degradation" in stage
    ]
    for stage in regression_stages:
        stage["max_degradation"] = max_degradation
    if not regression_stages:
        stages.append(
            {
                "name": "regression",
                "description": "No worse than the baseline, case by case",
                "compare_against": PRODUCTION,
                "max_degradation": max_degradation,
            }
        )
    return {"evaluation_pipeline": {"stages": stages}}


def parse_pipeline(document: object, source: str = "the configuration") -> Pipeline:
    """Parse a document in the layout of `evaluation_pipeline.yaml`.

    Raises:
        BadInput: a field is invalid; the message names stage and field.
    """
    pipeline = document.get("evaluation_pipeline") if isinstance(document, dict) else None
    stages = pipeline.get("stages") if isinstance(pipeline, dict) else None
    if not isinstance(stages, list) or not stages:
        raise BadInput(f"{source}: evaluation_pipeline.stages must be a list of stages.")
    parsed = tuple(_parse_stage(stage, number, source) for number, stage in enumerate(stages, start=1))
    names = [stage.name for stage in parsed]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"{source}: stage '{name}' appears twice; give each stage its own name.")
    return Pipeline(stages=parsed)


def _parse_stage(stage: object, number: int, source: str) -> Stage:
    if not isinstance(stage, dict):
        raise BadInput(f"{source}: stage {number} must have fields such as name and metrics.")
    name = stage.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadInput(f"{source}: stage {number}: name is missing.")
    location = f"{source}: stage '{name}'"
    for key in stage:
        if key not in _STAGE_FIELDS:
            suggestions = difflib.get_close_matches(str(key), _STAGE_FIELDS, n=1)
            hint = (
                f"; did you mean {suggestions[0]}?"
                if suggestions
                else f"; known are {', '.join(_STAGE_FIELDS)}."
            )
            raise BadInput(f"{location}: field '{key}' is unknown{hint}")
    metrics = stage.get("metrics")
    threshold = _parse_number(stage, "threshold", location, high=1)
    is_regression = "compare_against" in stage or "max_degradation" in stage
    parsed = Stage(
        name=name,
        description=str(stage.get("description") or ""),
        # In a regression stage `metrics` is a list of names, elsewhere it maps names to thresholds.
        metrics={}
        if is_regression
        else _parse_thresholds(metrics, location, needs_threshold=threshold is None),
        threshold=threshold,
        compared_metrics=_parse_compared_metrics(metrics, location) if is_regression else (),
        compare_against=_parse_release(stage, "compare_against", location) if is_regression else None,
        max_degradation=_parse_number(stage, "max_degradation", location, high=1, default=0.05)
        if is_regression
        else None,
        sample_size=_parse_whole_number(stage, "sample_size", location),
        timeout_minutes=_parse_number(stage, "timeout_minutes", location),
        max_cost_per_query_usd=_parse_number(stage, "max_cost_per_query", location),
        max_monthly_budget_usd=_parse_number(stage, "max_monthly_budget", location),
        alert_threshold=_parse_number(stage, "alert_threshold", location, high=1),
        max_latency_ms={
            share: limit
            for share in ("p50", "p95", "p99")
            if (limit := _parse_number(stage, f"max_{share}_latency", location)) is not None
        },
    )
    if not (parsed.metrics or is_regression or parsed.needs_traffic):
        raise BadInput(
            f"{location}: the stage is empty; add metrics with thresholds, compare_against, or limits."
        )
    if threshold is not None and not any(entry.weight for entry in parsed.metrics.values()):
        raise BadInput(
            f"{location}: threshold is the minimum of the weighted score, so the stage needs metrics with a weight above 0, "
            "for example faithfulness: {weight: 0.6}."
        )
    return parsed


def _parse_thresholds(metrics: object, stage_location: str, *, needs_threshold: bool) -> dict[str, Threshold]:
    if metrics is None:
        return {}
    if not isinstance(metrics, dict):
        raise BadInput(
            f"{stage_location}: metrics must map each metric to its threshold, for example faithfulness: {{threshold: 0.85}}."
        )
    thresholds: dict[str, Threshold] = {}
    for name, value in metrics.items():
        location = f"{stage_location}: metrics.{name}"
        fields = value if isinstance(value, dict) else {"threshold": value}
        unknown = set(fields) - {"threshold", "weight"}
        if unknown:
            raise BadInput(
                f"{location}: field '{sorted(unknown)[0]}' is unknown; known are threshold and weight."
            )
        scale = find_scale(str(name))
        threshold = _parse_number(fields, "threshold", location, low=scale.low, high=scale.high)
        if threshold is None and needs_threshold:
            raise BadInput(
                f"{location}: threshold is missing; write one for the metric, or one for the score of the whole stage."
            )
        weight = _parse_number(fields, "weight", location, default=1.0)
        thresholds[normalise_name(str(name))] = Threshold(
            threshold=threshold, weight=1.0 if weight is None else weight
        )
    return thresholds


def _parse_compared_metrics(metrics: object, location: str) -> tuple[str, ...]:
    if metrics is None:
        return ()
    names = list(metrics) if isinstance(metrics, (list, dict)) else None
    if not names or not all(isinstance(name, str) for name in names):
        raise BadInput(
            f"{location}: metrics must list the metrics to compare, for example [faithfulness, relevancy]."
        )
    return tuple(normalise_name(name) for name in names)


def _parse_release(fields: Mapping[str, Any], name: str, location: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{location}: {name} must name a release.")
    return value


def _parse_whole_number(fields: Mapping[str, Any], name: str, location: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    # YAML reads `yes` and `on` as true, and a bool is an int.
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(f"{location}: {name} must be a whole number of at least 1, not {value!r}.")
    return value


def _parse_number(
    fields: Mapping[str, Any],
    name: str,
    location: str,
    *,
    low: float = 0.0,
    high: float | None = None,
    default: float | None = None,
) -> float | None:
    value = fields.get(name, default)
    if value is None:
        return default
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    is_in_range = is_number and value >= low
    if not is_in_range or (high is not None and value > high):
        limits = f"between {low:g} and {high:g}" if high is not None else f"of at least {low:g}"
        raise BadInput(f"{location}: {name} must be a number {limits}, not {value!r}.")
    return float(value)
