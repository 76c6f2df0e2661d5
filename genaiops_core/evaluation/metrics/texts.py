"""Metrics that compare the answer with the reference as texts, without a model; measured only on request.

They are the metrics of RAGAS that need no model, computed with the libraries that RAGAS calls, so that RAGAS is not
imported. BLEU differs on purpose: RAGAS 0.4.3 compares sentences pairwise and stops at the shorter text, so that half an
answer scores 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.metrics.metric import ANY_JUDGE, FREE, MODELS, CallCounts, Metric

_BOTH = ("answer", "reference")


def _build_metric(name: str, title: str, description: str, source: str) -> Metric:
    return Metric(
        name=name,
        title=title,
        description=description,
        kind="text",
        needs=_BOTH,
        cost=FREE,
        source=source,
        judges=ANY_JUDGE,
    )


SEMANTIC_SIMILARITY = Metric(
    name="semantic_similarity",
    title="Semantic similarity",
    description="Cosine of the embeddings of answer and reference; a negative one counts as 0.",
    kind="text",
    needs=_BOTH,
    cost="2 embeddings per case",
    source="RAGAS 0.4.3, the formula of ragas.metrics.collections.SemanticSimilarity (which blocks, so is not called)",
    judges=MODELS,
    calls=CallCounts(embeddings=2),
)

ENTRIES = (
    _build_metric(
        "exact_match",
        "Exact match",
        "1 when the answer is the reference, character for character; otherwise 0.",
        "as ragas.metrics.collections.ExactMatch of RAGAS 0.4.3",
    ),
    _build_metric(
        "string_presence",
        "String presence",
        "1 when the answer contains the reference, character for character; otherwise 0.",
        "as ragas.metrics.collections.StringPresence of RAGAS 0.4.3",
    ),
    _build_metric(
        "string_similarity",
        "String similarity",
        "1 less the Levenshtein distance of answer and reference as a share of the longer one.",
        "rapidfuzz, as ragas.metrics.collections.NonLLMStringSimilarity of RAGAS 0.4.3",
    ),
    _build_metric(
        "bleu",
        "BLEU",
        "Precision of the answer's word sequences of 1 to 4 words, with a penalty for short answers; sequences longer "
        "than the text are left out.",
        "Papineni et al., BLEU, 2002; sacrebleu's sentence BLEU with effective order",
    ),
    _build_metric(
        "rouge_l",
        "ROUGE-L",
        "F of the longest common sequence of word stems of answer and reference. Made for English; reference_overlap "
        "is its kin for any script.",
        "Lin, ROUGE, 2004; rouge-score with stemmer, as ragas.metrics.collections.RougeScore of RAGAS 0.4.3",
    ),
    _build_metric(
        "chrf",
        "chrF",
        "F of the character sequences of 1 to 6 characters that answer and reference share; for languages with many "
        "word forms.",
        "Popovic, chrF, 2015; sacrebleu, as ragas.metrics.collections.CHRFScore of RAGAS 0.4.3",
    ),
    SEMANTIC_SIMILARITY,
)


def _measure_exact_match(answer: str, reference: str) -> float:
    return float(answer == reference)


def _measure_string_presence(answer: str, reference: str) -> float:
    return float(reference in answer)


def _measure_string_similarity(answer: str, reference: str) -> float:
    # Imported late here and below: these libraries are optional.
    from rapidfuzz.distance import Levenshtein

    return 1 - Levenshtein.normalized_distance(reference, answer)


def _measure_bleu(answer: str, reference: str) -> float:
    from sacrebleu import sentence_bleu

    return float(sentence_bleu(answer, [reference], use_effective_order=True).score) / 100


def _measure_rouge_l(answer: str, reference: str) -> float:
    return float(_build_rouge_scorer().score(reference, answer)["rougeL"].fmeasure)


@lru_cache(maxsize=1)
def _build_rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=True)


def _measure_chrf(answer: str, reference: str) -> float:
    from sacrebleu import corpus_chrf

    return float(corpus_chrf([answer], [[reference]]).score) / 100


def _adapt_to_case(measure: Callable[[str, str], float]) -> Callable[[Case], float | None]:
    def measure_case(case: Case) -> float | None:
        # Rounding errors may exceed 1 slightly.
        return min(1.0, max(0.0, measure(case.answer or "", case.reference or "")))

    return measure_case


COMPUTED: Mapping[str, Callable[[Case], float | None]] = {
    "exact_match": _adapt_to_case(_measure_exact_match),
    "string_presence": _adapt_to_case(_measure_string_presence),
    "string_similarity": _adapt_to_case(_measure_string_similarity),
    "bleu": _adapt_to_case(_measure_bleu),
    "rouge_l": _adapt_to_case(_measure_rouge_l),
    "chrf": _adapt_to_case(_measure_chrf),
}
