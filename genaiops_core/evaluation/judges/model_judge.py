"""The judge that calls a model: metrics of RAGAS, rubrics, embeddings, and the computed metrics."""

from __future__ import annotations

import asyncio
import time

from genaiops_core.evaluation import metrics as registry
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import computed, ragas_metrics, rubric_metrics
from genaiops_core.evaluation.judges.protocol import Calls, Judgement, JudgeOptions
from genaiops_core.evaluation.metrics import Measurement, ragas
from genaiops_core.evaluation.metrics.builtin_rubrics import BUILTIN
from genaiops_core.evaluation.metrics.rubric import Rubric, parse_rubrics
from genaiops_core.evaluation.models.protocol import CallFailed, Model
from genaiops_core.evaluation.readers.encodings import replace_unstorable


class ModelJudge:
    """Measures metrics with the model that it is given."""

    defaults = ragas.DEFAULTS
    """The metrics of an evaluation that names none."""

    def __init__(self, name: str, model: Model, options: JudgeOptions | None = None) -> None:
        self.name = name
        self.model = model
        self.options = options or JudgeOptions()
        self._rubrics: dict[str, Rubric] = {
            rubric.name: rubric for rubric in (*parse_rubrics(self.options.rubrics), *BUILTIN)
        }

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics of RAGAS, rubrics, embeddings, and the computed metrics."""
        model_metrics = [entry.name for entry in ragas.ENTRIES]
        return (*model_metrics, *self._rubrics, "semantic_similarity", *computed.list_computed_metrics())

    async def judge(self, case: Case, metric: str, calls: Calls) -> Judgement:
        """See `protocol.Judge`."""
        if computed.is_computed(metric):
            return computed.compute(case, metric)
        started = time.perf_counter()
        entry = registry.lookup_metric(metric, tuple(self._rubrics.values()))
        if entry is None or metric not in self.metrics:
            raise CallFailed(f"The judge {self.name} cannot measure '{metric}'.")
        missing = registry.find_missing_field(entry, case)
        measurement = (
            Measurement(value=None, reason=missing) if missing else await self._measure(case, metric, calls)
        )
        return Judgement(
            metric=metric,
            value=measurement.value,
            reason=replace_unstorable(measurement.reason),
            cost_nano_usd=calls.cost_nano_usd,
            latency_ms=(time.perf_counter() - started) * 1000,
        )

    async def _measure(self, case: Case, metric: str, calls: Calls) -> Measurement:
        if metric in self._rubrics:
            return await rubric_metrics.measure(self._rubrics[metric], case, calls, self.options)
        if metric == "semantic_similarity":
            return await _measure_similarity(case, calls)
        return await ragas_metrics.measure(metric, case, calls, self.options)


async def _measure_similarity(case: Case, calls: Calls) -> Measurement:
    texts = (case.answer or "", case.reference or "")
    # Equal texts differ by their occurrence in the key of the call cache, so the order does not matter.
    first, second = await asyncio.gather(*(calls.embed(text) for text in texts))
    if len(first) != len(second):
        raise CallFailed("The embedding model returned vectors of different lengths.")
    lengths = sum(x * x for x in first) * sum(x * x for x in second)
    if not lengths:
        return Measurement(value=None, reason="the embedding of a text is all zeros")
    cosine = sum(x * y for x, y in zip(first, second, strict=True)) / float(lengths) ** 0.5
    # A negative cosine counts as 0: scores have a scale from 0 to 1.
    return Measurement(value=min(1.0, max(0.0, cosine)))
