"""What is computed without a model: known answers, what they tell and what they do not; and the registry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.metrics import (
    PROXIES,
    REGISTRY,
    list_metrics,
    lookup_metric,
    measure,
    normalise_name,
    proxies,
    ragas,
    texts,
)
from genaiops_core.evaluation.verdicts.scales import find_scale
from genaiops_core.statistics import overlap

CASE = Case(
    input="How tall is Mount Everest?",
    answer="Mount Everest is 8849 metres tall.",
    contexts=("Everest, at 8849 metres, is the highest mount.",),
    reference="Everest is 8849 metres tall",
)


def test_proxies_have_known_values() -> None:
    # content words of the answer: mount everest 8849 metres tall; all but "tall" are in the context
    assert measure("grounding_overlap", CASE).value == pytest.approx(4 / 5)
    # of the question: tall mount everest ("how" and "is" are stop words or common); "how" is kept, it says something
    assert measure("question_overlap", CASE).value == pytest.approx(3 / 3)
    # of the reference: everest 8849 metres tall; "tall" is not in the context
    assert measure("context_overlap", CASE).value == pytest.approx(3 / 4)
    # 6 and 5 words, 5 of them in common in order: 2 * 5 / 11
    assert measure("reference_overlap", CASE).value == pytest.approx(10 / 11)


def test_swapped_or_empty_context_is_detected() -> None:
    swapped = Case(input=CASE.input, answer=CASE.answer, contexts=("Pigeons nest on cliffs in spring.",))
    assert measure("grounding_overlap", swapped).value == 0
    empty = Case(input=CASE.input, answer=CASE.answer, contexts=())
    assert measure("grounding_overlap", empty).value is None
    assert measure("grounding_overlap", empty).reason == "the case has no contexts"


def test_hallucination_in_words_of_context_is_missed() -> None:
    """Why these are called proxies."""
    wrong = Case(input="Who paid?", answer="Bob paid Ann.", contexts=("Ann paid Bob.",))
    assert measure("grounding_overlap", wrong).value == 1


@pytest.mark.parametrize("metric", sorted(PROXIES))
def test_missing_texts_are_undefined_and_never_zero(metric: str) -> None:
    assert measure(metric, Case(input="Why?")).value is None
    wordless = measure(metric, Case(input="?!", answer="...", contexts=("--",), reference="!"))
    assert (wordless.value, wordless.reason) == (None, "a text has no words")


@pytest.mark.parametrize("metric", sorted(PROXIES))
def test_every_offline_metric_is_named_a_proxy(metric: str) -> None:
    entry = REGISTRY[metric]
    assert entry.is_proxy
    assert entry.description.startswith("A proxy: ")
    assert "It is not faithfulness" in entry.description
    assert "faithful" not in entry.name


def test_words_of_any_script_are_counted() -> None:
    assert overlap.tokens("Straße, ＡＢＣ und naïve!") == ["strasse", "abc", "und", "naïve"]
    assert overlap.tokens("東京は大きい") == list("東京は大きい")
    assert overlap.tokens("Everest’s height isn't 9000 m") == ["everest", "height", "isn't", "9000", "m"]


@given(st.lists(st.sampled_from("abcd"), max_size=70), st.lists(st.sampled_from("abcd"), max_size=70))
def test_bit_parallel_alignment_equals_textbook(first: list[str], second: list[str]) -> None:
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, remaining in enumerate(first):
        for j, right in enumerate(second):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if remaining == right else max(table[i][j + 1], table[i + 1][j])
            )
    expected = 2 * table[-1][-1] / (len(first) + len(second)) if first and second else None
    assert overlap.rouge_l(first, second) == pytest.approx(expected)


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.text())
def test_values_are_between_0_and_1(question: str, answer: str, contexts: list[str], reference: str) -> None:
    case = Case(input=question, answer=answer, contexts=tuple(contexts), reference=reference)
    for metric in (*proxies.COMPUTED, *texts.COMPUTED):
        measured = measure(metric, case)
        assert (measured.value is None) == bool(measured.reason)
        assert measured.value is None or 0 <= measured.value <= 1


def test_metric_names_are_normalised() -> None:
    assert normalise_name("context-precision") == "context_precision"
    assert normalise_name("Relevancy") == "answer_relevancy"


def test_text_metrics_have_known_values() -> None:
    case = Case(input="q", answer="the cat sat", reference="the cat sat down")
    # 5 characters of 16 are missing
    assert measure("string_similarity", case).value == pytest.approx(1 - 5 / 16)
    assert (measure("exact_match", case).value, measure("string_presence", case).value) == (0, 0)
    # 3 of 3 and 3 of 4 stems in order: 2 * 1 * 0.75 / 1.75
    assert measure("rouge_l", case).value == pytest.approx(6 / 7)
    # all sequences up to the three words there are, times exp(1 - 4/3) for being short
    assert measure("bleu", case).value == pytest.approx(0.7165, abs=1e-4)
    same = Case(input="q", answer="the cat sat", reference="the cat sat")
    assert all(measure(metric, same).value == pytest.approx(1) for metric in texts.COMPUTED)
    assert measure("bleu", Case(input="q", answer="dogs")).reason == "no reference"


def test_every_metric_is_fully_described() -> None:
    for entry in list_metrics():
        assert entry.title and entry.description.endswith(".") and entry.source and entry.judges
        assert set(entry.needs) <= {"answer", "contexts", "reference", "metadata"}
        assert (entry.low, entry.high) == (0, 1)
        assert entry.as_json()["range"] == [0, 1]
    assert {name for name, entry in REGISTRY.items() if entry.is_proxy} == set(PROXIES)
    assert REGISTRY["faithfulness"].source == "RAGAS 0.4.3, ragas.metrics.collections.Faithfulness"


def test_calls_per_case_are_counted() -> None:
    # one for each of five contexts; one and two embeddings
    assert REGISTRY["context_precision"].calls.of(5) == 5
    assert REGISTRY["answer_relevancy"].calls.of(5) == 3
    assert REGISTRY["grounding_overlap"].calls.of(5) == 0


def test_production_metrics_need_no_reference() -> None:
    without = {name for name in ragas.DEFAULTS if not REGISTRY[name].needs_reference}
    assert without == {"faithfulness", "answer_relevancy"}
    assert lookup_metric("nothing of the kind") is None


def test_agentcore_metrics_have_a_direction() -> None:
    entry = lookup_metric("harmfulness")
    assert entry is not None and entry.higher_is_better is False
    assert not find_scale("harmfulness").higher_is_better
    assert lookup_metric("goal_success_rate") is None
