"""Every field of a results document: the one source of docs/reference/results.md and results.schema.json.

`python -m genaiops_core.evaluation.verdicts.results_schema` prints the JSON Schema, with `--markdown` the tables.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["passed", "failed", "inconclusive", "error"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CorrectedEntry(_Model):
    """What the mean of a metric is worth by what people say of some of the cases."""

    mean: float | None = Field(description="as people would have rated all cases; null with too few labels")
    low: float | None = Field(description="lower end of its 95 % interval")
    high: float | None = Field(description="upper end")
    label: str = Field(description="which label of people the metric is held against")
    labelled: int = Field(description="cases with a label that stand for all of them")
    bias: float | None = Field(
        description="judge minus people over the labelled cases: above 0 it is too kind"
    )
    method: str = Field(description="of the estimate and its interval")
    problem: str = Field(description="why there is no estimate, or ''")


class MetricEntry(_Model):
    """One metric over the cases of the run, on its own scale."""

    title: str = Field(description="as people read it")
    mean: float | None = Field(description="of the cases that have a value; null when none has")
    low: float | None = Field(description="lower end of its 95 % interval")
    high: float | None = Field(description="upper end")
    n: int = Field(description="cases with a value; repetitions of a case are averaged first")
    undefined: int = Field(description="cases without one")
    failed: int = Field(description="of the undefined cases, those whose judge or target failed")
    values: int = Field(description="scores behind the mean, repetitions included")
    repetition_sd: float | None = Field(
        description="standard deviation between repetitions of a case; null without repetitions"
    )
    low_bounded: float = Field(description="`low` if everything undefined had scored the least; gates use it")
    high_bounded: float = Field(
        description="`high` if everything undefined had scored the most; gates use it"
    )
    method: str = Field(description="of the interval")
    is_proxy: bool = Field(description="whether it only counts words in common")
    reasons: dict[str, int] = Field(description="why cases are undefined: reason to cases")
    range: list[float] = Field(description="least and most a value can be")
    higher_is_better: bool | None = Field(
        description="false: the threshold is a most; null: neither end is better"
    )
    corrected: CorrectedEntry | None = Field(
        description="the mean as people would have rated it; null without human labels"
    )
    threshold: float | None = Field(
        default=None, description="the strictest one asked for; absent when none was"
    )


class GateEntry(_Model):
    """One gate."""

    name: str = Field(description="stage and metric")
    stage: str = Field(description="which stage it belongs to; `minimums` for thresholds given at launch")
    kind: Literal["threshold", "limit", "regression"] = Field(description="what kind of gate it is")
    metric: str = Field(description="what is gated")
    threshold: float | None = Field(
        description="the least (or most) it must be; the most of a cost or latency; the allowed degradation"
    )
    measured: float | None = Field(description="the mean, figure or difference found; null when unknown")
    verdict: Verdict = Field(description="by the interval, not by the point")
    why: str = Field(description="which evidence was used, and what it says")
    low: float | None = Field(description="lower end of what was measured, undefined cases at their worst")
    high: float | None = Field(description="upper end, undefined cases at their best")


class StageEntry(_Model):
    """One stage of the pipeline."""

    name: str = Field(description="as the pipeline has it")
    description: str = Field(description="as the pipeline has it")
    verdict: Verdict = Field(description="over its gates")
    score: float | None = Field(
        description="weighted mean of its metrics, 0 to 1; null unless all are measured"
    )
    low: float | None = Field(description="the weighted sum of the metrics' worse bounds")
    high: float | None = Field(description="the weighted sum of their better bounds")
    method: str = Field(description="how `low` and `high` come about")


class Judging(_Model):
    """What judging took."""

    calls: int = Field(description="calls to the judge's model; 0 for judges that compute")
    unpriced_calls: int = Field(description="of these, calls without a known price")
    input_tokens: int = Field(description="as the provider counted them")
    output_tokens: int = Field(description="as the provider counted them")
    cost_usd: str | None = Field(description="decimal; null when a call has no price")
    cost_usd_at_least: str = Field(description="decimal: cost of the calls that have a price")
    units_failed: int = Field(description="units (case, repetition, metric) whose judge or target failed")


class Mean(_Model):
    """A mean with its 95 % interval."""

    mean: float = Field(description="the mean")
    low: float = Field(description="lower end")
    high: float = Field(description="upper end")
    n: int = Field(description="cases")
    method: str = Field(description="of the interval")


class Quantile(_Model):
    """A percentile with its 95 % interval."""

    value: float = Field(description="nearest rank, in ms")
    low: float | None = Field(description="lower end; null when there are too few cases for one")
    high: float | None = Field(description="upper end; null when there are too few cases for one")
    n: int = Field(description="cases")
    method: str = Field(description="of the interval")


class Answers(_Model):
    """What the answers that the run generated took."""

    answers: int = Field(description="answers asked for")
    failed: int = Field(description="of these, those that the target did not give")
    cases: int = Field(description="cases with at least one answer")
    unpriced: int = Field(description="answers without a known price")
    reasons: dict[str, int] = Field(description="why answers failed, the most frequent ones")
    input_tokens: int | None = Field(description="of all answers; null when one of them did not tell")
    output_tokens: int | None = Field(description="of all answers; null when one of them did not tell")
    cost_nano_usd: int | None = Field(description="of all answers, in 1e-9 USD; null when one has no price")
    cost_per_query_usd: Mean | None = Field(
        description="over the cases' mean costs; null when one has no price"
    )
    latency_ms: dict[str, Quantile] = Field(description="p50, p95, p99 of the first answer of each case")


class Traffic(_Model):
    """The release's own requests of the last days."""

    requests: int = Field(description="how many")
    unpriced_calls: int = Field(description="model calls without a known price")
    cost_per_query_usd: float | None = Field(description="mean; null when a call has no price")
    monthly_cost_usd: float | None = Field(description="spend of the window carried forward to 30 days")
    latency_ms: dict[str, float | None] = Field(description="p50, p95, p99 of successful requests")
    window_days: int = Field(description="days looked at")


class DifferenceEntry(_Model):
    """One metric in both runs."""

    metric: str = Field(description="a score, `cost`, `latency_p50`, `latency_p95` or `latency_p99`")
    baseline_mean: float | None = Field(description="over the common cases: score, USD, or ms")
    current_mean: float | None = Field(description="over the common cases: score, USD, or ms")
    difference: float | None = Field(description="current minus baseline; relative for cost and latency")
    low: float | None = Field(description="lower end of its interval")
    high: float | None = Field(description="upper end")
    n: int = Field(
        description="cases with a value in both; requests of the smaller side where traffic was compared"
    )
    method: str = Field(description="of the interval")
    max_degradation: float = Field(description="the most that may be lost")
    is_relative: bool = Field(description="true: 0.05 is 5 % more; false: 0.05 of the metric's scale")
    higher_is_better: bool | None = Field(description="which direction is a loss; null: any change is one")
    verdict: Verdict = Field(description="by the interval")
    why: str = Field(description="what it says")
    p_value: float | None = Field(description="by permutation, adjusted (Holm); null otherwise")


class ComparisonEntry(_Model):
    """The run against its baseline."""

    verdict: Verdict = Field(description="over the metrics compared")
    why: str = Field(description="why nothing was compared, or empty")
    max_degradation: float = Field(description="the most that may be lost")
    method: str = Field(description="`bootstrap` or `permutation`")
    correction: str = Field(description="what is done about several metrics at once")
    confidence: float = Field(description="of all intervals together")
    confidence_each: float = Field(description="of each interval")
    cases: int = Field(description="cases in both runs")
    only_in_baseline: int = Field(description="cases that only the baseline has")
    only_in_current: int = Field(description="cases that only this run has")
    metrics: list[DifferenceEntry] = Field(description="one row a metric")


class Baseline(_Model):
    """Which run it was compared with."""

    name: str = Field(description="id of the evaluation, or name of the file")
    evaluation: str | None = Field(description="id of that run")
    application: str | None = Field(description="of that run")
    release: str | None = Field(description="of that run")
    dataset: str | None = Field(description="of that run")
    version: int | None = Field(description="of its dataset")
    judge: str | None = Field(description="of that run")
    finished_at: str | None = Field(description="ISO 8601, UTC")


class Detail(_Model):
    """One case; only in files."""

    case: int = Field(description="its number in the dataset version")
    input_sha256: str = Field(description="names the case across runs and versions")
    input: str = Field(description="what was asked")
    answer: str | None = Field(
        description="what was scored: the dataset's answer, or the first generated one"
    )
    scores: dict[str, float | None] = Field(description="metric to mean over repetitions; null is undefined")
    reasons: dict[str, str] = Field(description="metric to why a value is missing")
    cost_nano_usd: float | None = Field(
        default=None, description="of a generated answer, in 1e-9 USD, mean over repetitions"
    )
    latency_ms: float | None = Field(default=None, description="of the first generated answer")
    problem: str = Field(default="", description="why a generated answer is missing, or empty")


class Results(_Model):
    """The whole document."""

    schema_: int = Field(alias="schema", description="1; fields are added, never renamed")
    evaluation: str = Field(description="id of the run")
    state: Literal["queued", "running", "paused", "finished", "cancelled", "failed"] = Field(
        description="of the run"
    )
    partial: bool = Field(description="true unless it finished; a partial run has no verdict")
    problem: str = Field(description="why it failed or is partial, or empty")
    application: str = Field(description="whose quality this is; empty when none was named")
    release: str = Field(description="whose quality this is; empty when none was named")
    dataset: str = Field(description="what was scored")
    version: int = Field(description="of the dataset")
    cases: int = Field(description="cases used")
    cases_total: int = Field(description="cases there are")
    split: str = Field(description="the split whose cases were used; empty for all")
    sample_size: int | None = Field(description="the most that were asked for, or null")
    repetitions: int = Field(description="how often each case was answered")
    judge: str = Field(description="who measured")
    target: dict[str, Any] | None = Field(
        description="who answered; null when the dataset's answers were scored"
    )
    pace: dict[str, Any] | None = Field(description="concurrency, rate, timeout and spend limit of the run")
    attempt: int = Field(description="1, and one more for every resume")
    started_at: str | None = Field(description="ISO 8601, UTC")
    finished_at: str = Field(description="ISO 8601, UTC")
    cost_usd: str | None = Field(description="decimal: what judging cost; null when a call has no price")
    judging: Judging = Field(description="calls, tokens and cost of judging")
    verdict: Verdict | None = Field(description="over all gates; null while partial")
    metrics: dict[str, MetricEntry] = Field(description="name to figures")
    gates: list[GateEntry] = Field(description="every gate")
    stages: list[StageEntry] = Field(description="every stage")
    answers: Answers | None = Field(description="of the answers that the run generated, or null")
    traffic: Traffic | None = Field(description="of the release's own requests, or null")
    baseline: Baseline | None = Field(description="the run it was compared with, or null")
    comparison: ComparisonEntry | None = Field(description="what came of that, or null")
    details: list[Detail] = Field(default=[], description="one row a case; only in files")


_MODELS: tuple[type[_Model], ...] = (
    Results,
    *(model for model in _Model.__subclasses__() if model is not Results),
)


def build_json_schema() -> bytes:
    """JSON Schema 2020-12 of a document."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Results.model_json_schema(mode="serialization", by_alias=True),
    }
    for model in _MODELS:
        definition = schema if model is Results else schema["$defs"][model.__name__]
        # What has a default may be absent, and what a later version adds is no mistake.
        definition["required"] = [
            info.alias or name for name, info in model.model_fields.items() if info.is_required()
        ]
        definition.pop("additionalProperties")
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2) + b"\n"


def render_markdown() -> str:
    """A table of fields for the document and each of its parts."""
    blocks = []
    for model in _MODELS:
        title = "The document" if model is Results else f"`{model.__name__}`: {model.__doc__}".rstrip(".")
        rows = [
            f"| `{info.alias or name}` | {_format_type(info.annotation)} | {info.description} |"
            for name, info in model.model_fields.items()
        ]
        blocks.append("\n".join([f"### {title}", "", "| field | type | is |", "|---|---|---|", *rows]))
    return "\n\n".join(blocks) + "\n"


def _format_type(annotation: object) -> str:
    """A type as people write it."""
    text = str(annotation).replace("typing.", "").replace(f"{__name__}.", "")
    if text.startswith("<class "):
        text = getattr(annotation, "__name__", text)
    text = re.sub(r"^Optional\[(.*)\]$", r"\1 | None", text).replace(" | None", " or null")
    names = {
        "str": "text",
        "float": "number",
        "int": "whole number",
        "bool": "true or false",
        "Any": "anything",
    }
    if text.startswith("Literal"):
        values = text[len("Literal[") :].split("]")[0].replace("'", "")
        return f"one of {values}" + (" or null" if text.endswith("or null") else "")
    return names.get(text, _expand_type_names(text, names))


def _expand_type_names(text: str, names: dict[str, str]) -> str:
    for short, long in names.items():
        text = text.replace(f"[{short}", f"[{long}").replace(f", {short}", f", {long}")
        if text.startswith(f"{short} "):
            text = long + text[len(short) :]
    return f"`{text}`" if "[" in text or text[0].isupper() else text


if __name__ == "__main__":
    sys.stdout.write(render_markdown() if "--markdown" in sys.argv else build_json_schema().decode())
