"""What a run will take, reckoned by hand."""

from __future__ import annotations

from genaiops_core.evaluation.metrics import REGISTRY
from genaiops_core.evaluation.runs.estimate import PROMPT_TOKENS, Coverage, Estimate, estimate_run

COVERAGE = Coverage(cases=100, by_fields={frozenset(("answer",)): 100}, characters=400, contexts=2.5)


def estimate_metrics(
    *names: str, cases: int = 100, repetitions: int = 1, is_generated: bool = False
) -> Estimate:
    return estimate_run(
        metrics=[REGISTRY[name] for name in names],
        coverage=COVERAGE,
        cases=cases,
        repetitions=repetitions,
        is_generated=is_generated,
        max_tokens=500,
    )


def test_calls_depend_on_metrics_contexts_and_repetitions() -> None:
    # Two questions an answer, one a context (2.5 on average); embeddings are counted apart.
    result = estimate_metrics(
        "faithfulness", "context_precision", "answer_relevancy", cases=10, repetitions=2
    )
    assert (result.units, result.answers) == (60, 0)
    assert result.calls == 20 * 2 + 50 + 20
    assert result.embeddings == 40


def test_tokens_are_bounded_by_texts_and_output_limit() -> None:
    result = estimate_metrics("context_recall", cases=10)
    assert result.input_tokens == 10 * (PROMPT_TOKENS + 200)
    assert result.output_tokens == 10 * 500


def test_computed_metrics_need_no_calls() -> None:
    result = estimate_metrics("grounding_overlap", is_generated=True)
    assert (result.calls, result.input_tokens, result.answers, result.units) == (0, 0, 100, 100)
