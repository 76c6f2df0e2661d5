"""Every field of a results document: the source of docs/reference/results.md and results.schema.json.

`python -m genaiops_core.evaluation.verdicts.results_schema` prints the JSON Schema, with `--markdown` the tables.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["passed", "failed", "inconclusive", "error"]
GateVerdict = Literal["passed", "warning", "failed", "inconclusive", "error"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CorrectedEntry(_Model):
    """The mean of a metric corrected by human labels of some of the cases."""

    mean: float | None = Field(
        description="estimate of the mean over all cases by human labels; null with too few labels"
    )
    low: float | None = Field(description="lower end of its 95 % interval")
    high: float | None = Field(description="upper end")
    label: str = Field(description="the human label that corrects the metric")
    labelled: int = Field(description="labelled cases of the random sample")
    bias: float | None = Field(
        description="judge minus humans over the labelled cases; above 0 the judge is too lenient"
    )
    method: str = Field(description="of the estimate and its interval")
    problem: str = Field(description="why there is no estimate, or ''")


class MetricEntry(_Model):
    """One metric over the cases of the run, on its own scale."""

    title: str = Field(description="display name")
    mean: float | None = Field(description="mean of the cases with a value; null when none has one")
    low: float | None = Field(description="lower end of its 95 % interval")
    high: float | None = Field(description="upper end")
    n: int = Field(description="cases with a value; repetitions of a case are averaged first")
    undefined: int = Field(description="cases without a value")
    failed: int = Field(description="undefined cases whose judge or target failed")
    values: int = Field(description="scores behind the mean, including repetitions")
    repetition_sd: float | None = Field(
        description="standard deviation between repetitions of a case; null without repetitions"
    )
    low_bounded: float = Field(description="`low` if all undefined cases had the lowest value; gates use it")
    high_bounded: float = Field(
        description="`high` if all undefined cases had the highest value; gates use it"
    )
    method: str = Field(description="of the interval")
    is_proxy: bool = Field(description="whether the metric is a proxy, which only counts common words")
    reasons: dict[str, int] = Field(description="why cases are undefined: reason to cases")
    range: list[float] = Field(description="lowest and highest possible value")
    higher_is_better: bool | None = Field(
        description="false: the threshold is a maximum; null: neither end is better"
    )
    corrected: CorrectedEntry | None = Field(
        description="the mean corrected by human labels; null without labels"
    )
    threshold: float | None = Field(
        default=None, description="the strictest threshold of the gates; absent without one"
    )


class GateEntry(_Model):
    """One gate."""

    name: str = Field(description="stage and metric")
    stage: str = Field(description="the stage of the gate; `minimums` for thresholds of the launch")
    kind: Literal["threshold", "limit", "regression", "score"] = Field(
        description="kind of gate; `score` is the weighted score of a stage"
    )
    metric: str = Field(description="the gated metric")
    threshold: float | None = Field(
        description="the minimum (or maximum); the maximum of a cost or latency; the allowed degradation"
    )
    measured: float | None = Field(description="the measured mean, figure or difference; null when unknown")
    verdict: GateVerdict = Field(
        description="by the interval, not by the point estimate; warning passes, but is close to its limit"
    )
    why: str = Field(description="the evidence and its result")
    low: float | None = Field(
        description="lower bound of the measured value, with undefined cases at their worst"
    )
    high: float | None = Field(description="upper bound, with undefined cases at their best")


class StageEntry(_Model):
    """One stage of the pipeline."""

    name: str = Field(description="of the pipeline")
    description: str = Field(description="of the pipeline")
    verdict: GateVerdict = Field(description="over its gates")
    score: float | None = Field(
        description="weighted mean of its metrics, 0 to 1; null unless all are measured"
    )
    low: float | None = Field(description="the weighted sum of the metrics' worse bounds")
    high: float | None = Field(description="the weighted sum of their better bounds")
    method: str = Field(description="of `low` and `high`")
    threshold: float | None = Field(
        default=None, description="the minimum of `score`; null without a gate on it"
    )


class Judging(_Model):
    """Calls, tokens and cost of judging."""

    calls: int = Field(description="calls to the judge's model; 0 for judges that compute")
    unpriced_calls: int = Field(description="calls without a known price")
    uncounted_calls: int = Field(0, description="calls for which the provider sent no token counts")
    input_tokens: int | None = Field(
        description="as the provider counted them; null when a call has no count"
    )
    output_tokens: int | None = Field(
        description="as the provider counted them; null when a call has no count"
    )
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
    """Cost and latency of the answers that the evaluation generated."""

    answers: int = Field(description="requested answers")
    failed: int = Field(description="answers that the target did not return")
    cases: int = Field(description="cases with at least one answer")
    unpriced: int = Field(description="answers without a known price")
    reasons: dict[str, int] = Field(description="why answers failed, the most frequent reasons")
    input_tokens: int | None = Field(description="of all answers; null when one has no count")
    output_tokens: int | None = Field(description="of all answers; null when one has no count")
    cost_nano_usd: int | None = Field(description="of all answers, in 1e-9 USD; null when one has no price")
    cost_per_query_usd: Mean | None = Field(
        description="over the cases' mean costs; null when one has no price"
    )
    latency_ms: dict[str, Quantile] = Field(description="p50, p95, p99 of the first answer of each case")


class Traffic(_Model):
    """Figures of the release's own requests in the last days."""

    requests: int = Field(description="number of requests")
    unpriced_calls: int = Field(description="model calls without a known price")
    cost_per_query_usd: float | None = Field(description="mean; null when a call has no price")
    monthly_cost_usd: float | None = Field(
        description="spend of the release in the window, extrapolated to 30 days"
    )
    application_requests: int | None = Field(
        default=None, description="requests of the application in the window, of all releases"
    )
    monthly_cost_at_full_traffic_usd: float | None = Field(
        default=None,
        description="cost of 30 days if the release answered every request of the application; `max_monthly_budget` limits it",
    )
    latency_ms: dict[str, float | None] = Field(description="p50, p95, p99 of successful requests")
    window_days: int = Field(description="days of the window")


class DifferenceEntry(_Model):
    """One metric in both evaluations."""

    metric: str = Field(description="a score, `cost`, `latency_p50`, `latency_p95` or `latency_p99`")
    baseline_mean: float | None = Field(description="over the common cases: score, USD, or ms")
    current_mean: float | None = Field(description="over the common cases: score, USD, or ms")
    difference: float | None = Field(description="current minus baseline; relative for cost and latency")
    low: float | None = Field(description="lower end of its interval")
    high: float | None = Field(description="upper end")
    n: int = Field(description="cases with a value in both; for traffic, requests of the smaller side")
    method: str = Field(description="of the interval")
    max_degradation: float = Field(description="the allowed degradation")
    is_relative: bool = Field(description="true: 0.05 is 5 % more; false: 0.05 of the metric's scale")
    higher_is_better: bool | None = Field(
        description="direction of improvement; null: any change is a degradation"
    )
    verdict: Verdict = Field(description="by the interval")
    why: str = Field(description="reason of the verdict")
    p_value: float | None = Field(
        description="of the permutation test, adjusted (Holm); null for other methods"
    )


class ComparisonEntry(_Model):
    """The comparison with the baseline."""

    verdict: Verdict = Field(description="over the compared metrics")
    why: str = Field(description="why nothing was compared, or empty")
    max_degradation: float = Field(description="the allowed degradation")
    method: str = Field(description="`bootstrap` or `permutation`")
    correction: str = Field(description="correction for several metrics")
    confidence: float = Field(description="of all intervals together")
    confidence_each: float = Field(description="of each interval")
    cases: int = Field(description="cases in both evaluations")
    only_in_baseline: int = Field(description="cases that only the baseline has")
    only_in_current: int = Field(description="cases that only this evaluation has")
    metrics: list[DifferenceEntry] = Field(description="one row per metric")


class Baseline(_Model):
    """The evaluation that it was compared with."""

    name: str = Field(description="ID of the evaluation, or name of the file")
    evaluation: str | None = Field(description="its ID")
    application: str | None = Field(description="of the baseline")
    release: str | None = Field(description="of the baseline")
    dataset: str | None = Field(description="of the baseline")
    version: int | None = Field(description="of its dataset")
    judge: str | None = Field(description="of the baseline")
    finished_at: str | None = Field(description="ISO 8601, UTC")


class Detail(_Model):
    """One case; only in files."""

    case: int = Field(description="its number in the dataset version")
    input_sha256: str = Field(description="identifies the case across evaluations and versions")
    input: str = Field(description="the input of the case")
    answer: str | None = Field(description="the scored answer: the dataset's, or the first generated one")
    scores: dict[str, float | None] = Field(description="metric to mean over repetitions; null is undefined")
    reasons: dict[str, str] = Field(description="metric to the reason of a missing value")
    cost_nano_usd: float | None = Field(
        default=None, description="of a generated answer, in 1e-9 USD, mean over repetitions"
    )
    latency_ms: float | None = Field(default=None, description="of the first generated answer")
    problem: str = Field(default="", description="why a generated answer is missing, or empty")


class Results(_Model):
    """The whole document."""

    schema_: int = Field(alias="schema", description="1; fields are added, never renamed")
    evaluation: str = Field(description="ID of the evaluation")
    state: Literal["queued", "running", "paused", "finished", "cancelled", "failed"] = Field(
        description="of the evaluation"
    )
    partial: bool = Field(description="true unless it finished; a partial evaluation has no verdict")
    problem: str = Field(description="why it failed or is partial, or empty")
    application: str = Field(description="under evaluation; empty when none was named")
    release: str = Field(description="under evaluation; empty when none was named")
    dataset: str = Field(description="name of the dataset")
    version: int = Field(description="of the dataset")
    cases: int = Field(description="scored cases")
    cases_total: int = Field(description="cases of the dataset version")
    split: str = Field(description="the split whose cases were scored; empty for all")
    sample_size: int | None = Field(description="the requested maximum of cases, or null")
    repetitions: int = Field(description="how often each case was answered")
    judge: str = Field(description="name of the judge")
    target: dict[str, Any] | None = Field(
        description="the target that answered; null when the dataset's answers were scored"
    )
    pace: dict[str, Any] | None = Field(description="concurrency, rate, timeout and spend limit")
    attempt: int = Field(description="1, plus 1 for every resume")
    started_at: str | None = Field(description="ISO 8601, UTC")
    finished_at: str = Field(description="ISO 8601, UTC")
    cost_usd: str | None = Field(description="decimal: cost of judging; null when a call has no price")
    judging: Judging = Field(description="calls, tokens and cost of judging")
    verdict: GateVerdict | None = Field(description="over all gates; null while partial")
    metrics: dict[str, MetricEntry] = Field(description="name to figures")
    gates: list[GateEntry] = Field(description="every gate")
    stages: list[StageEntry] = Field(description="every stage")
    answers: Answers | None = Field(description="of the answers that the evaluation generated, or null")
    traffic: Traffic | None = Field(description="of the release's own requests, or null")
    baseline: Baseline | None = Field(description="the evaluation that it was compared with, or null")
    comparison: ComparisonEntry | None = Field(description="result of the comparison, or null")
    faithfulness: float = Field(default=-1.0, description="mean of the metric; -1 when unmeasured")
    answer_relevancy: float = Field(default=-1.0, description="mean of the metric; -1 when unmeasured")
    context_precision: float = Field(default=-1.0, description="mean of the metric; -1 when unmeasured")
    context_recall: float = Field(default=-1.0, description="mean of the metric; -1 when unmeasured")
    avg_cost: float = Field(
        default=1e99,
        description="USD per request, of the generated answers, else of the release's traffic; 1e99 when unknown",
    )
    p95_latency: float = Field(default=1e99, description="ms, of the same requests; 1e99 when unknown")
    unmeasured: list[str] = Field(
        default=[], description="which of the six fields above are unmeasured or unknown"
    )
    test_case_count: int = Field(default=0, description="the same as `cases`")
    model_id: str = Field(
        default="unknown", description="the model of the target, else of the release, else `unknown`"
    )
    all_gates_passed: bool = Field(
        default=False, description="true when the verdict is passed or warning, and the evaluation finished"
    )
    details: list[Detail] = Field(default=[], description="one row per case; only in files")


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
        # Fields with a default may be absent, and later versions may add fields.
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
        blocks.append("\n".join([f"### {title}", "", "| field | type | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(blocks) + "\n"


def _format_type(annotation: object) -> str:
    """A type in plain words."""
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
