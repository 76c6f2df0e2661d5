"""`evaluation_pipeline.yaml`: the stages a release has to pass, checked when loaded."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.metrics import normalise_name
from genaiops_core.evaluation.verdicts.scales import scale_of
from genaiops_core.project import default_config

DEFAULT_FILE = "evaluation_pipeline.yaml"

PRODUCTION = "production"
"""What `compare_against` calls the stable release, whichever it is; `production_v1.2.0` names one."""

_STAGE_FIELDS = (
    *("name", "description", "metrics", "sample_size", "timeout_minutes"),
    *("compare_against", "max_degradation"),
    *("max_cost_per_query", "max_monthly_budget", "alert_threshold"),
    *("max_p50_latency", "max_p95_latency", "max_p99_latency"),
)


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """What a metric must reach (or not exceed, where less is better), and its weight in the score of its stage."""

    threshold: float
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage; what it asks for is set, the rest is None or empty."""

    name: str
    description: str = ""
    metrics: Mapping[str, Threshold] = field(default_factory=dict)
    sample_size: int | None = None
    timeout_minutes: float | None = None
    compare_against: str | None = None
    compared_metrics: tuple[str, ...] = ()
    """What a regression stage compares; empty is everything that both runs measured."""
    max_degradation: float | None = None
    max_cost_per_query_usd: float | None = None
    max_monthly_budget_usd: float | None = None
    alert_threshold: float | None = None
    max_latency_ms: Mapping[str, float] = field(default_factory=dict)
    """p50, p95, p99 -> limit."""

    @property
    def needs_traffic(self) -> bool:
        """Whether it is decided by figures of production traffic."""
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
        """The most cases any stage asks for; None means all there are."""
        return max((stage.sample_size for stage in self.stages if stage.sample_size), default=None)

    @property
    def timeout_minutes(self) -> float | None:
        return max((stage.timeout_minutes for stage in self.stages if stage.timeout_minutes), default=None)


def default_document() -> dict[str, Any]:
    """The pipeline that comes with the console, as a document."""
    return read_document(default_config(DEFAULT_FILE).read_text("utf-8"), DEFAULT_FILE)


def read_file(path: Path) -> dict[str, Any]:
    """The document in `path`, checked.

    Raises:
        BadInput: there is no such file, or it is no pipeline.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist; --config names an evaluation pipeline in YAML.")
    return read_document(path.read_text("utf-8"), path.name)


def read_document(text: str, source: str) -> dict[str, Any]:
    """YAML to a checked document.

    Raises:
        BadInput: it is not YAML, or no pipeline; the sentence names stage and field.
    """
    import yaml

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise BadInput(f"{source} is not YAML{place}: {getattr(error, 'problem', error)}.") from error
    parse(document, source)
    assert isinstance(document, dict)
    return document


def with_regression(document: Mapping[str, Any] | None, max_degradation: float) -> dict[str, Any]:
    """The document with its regression stages at `max_degradation`, or with one more where it has none.

    Args:
        document: a checked document; None has no stages yet.
        max_degradation: between 0 and 1.
    """
    stages = [dict(stage) for stage in document["evaluation_pipeline"]["stages"]] if document else []
    comparing = [stage for stage in stages if "compare_against" in stage or "max_degradation" in stage]
    for stage in comparing:
        stage["max_degradation"] = max_degradation
    if not comparing:
        stages.append(
            {
                "name": "regression",
                "description": "No worse than the baseline, case by case",
                "compare_against": PRODUCTION,
                "max_degradation": max_degradation,
            }
        )
    return {"evaluation_pipeline": {"stages": stages}}


def parse(document: object, source: str = "the configuration") -> Pipeline:
    """A document in the layout of `evaluation_pipeline.yaml` to its stages.

    Raises:
        BadInput: naming the stage and the field that is wrong.
    """
    pipeline = document.get("evaluation_pipeline") if isinstance(document, dict) else None
    stages = pipeline.get("stages") if isinstance(pipeline, dict) else None
    if not isinstance(stages, list) or not stages:
        raise BadInput(f"{source}: evaluation_pipeline.stages must be a list of stages.")
    parsed = tuple(_stage(stage, number, source) for number, stage in enumerate(stages, start=1))
    names = [stage.name for stage in parsed]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"{source}: stage '{name}' is there twice; give each stage its own name.")
    return Pipeline(stages=parsed)


def _stage(stage: object, number: int, source: str) -> Stage:
    if not isinstance(stage, dict):
        raise BadInput(f"{source}: stage {number} must have fields such as name and metrics.")
    name = stage.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadInput(f"{source}: stage {number}: name is missing.")
    where = f"{source}: stage '{name}'"
    for key in stage:
        if key not in _STAGE_FIELDS:
            near = difflib.get_close_matches(str(key), _STAGE_FIELDS, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(_STAGE_FIELDS)}."
            raise BadInput(f"{where}: field '{key}' is unknown{hint}")
    metrics = stage.get("metrics")
    comparing = "compare_against" in stage or "max_degradation" in stage
    made = Stage(
        name=name,
        description=str(stage.get("description") or ""),
        metrics={} if comparing else _thresholds(metrics, where),
        compared_metrics=_compared(metrics, where) if comparing else (),
        compare_against=_text(stage, "compare_against", where) if comparing else None,
        max_degradation=_number(stage, "max_degradation", where, high=1, default=0.05) if comparing else None,
        sample_size=_whole(stage, "sample_size", where),
        timeout_minutes=_number(stage, "timeout_minutes", where),
        max_cost_per_query_usd=_number(stage, "max_cost_per_query", where),
        max_monthly_budget_usd=_number(stage, "max_monthly_budget", where),
        alert_threshold=_number(stage, "alert_threshold", where, high=1),
        max_latency_ms={
            share: limit
            for share in ("p50", "p95", "p99")
            if (limit := _number(stage, f"max_{share}_latency", where)) is not None
        },
    )
    if not (made.metrics or comparing or made.needs_traffic):
        raise BadInput(
            f"{where}: it asks for nothing; give metrics with thresholds, compare_against, or limits."
        )
    return made


def _thresholds(metrics: object, where: str) -> dict[str, Threshold]:
    if metrics is None:
        return {}
    if not isinstance(metrics, dict):
        raise BadInput(
            f"{where}: metrics must map each metric to its threshold, as in faithfulness: {{threshold: 0.85}}."
        )
    made: dict[str, Threshold] = {}
    for name, value in metrics.items():
        place = f"{where}: metrics.{name}"
        fields = value if isinstance(value, dict) else {"threshold": value}
        unknown = set(fields) - {"threshold", "weight"}
        if unknown:
            raise BadInput(
                f"{place}: field '{sorted(unknown)[0]}' is unknown; known are threshold and weight."
            )
        scale = scale_of(str(name))
        threshold = _number(fields, "threshold", place, low=scale.low, high=scale.high)
        if threshold is None:
            raise BadInput(f"{place}: threshold is missing.")
        weight = _number(fields, "weight", place, default=1.0)
        made[normalise_name(str(name))] = Threshold(threshold=threshold, weight=1.0 if weight is None else weight)
    return made


def _compared(metrics: object, where: str) -> tuple[str, ...]:
    if metrics is None:
        return ()
    names = list(metrics) if isinstance(metrics, (list, dict)) else None
    if not names or not all(isinstance(name, str) for name in names):
        raise BadInput(f"{where}: metrics must list what to compare, as in [faithfulness, relevancy].")
    return tuple(normalise_name(name) for name in names)


def _text(fields: Mapping[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{where}: {name} must name a release.")
    return value


def _whole(fields: Mapping[str, Any], name: str, where: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(f"{where}: {name} must be a whole number of at least 1, not {value!r}.")
    return value


def _number(
    fields: Mapping[str, Any],
    name: str,
    where: str,
    *,
    low: float = 0.0,
    high: float | None = None,
    default: float | None = None,
) -> float | None:
    value = fields.get(name, default)
    if value is None:
        return default
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    in_range = is_number and value >= low
    if not in_range or (high is not None and value > high):
        limits = f"between {low:g} and {high:g}" if high is not None else f"of at least {low:g}"
        raise BadInput(f"{where}: {name} must be a number {limits}, not {value!r}.")
    return float(value)
