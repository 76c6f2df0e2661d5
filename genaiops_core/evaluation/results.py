"""Results of a run: what is kept on the evaluation and what `genaiops evaluate --output results.json` writes.

The schema (`schema: 1`; fields are added, never renamed):

    evaluation, state            id of the run; finished, cancelled (partial: true) or failed
    application, release         whose quality this is; "" when none was named
    dataset, version             what was scored
    cases, cases_total           cases used and cases there are
    sample_size                  the most that were asked for, or null
    judge                        who measured
    started_at, finished_at      ISO 8601, UTC
    cost_usd                     decimal string: what judging cost
    verdict                      passed, failed, inconclusive, error; null while partial
    metrics                      {name: {title, mean, low, high, n, undefined, low_bounded, high_bounded, method,
                                 is_proxy, reasons, threshold}}
        mean, low, high          of the n cases that have a value; null when none has
        undefined, reasons       cases without a value, and {reason: cases}
        low_bounded, high_bounded the interval if every undefined case had scored 0, or 1: gates use these
        threshold                the strictest one asked for, or absent
    gates                        [{name, stage, metric, threshold, measured, verdict, why}]
    stages                       [{name, description, verdict, score}]; score is weighted, null unless all is measured
    traffic                      figures of the release's own traffic, or null
    problem                      why it failed or is partial, or ""
    details                      only in the file: [{case, input_sha256, input, scores, reasons}]
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.metrics import REGISTRY
from genaiops_core.evaluation.runs import Evaluation, ScoredCase
from genaiops_core.statistics.intervals import betting

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class MetricResult:
    """One metric over all cases of a run; `None` is unknown, never 0."""

    name: str
    title: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    undefined: int
    low_bounded: float
    """Lower bound if every undefined case had scored the least."""
    high_bounded: float
    """Upper bound if every undefined case had scored the most."""
    method: str
    is_proxy: bool
    reasons: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        fields = {name: value for name, value in vars(self).items() if name != "name"}
        return {**fields, "reasons": dict(self.reasons)}

    @classmethod
    def from_json(cls, name: str, entry: Mapping[str, Any]) -> MetricResult:
        """Read an entry of `metrics`; raises KeyError or TypeError where it is none."""
        n, undefined = int(entry["n"]), int(entry.get("undefined") or 0)
        low, high = _optional(entry["low"]), _optional(entry["high"])
        return cls(
            name=name,
            title=str(entry.get("title") or name),
            mean=_optional(entry["mean"]),
            low=low,
            high=high,
            n=n,
            undefined=undefined,
            **_bounded(low, high, n, undefined),
            method=str(entry.get("method") or ""),
            is_proxy=bool(entry.get("is_proxy")),
            reasons=dict(entry.get("reasons") or {}),
        )


def summarise(name: str, scores: Iterable[tuple[float | None, str]], *, unscored: int = 0) -> MetricResult:
    """The interval of one metric.

    Args:
        name: of the metric.
        scores: (value, reason) a case; the value is None where it is undefined.
        unscored: cases that were never reached; they count as undefined.
    """
    values: list[float] = []
    reasons: Counter[str] = Counter()
    for value, reason in scores:
        if value is None:
            reasons[reason or "unknown"] += 1
        else:
            values.append(value)
    if unscored:
        reasons["not scored"] += unscored
    undefined = sum(reasons.values())
    interval = betting(values)
    low, high = (interval.low, interval.high) if interval else (None, None)
    entry = REGISTRY.get(name)
    return MetricResult(
        name=name,
        title=entry.title if entry else name,
        mean=interval.mean if interval else None,
        low=low,
        high=high,
        n=len(values),
        undefined=undefined,
        **_bounded(low, high, len(values), undefined),
        method=interval.method if interval else "",
        is_proxy=entry.is_proxy if entry else False,
        reasons=dict(reasons.most_common()),
    )


def _bounded(low: float | None, high: float | None, n: int, undefined: int) -> dict[str, float]:
    if low is None or high is None or n == 0:
        return {"low_bounded": 0.0, "high_bounded": 1.0}
    known = n / (n + undefined)
    return {"low_bounded": low * known, "high_bounded": high * known + (1 - known)}


def input_sha256(text: str) -> str:
    """Names a case across runs and dataset versions."""
    return hashlib.sha256(text.encode()).hexdigest()


def document(run: Evaluation, cases: Sequence[ScoredCase] = ()) -> dict[str, Any]:
    """The whole results document of a run; `details` holds a row for each of `cases`."""
    body = dict(run.results or {"schema": SCHEMA, "metrics": {}, "gates": [], "stages": [], "verdict": None})
    body.setdefault("evaluation", run.id)
    body.update(state=run.state, problem=run.problem, partial=run.state != "finished")
    body["details"] = [
        {
            "case": scored.case_no,
            "input_sha256": input_sha256(scored.case.input),
            "input": scored.case.input,
            "scores": {name: score.value for name, score in sorted(scored.scores.items())},
            "reasons": {name: score.reason for name, score in sorted(scored.scores.items()) if score.reason},
        }
        for scored in cases
    ]
    return body


def header(run: Evaluation, *, cases_total: int, finished_at: dt.datetime) -> dict[str, Any]:
    """The fields of a results document that say which run this is."""
    return {
        "schema": SCHEMA,
        "evaluation": run.id,
        "application": run.application,
        "release": run.release,
        "dataset": run.dataset,
        "version": run.version,
        "cases": run.units // max(1, len(run.metrics) * run.repetitions),
        "cases_total": cases_total,
        "sample_size": run.sample_size,
        "judge": run.judge,
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": finished_at.isoformat(),
        "cost_usd": run.cost_usd,
    }


def read(path: Path) -> dict[str, Any]:
    """A results document from a file.

    Raises:
        BadInput: there is none, or it was not written by `genaiops evaluate`.
    """
    try:
        body = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist; write it with genaiops evaluate --output {path}.") from error
    except (orjson.JSONDecodeError, OSError) as error:
        raise BadInput(f"{path} cannot be read as results: {error}.") from error
    if not isinstance(body, dict) or not isinstance(body.get("metrics"), dict):
        raise BadInput(
            f"{path} holds no results: 'metrics' is missing; write it with genaiops evaluate --output."
        )
    try:
        metrics_of(body)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: 'metrics' is not as genaiops evaluate writes it ({error}).") from error
    return body


def metrics_of(body: Mapping[str, Any]) -> dict[str, MetricResult]:
    return {name: MetricResult.from_json(name, entry) for name, entry in body["metrics"].items()}


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)
