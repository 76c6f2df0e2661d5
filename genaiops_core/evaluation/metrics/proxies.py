"""Proxy metrics that count common words: for a first look, without a model.

They detect a swapped or empty context, but not a hallucination that uses the words of the context. So none is named
faithfulness, and a gate on faithfulness is inconclusive if only proxies were measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.metrics.metric import ANY_JUDGE, FREE, Metric
from genaiops_core.statistics import overlap

_LIMIT = "It is not faithfulness: it detects a swapped or empty context, not a hallucination that uses the context's words."


def _build_proxy(
    name: str,
    title: str,
    needs: tuple[str, ...],
    description: str,
    source: str,
    *,
    proposed_minimum: float | None = None,
) -> Metric:
    return Metric(
        name=name,
        title=title,
        description=f"A proxy: {description} {_LIMIT}",
        kind="proxy",
        needs=needs,
        cost=FREE,
        source=source,
        judges=ANY_JUDGE,
        is_proxy=True,
        proposed_minimum=proposed_minimum,
    )


ENTRIES = (
    _build_proxy(
        "grounding_overlap",
        "Grounding overlap (proxy)",
        ("answer", "contexts"),
        "the share of the answer's content words that occur in its contexts.",
        "token precision against the retrieved text, as Knowledge-F1/K-Precision in dialogue evaluation",
        # Below half, most of the answer is about something else than its contexts.
        proposed_minimum=0.5,
    ),
    _build_proxy(
        "question_overlap",
        "Question overlap (proxy)",
        ("answer",),
        "the share of the question's content words that occur in the answer.",
        "token recall of the question",
    ),
    _build_proxy(
        "context_overlap",
        "Context overlap (proxy)",
        ("contexts", "reference"),
        "the share of the reference's content words that occur in the contexts.",
        "token recall of the reference, a lexical stand-in for context recall",
        proposed_minimum=0.5,
    ),
    _build_proxy(
        "reference_overlap",
        "Reference overlap (proxy)",
        ("answer", "reference"),
        "ROUGE-L F of answer and reference: words in the same order.",
        "Lin, ROUGE: a package for automatic evaluation of summaries, 2004",
        # A correct answer in other words shares about a third of the reference in the same order.
        proposed_minimum=0.3,
    ),
)


def _measure_grounding(case: Case) -> float | None:
    return overlap.share_found(overlap.content_tokens(case.answer or ""), _tokenize_contexts(case))


def _measure_question(case: Case) -> float | None:
    return overlap.share_found(overlap.content_tokens(case.input), overlap.tokens(case.answer or ""))


def _measure_context(case: Case) -> float | None:
    return overlap.share_found(overlap.content_tokens(case.reference or ""), _tokenize_contexts(case))


def _measure_reference(case: Case) -> float | None:
    return overlap.rouge_l(overlap.tokens(case.answer or ""), overlap.tokens(case.reference or ""))


def _tokenize_contexts(case: Case) -> list[str]:
    return overlap.tokens("\n".join(case.contexts or ()))


COMPUTED: Mapping[str, Callable[[Case], float | None]] = {
    "grounding_overlap": _measure_grounding,
    "question_overlap": _measure_question,
    "context_overlap": _measure_context,
    "reference_overlap": _measure_reference,
}
