"""Metrics of RAGAS that require a model; `judges.ragas_metrics` measures them."""

from __future__ import annotations

from genaiops_core.evaluation.metrics.metric import MODELS, CallCounts, Metric

VERSION = "0.4.3"
"""Version of RAGAS that pyproject.toml pins."""


# The numbers of calls are those of RAGAS 0.4.3 without repairs; estimates of an evaluation's cost depend on them.
def _build_metric(
    name: str, title: str, ragas_class: str, needs: tuple[str, ...], calls: CallCounts, description: str
) -> Metric:
    parts = [
        f"{calls.asks} model calls" if calls.asks > 1 else "1 model call" if calls.asks else "",
        "1 model call for each context" if calls.asks_per_context else "",
        f"{calls.embeddings} embeddings" if calls.embeddings else "",
    ]
    return Metric(
        name=name,
        title=title,
        description=description,
        kind="ragas",
        needs=needs,
        cost=f"{' and '.join(part for part in parts if part)} per case",
        source=f"RAGAS {VERSION}, ragas.metrics.collections.{ragas_class}",
        judges=MODELS,
        calls=calls,
    )


ENTRIES = (
    _build_metric(
        "faithfulness",
        "Faithfulness",
        "Faithfulness",
        ("answer", "contexts"),
        CallCounts(asks=2),
        "The share of the answer's statements that follow from the contexts. Undefined when the answer states nothing.",
    ),
    _build_metric(
        "answer_relevancy",
        "Answer relevancy",
        "AnswerRelevancy",
        ("answer",),
        CallCounts(asks=1, embeddings=2),
        "Cosine between the question and the question that the answer would fit (strictness 1); 0 when the answer is "
        "evasive; a negative cosine counts as 0.",
    ),
    _build_metric(
        "context_precision",
        "Context precision",
        "ContextPrecision",
        ("contexts", "reference"),
        CallCounts(asks_per_context=1),
        "Average precision of the contexts in their order: 1 when those that support the reference come first.",
    ),
    _build_metric(
        "context_recall",
        "Context recall",
        "ContextRecall",
        ("contexts", "reference"),
        CallCounts(asks=1),
        "The share of the reference's statements that can be found in the contexts.",
    ),
    _build_metric(
        "context_utilization",
        "Context utilization",
        "ContextUtilization",
        ("answer", "contexts"),
        CallCounts(asks_per_context=1),
        "Context precision against the answer instead of a reference: 1 when the contexts that it used come first.",
    ),
    _build_metric(
        "context_relevance",
        "Context relevance",
        "ContextRelevance",
        ("contexts",),
        CallCounts(asks=2),
        "Whether the contexts contain what the question requires: mean of two ratings of 0, 1 or 2, halved.",
    ),
    _build_metric(
        "response_groundedness",
        "Response groundedness",
        "ResponseGroundedness",
        ("answer", "contexts"),
        CallCounts(asks=2),
        "Whether the contexts support the answer as a whole: mean of two ratings of 0, 1 or 2, halved. Coarser than "
        "faithfulness.",
    ),
    _build_metric(
        "factual_correctness",
        "Factual correctness",
        "FactualCorrectness",
        ("answer", "reference"),
        CallCounts(asks=4),
        "F1 of the claims of the answer and of the reference that the other supports, rounded to hundredths.",
    ),
    _build_metric(
        "answer_correctness",
        "Answer correctness",
        "AnswerCorrectness",
        ("answer", "reference"),
        CallCounts(asks=3, embeddings=2),
        "Three parts F1 of the statements of answer and reference, one part the cosine of their embeddings.",
    ),
    _build_metric(
        "answer_accuracy",
        "Answer accuracy",
        "AnswerAccuracy",
        ("answer", "reference"),
        CallCounts(asks=2),
        "Whether the answer agrees with the reference: mean of two ratings of 0, 2 or 4, quartered.",
    ),
)

DEFAULTS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall")
"""Metrics that a judge with a model measures by default."""
