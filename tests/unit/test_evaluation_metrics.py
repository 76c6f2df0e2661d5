"""The offline proxies: known answers, what they tell and what they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.evaluation.cases import Case
from genaiops_core.evaluation.metrics import REGISTRY, canonical, measure
from genaiops_core.statistics import overlap

CASE = Case(
    input="How tall is Mount Everest?",
    answer="Mount Everest is 8849 metres tall.",
    contexts=("Everest, at 8849 metres, is the highest mount.",),
    reference="Everest is 8849 metres tall",
)


def test_known_answers() -> None:
    # content words of the answer: mount everest 8849 metres tall; all but "tall" are in the context
    assert measure("grounding_overlap", CASE).value == pytest.approx(4 / 5)
    # of the question: tall mount everest ("how" and "is" are stop words or common); "how" is kept, it says something
    assert measure("question_overlap", CASE).value == pytest.approx(3 / 3)
    # of the reference: everest 8849 metres tall; "tall" is not in the context
    assert measure("context_overlap", CASE).value == pytest.approx(3 / 4)
    # 6 and 5 words, 5 of them in common in order: 2 * 5 / 11
    assert measure("reference_overlap", CASE).value == pytest.approx(10 / 11)


def test_a_swapped_or_an_empty_context_is_told() -> None:
    swapped = Case(input=CASE.input, answer=CASE.answer, contexts=("Pigeons nest on cliffs in spring.",))
    assert measure("grounding_overlap", swapped).value == 0
    empty = Case(input=CASE.input, answer=CASE.answer, contexts=())
    assert measure("grounding_overlap", empty).value is None
    assert measure("grounding_overlap", empty).reason == "the case has no contexts"


def test_a_hallucination_in_the_words_of_the_context_is_not_told() -> None:
    """Why these are called proxies."""
    wrong = Case(input="Who paid?", answer="Bob paid Ann.", contexts=("Ann paid Bob.",))
    assert measure("grounding_overlap", wrong).value == 1


@pytest.mark.parametrize("metric", sorted(REGISTRY))
def test_missing_and_wordless_texts_are_undefined_never_zero(metric: str) -> None:
    assert measure(metric, Case(input="Why?")).value is None
    wordless = measure(metric, Case(input="?!", answer="...", contexts=("--",), reference="!"))
    assert (wordless.value, wordless.reason) == (None, "a text has no words")


@pytest.mark.parametrize("metric", sorted(REGISTRY))
def test_every_offline_metric_calls_itself_a_proxy(metric: str) -> None:
    entry = REGISTRY[metric]
    assert entry.is_proxy
    assert entry.description.startswith("A proxy: ")
    assert "It is not faithfulness" in entry.description
    assert "faithful" not in entry.name


def test_words_of_any_script() -> None:
    assert overlap.tokens("Straße, ＡＢＣ und naïve!") == ["strasse", "abc", "und", "naïve"]
    assert overlap.tokens("東京は大きい") == list("東京は大きい")
    assert overlap.tokens("Everest’s height isn't 9000 m") == ["everest", "height", "isn't", "9000", "m"]


@given(st.lists(st.sampled_from("abcd"), max_size=70), st.lists(st.sampled_from("abcd"), max_size=70))
def test_the_bit_parallel_alignment_equals_the_textbook_one(first: list[str], second: list[str]) -> None:
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    expected = 2 * table[-1][-1] / (len(first) + len(second)) if first and second else None
    assert overlap.rouge_l(first, second) == pytest.approx(expected)


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.text())
def test_values_stay_between_0_and_1(question: str, answer: str, contexts: list[str], reference: str) -> None:
    case = Case(input=question, answer=answer, contexts=tuple(contexts), reference=reference)
    for metric in REGISTRY:
        measured = measure(metric, case)
        assert (measured.value is None) == bool(measured.reason)
        assert measured.value is None or 0 <= measured.value <= 1


def test_names_as_people_type_them() -> None:
    assert canonical("context-precision") == "context_precision"
    assert canonical("Relevancy") == "answer_relevancy"
