"""The judge of AgentCore: each metric is one evaluator, and a case is sent as the spans of an agent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
from pydantic import BaseModel

from genaiops_core.evaluation import metrics as registry
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import computed
from genaiops_core.evaluation.judges.agentcore_spans import build_case_spans
from genaiops_core.evaluation.judges.protocol import Calls, Judgement
from genaiops_core.evaluation.metrics import agentcore
from genaiops_core.evaluation.models.agentcore import AgentCoreModel
from genaiops_core.evaluation.models.protocol import CallFailed, Message, Prompt
from genaiops_core.evaluation.readers.encodings import replace_unstorable

# Yes/no evaluators are read by their label: the direction of their number varies.
_LABEL_VALUES = {
    "refusal": {"yes": 1.0, "no": 0.0, "refusal": 1.0, "not refusal": 0.0},
    "harmfulness": {"harmful": 1.0, "not harmful": 0.0},
    "stereotyping": {"stereotyping": 1.0, "not stereotyping": 0.0},
}


class EvaluatorResult(BaseModel):
    """The result of an evaluator."""

    value: float | None = None
    label: str | None = None
    explanation: str | None = None


class AgentCoreJudge:
    """Calls evaluators of AgentCore."""

    def __init__(
        self,
        evaluators: tuple[str, ...],
        *,
        make_client: Callable[[], Any],
        make_control_client: Callable[[], Any],
    ) -> None:
        self.name = f"agentcore:{','.join(evaluators)}"
        self.model = AgentCoreModel(
            evaluators, make_client=make_client, make_control_client=make_control_client
        )
        self._evaluators = {agentcore.build_metric_name(evaluator): evaluator for evaluator in evaluators}

    @property
    def defaults(self) -> tuple[str, ...]:
        """Its evaluators as metrics."""
        return tuple(self._evaluators)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Its evaluators and the computed metrics."""
        return (*self._evaluators, *computed.list_computed_metrics())

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        """See `protocol.Judge`."""
        evaluator = self._evaluators.get(metric)
        if evaluator is None:
            if computed.is_computed(metric):
                return computed.compute(case, metric)
            raise CallFailed(f"The judge {self.name} cannot measure '{metric}'.")
        started = time.perf_counter()
        missing = registry.find_missing_field(agentcore.list_judge_metrics(self.name)[metric], case)
        value, reason = (
            (None, missing)
            if missing
            else _read_result(metric, await calls.ask(_build_prompt(evaluator, case), EvaluatorResult))
        )
        return Judgement(
            metric=metric,
            value=value,
            reason=replace_unstorable(reason),
            cost_nano_usd=calls.cost_nano_usd,
            latency_ms=(time.perf_counter() - started) * 1000,
        )


def _build_prompt(evaluator: str, case: Case) -> Prompt:
    case_spans = build_case_spans(case)
    evaluator_input = {
        "evaluator": evaluator,
        "spans": case_spans.spans,
        "trace_id": case_spans.trace_id,
        "references": case_spans.references,
    }
    return Prompt(messages=(Message(role="user", text=orjson.dumps(evaluator_input).decode()),))


def _read_result(metric: str, result: EvaluatorResult) -> tuple[float | None, str]:
    explanation = " ".join((result.explanation or "").split())
    reason = ": ".join(part for part in (result.label or "", explanation) if part)
    if metric in _LABEL_VALUES:
        value = _LABEL_VALUES[metric].get((result.label or "").strip().casefold())
        if value is None:
            raise CallFailed(f"AgentCore returned the label '{result.label}' for {metric}, which is unknown.")
        return value, reason
    if result.value is None:
        raise CallFailed(
            f"AgentCore returned no number for {metric}{f', only the label {result.label!r}' if result.label else ''}; "
            "give the evaluator a numerical scale."
        )
    # A custom evaluator may have any scale, which the API does not report.
    if not 0 <= result.value <= 1:
        raise CallFailed(
            f"AgentCore returned {result.value:g} for {metric}, which is not between 0 and 1; change the evaluator's scale."
        )
    return result.value, reason
