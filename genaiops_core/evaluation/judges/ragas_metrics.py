"""Metrics of RAGAS: their model and embeddings are replaced by adapters to the calls of a unit.

RAGAS is imported at first use, which takes seconds and 200 MB; call `import_ragas` earlier where a delay matters.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import math
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import ragas_reasons
from genaiops_core.evaluation.judges.answers import build_prompt
from genaiops_core.evaluation.judges.protocol import Calls, JudgeOptions
from genaiops_core.evaluation.judges.ragas_answers import build_rules, make_strict_type
from genaiops_core.evaluation.metrics.metric import Measurement
from genaiops_core.evaluation.models.protocol import CallFailed

ROUNDING_TOLERANCE = 1e-6
"""How far a value may lie outside [0, 1] because of rounding."""

# Cosines may be negative; for these metrics that means no more than 0.
_COSINE_METRICS = frozenset(("answer_relevancy", "answer_correctness"))

# Means of ratings on a scale: NaN when no rating was on the scale.
_RATING_METRICS = frozenset(("context_relevance", "response_groundedness", "answer_accuracy"))

_CLASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "faithfulness": ("Faithfulness", {}),
    # By default RAGAS sends, and pays for, the same prompt three times.
    "answer_relevancy": ("AnswerRelevancy", {"strictness": 1}),
    "context_precision": ("ContextPrecision", {}),
    "context_recall": ("ContextRecall", {}),
    "context_utilization": ("ContextUtilization", {}),
    # Retries of RAGAS would hide why a call failed; the rate limiter retries instead.
    "context_relevance": ("ContextRelevance", {"max_retries": 1}),
    "response_groundedness": ("ResponseGroundedness", {"max_retries": 1}),
    "factual_correctness": ("FactualCorrectness", {}),
    "answer_correctness": ("AnswerCorrectness", {}),
    "answer_accuracy": ("AnswerAccuracy", {"max_retries": 1}),
}


@dataclass
class RagasCalls:
    """The calls of RAGAS for one metric of one case."""

    calls: Calls
    options: JudgeOptions
    case: Case
    answers: list[BaseModel] = field(default_factory=list)
    failure: Exception | None = None
    """The first error; some metrics of RAGAS discard it."""

    async def ask(self, prompt: str, answer: type[BaseModel]) -> BaseModel:
        try:
            strict = make_strict_type(answer)
            rules = build_rules(self.case, strict, self.answers)
            result = await self.calls.ask(build_prompt(prompt, strict, self.options), strict, rules)
        except Exception as error:
            self.failure = self.failure or error
            raise
        self.answers.append(result)
        return result


async def measure(name: str, case: Case, calls: Calls, options: JudgeOptions) -> Measurement:
    """Measure one case, which has all fields that the metric needs.

    Raises:
        CallFailed: a call failed, or RAGAS returned a value outside [0, 1].
    """
    # The first use imports RAGAS; in the event loop that would block every other unit.
    template = _TEMPLATES.get(name)
    if template is None:
        template = await asyncio.to_thread(_build_template, name)
    unit = RagasCalls(calls, options, case)
    # A copy per unit: metrics of RAGAS keep their model in an attribute, and units run at the same time.
    metric = copy.copy(template.metric)
    metric.llm = template.make_llm(unit)
    if hasattr(metric, "embeddings"):
        metric.embeddings = template.make_embeddings(unit)
    try:
        result = await metric.ascore(**_select_arguments(template.parameters, case))
    except Exception as error:
        # The first error is the cause; RAGAS may wrap it or fail later because of it.
        if unit.failure is not None:
            raise unit.failure from error
        raise CallFailed(
            f"RAGAS could not compute {name}: {type(error).__name__}: {str(error)[:300]}"
        ) from error
    if unit.failure is not None:
        raise unit.failure
    return _build_measurement(name, float(result.value), unit)


def _build_measurement(name: str, value: float, unit: RagasCalls) -> Measurement:
    undefined_reason = ragas_reasons.find_undefined_reason(name, unit.answers)
    if undefined_reason:
        return Measurement(value=None, reason=undefined_reason)
    if math.isnan(value) and name in _RATING_METRICS:
        raise CallFailed(f"The judge's ratings for {name} are not on the scale.")
    if math.isnan(value):
        return Measurement(value=None, reason=f"RAGAS returned no value for {name}")
    if name in _COSINE_METRICS:
        value = max(0.0, value)
    if not -ROUNDING_TOLERANCE <= value <= 1 + ROUNDING_TOLERANCE:
        raise CallFailed(f"RAGAS returned {value:g} for {name}, which is not between 0 and 1.")
    return Measurement(
        value=min(1.0, max(0.0, value)), reason=ragas_reasons.explain_value(name, unit.answers)
    )


def _select_arguments(parameters: tuple[str, ...], case: Case) -> dict[str, Any]:
    texts: Mapping[str, Any] = {
        "user_input": case.input,
        "response": case.answer,
        "retrieved_contexts": list(case.contexts or ()),
        "reference": case.reference,
    }
    return {name: texts[name] for name in parameters}


@dataclass(frozen=True)
class _Template:
    """A metric of RAGAS that is copied for each unit."""

    metric: Any
    parameters: tuple[str, ...]
    make_llm: Callable[[RagasCalls], Any]
    make_embeddings: Callable[[RagasCalls], Any]


_TEMPLATES: dict[str, _Template] = {}


def _build_template(name: str) -> _Template:
    ragas = import_ragas()
    class_name, arguments = _CLASSES[name]
    kind = getattr(ragas.collections, class_name)
    constructor = inspect.signature(kind.__init__).parameters
    placeholder: Any = None
    if "embeddings" in constructor:
        arguments = {**arguments, "embeddings": ragas.Embeddings(placeholder)}
    metric = kind(llm=ragas.Llm(placeholder), **arguments)
    for attribute, value in vars(metric).items():
        if isinstance(value, ragas.BasePrompt):
            # Rendering occupies the event loop, which delays all other calls.
            setattr(metric, attribute, _CachedPrompt(value))
    parameters = tuple(inspect.signature(kind.ascore).parameters)[1:]
    _TEMPLATES[name] = _Template(metric, parameters, ragas.Llm, ragas.Embeddings)
    return _TEMPLATES[name]


class _CachedPrompt:
    """A prompt of RAGAS that renders its instruction, schema and examples once instead of at every call."""

    def __init__(self, prompt: Any) -> None:
        self._prompt = prompt
        self._head: str | None = None

    def to_string(self, data: BaseModel) -> str:
        """Same as `BasePrompt.to_string`, whose text differs only at its end."""
        tail = f"{data.model_dump_json(indent=4, exclude_none=True)}\nOutput: "
        if self._head is None:
            text = str(self._prompt.to_string(data))
            if not text.endswith(tail):
                return text
            self._head = text.removesuffix(tail)
        return self._head + tail


@lru_cache(maxsize=1)
def import_ragas() -> SimpleNamespace:
    """Import RAGAS without its telemetry; returns the parts of it that are used."""
    # RAGAS accepts only this word, and only before its import; otherwise every call posts to a third party.
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    with warnings.catch_warnings():
        # RAGAS and its dependencies warn about deprecations that users of this product cannot fix.
        warnings.simplefilter("ignore")
        from ragas.embeddings.base import BaseRagasEmbedding
        from ragas.llms.base import InstructorBaseRagasLLM
        from ragas.metrics import collections
        from ragas.prompt.metrics.base_prompt import BasePrompt

    class Llm(InstructorBaseRagasLLM):
        def __init__(self, unit: RagasCalls) -> None:
            self.unit = unit

        def generate(self, prompt: str, response_model: type[BaseModel]) -> BaseModel:
            raise NotImplementedError("only called from an event loop")

        async def agenerate(self, prompt: str, response_model: type[BaseModel]) -> BaseModel:
            return await self.unit.ask(prompt, response_model)

    class Embeddings(BaseRagasEmbedding):
        def __init__(self, unit: RagasCalls) -> None:
            super().__init__()
            self.unit = unit

        def embed_text(self, text: str, **_: Any) -> list[float]:
            raise NotImplementedError("only called from an event loop")

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return list(await self.unit.calls.embed(text))

    return SimpleNamespace(collections=collections, BasePrompt=BasePrompt, Llm=Llm, Embeddings=Embeddings)
