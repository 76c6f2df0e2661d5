"""Diagnoses: the verdict for each kind of evidence, determined by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genaiops_core.telemetry.traces.diagnosis import (
    Diagnosis,
    Observation,
    RequestEvidence,
    ScoreEvidence,
    diagnose,
)
from genaiops_core.telemetry.traces.overlaps import measure_overlaps
from tests.conftest import SHARED_DATA

QUESTION = "How long do refunds for damaged parcels take?"
CONTEXT = ("Refunds for damaged parcels take five working days after the claim is approved.",)
CORRECT_ANSWER = "Refunds for damaged parcels take five working days."


def observe(name: str, component: str = "chain", **fields: Any) -> Observation:
    defaults: dict[str, Any] = {
        "is_error": False,
        "status_message": "",
        "finish_reasons": (),
        "has_failed_child": False,
    }
    return Observation(span_id=name, name=name, component=component, **(defaults | fields))


GENERATION = observe("chat", "generation")
RETRIEVAL = observe("search", "retrieval", documents=1)


def diagnose_spans(*observations: Observation, **evidence: Any) -> Diagnosis:
    return diagnose(RequestEvidence(observations=observations, **evidence))


def diagnose_answer(
    answer: str, contexts: tuple[str, ...] = CONTEXT, question: str = QUESTION, **evidence: Any
) -> Diagnosis:
    return diagnose_spans(
        RETRIEVAL, GENERATION, question=question, answer=answer, contexts=contexts, **evidence
    )


def test_failed_root_is_an_error_with_its_origin() -> None:
    diagnosis = diagnose_spans(
        observe("root", is_root=True, is_error=True, has_failed_child=True),
        observe("chat", "generation", is_error=True, status_message="throttled"),
    )
    assert (diagnosis.verdict, diagnosis.evidence) == ("error", ("generation 'chat' failed: throttled",))
    assert "chat" in diagnosis.summary
    assert diagnosis.findings[0].span_id == "chat"


def test_failed_call_before_an_answer_is_no_error() -> None:
    diagnosis = diagnose_spans(
        observe("root", is_root=True), observe("chat", "generation", is_error=True), GENERATION
    )
    assert diagnosis.verdict == "can't tell"
    assert diagnosis.evidence == ("generation 'chat' failed",)


def test_failed_span_without_an_answer_is_an_error() -> None:
    assert diagnose_spans(observe("chat", "generation", is_error=True)).verdict == "error"
    assert (
        diagnose_spans(
            observe("root", is_root=True), observe("check", "guardrail", is_error=True), GENERATION
        ).verdict
        == "error"
    )


def test_circular_failures_are_all_reported() -> None:
    circle = [observe(name, is_error=True, has_failed_child=True) for name in "ab"]
    assert len(diagnose_spans(*circle).evidence) == 2


@pytest.mark.parametrize("root_fails", [False, True])
def test_guardrail_intervention_is_the_verdict(root_fails: bool) -> None:
    diagnosis = diagnose_spans(
        observe("root", is_root=True, is_error=root_fails),
        observe("input", "guardrail", guardrail_action="GUARDRAIL_INTERVENED"),
    )
    assert diagnosis.verdict == "guardrail cut"
    assert "guardrail 'input' reports GUARDRAIL_INTERVENED" in diagnosis.evidence


def test_other_failure_with_a_guardrail_is_an_error() -> None:
    diagnosis = diagnose_spans(
        observe("root", is_root=True, is_error=True),
        observe("mask", "guardrail", guardrail_action="blocked"),
        observe("chat", "generation", is_error=True),
    )
    assert diagnosis.verdict == "error"


def test_failed_or_empty_retrieval() -> None:
    failed = observe("search", "retrieval", is_error=True, status_message="timeout")
    assert diagnose_spans(failed, GENERATION).verdict == "retrieval failed"
    empty = diagnose_spans(observe("search", "retrieval", documents=0), GENERATION)
    assert (empty.verdict, empty.evidence) == (
        "retrieval failed",
        ("retrieval 'search' found 0 documents",),
    )
    repeated = diagnose_spans(observe("search", "retrieval", documents=0), RETRIEVAL, GENERATION)
    assert repeated.verdict == "can't tell"


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS"])
def test_truncated_finish_reasons_in_any_case(reason: str) -> None:
    assert diagnose_spans(observe("chat", "generation", finish_reasons=(reason,))).verdict == "truncated"


def test_last_generation_decides_about_truncation() -> None:
    cut = observe("chat", "generation", finish_reasons=("max_tokens",))
    diagnosis = diagnose_spans(cut)
    assert (diagnosis.verdict, diagnosis.evidence) == (
        "truncated",
        ("generation 'chat' stopped at its token limit (finish reason max_tokens)",),
    )
    ended = observe("chat", "generation", finish_reasons=("end_turn",))
    assert diagnose_spans(cut, ended).verdict == "can't tell"


@pytest.mark.parametrize(
    ("metric", "value", "verdict"),
    [
        ("faithfulness", 0.2, "generation failed"),
        ("context_recall", 0.4, "retrieval failed"),
        ("faithfulness", 0.5, "can't tell"),
        ("faithfulness", None, "can't tell"),
        ("grounding_overlap", 0.1, "can't tell"),
    ],
)
def test_low_judge_scores_decide_the_verdict(metric: str, value: float | None, verdict: str) -> None:
    diagnosis = diagnose_spans(GENERATION, scores=(ScoreEvidence(metric=metric, judge="j", value=value),))
    assert diagnosis.verdict == verdict
    assert diagnosis.findings[-1].kind == "score"


def test_low_context_score_precedes_low_answer_score() -> None:
    scores = [
        ScoreEvidence(metric=metric, judge="j", value=0.1) for metric in ("faithfulness", "context_precision")
    ]
    assert diagnose_spans(GENERATION, scores=scores).verdict == "retrieval failed"


def test_correct_answer_has_no_failure_verdict() -> None:
    diagnosis = diagnose_answer(CORRECT_ANSWER)
    assert (diagnosis.verdict, diagnosis.summary) == (
        "can't tell",
        "The trace contains no evidence of a failure.",
    )
    assert [finding.kind for finding in diagnosis.findings] == ["span", "proxy", "proxy"]


def test_answer_without_context_words_is_generation_failed() -> None:
    diagnosis = diagnose_answer("Please ring our friendly telephone hotline tomorrow morning before lunch.")
    assert diagnosis.verdict == "generation failed"
    assert any("proxy" in text for text in diagnosis.evidence)


def test_invented_sentence_is_in_the_evidence() -> None:
    diagnosis = diagnose_answer(
        f"{CORRECT_ANSWER} Managers usually waive remaining conditions whenever somebody asks by phone."
    )
    assert diagnosis.verdict == "generation failed"
    assert any("Managers usually waive" in text for text in diagnosis.evidence)


def test_context_without_question_words_is_retrieval_failed() -> None:
    diagnosis = diagnose_answer(
        "Ring our friendly hotline tomorrow morning before lunch.",
        ("The museum opens at nine and closes at six every weekday.",),
    )
    assert diagnosis.verdict == "retrieval failed"


def test_low_document_scores_are_retrieval_failed() -> None:
    diagnosis = diagnose_spans(
        observe("search", "retrieval", documents=3, best_score=0.05),
        GENERATION,
        question=QUESTION,
        answer="The museum opens at nine and closes at six.",
        contexts=("The museum opens at nine and closes at six every weekday.",),
    )
    assert diagnosis.verdict == "retrieval failed"
    assert "the best scored 0.05" in diagnosis.evidence[0]


def test_refusal_without_matching_context_is_retrieval_failed() -> None:
    unknown = "I don't know; the documents do not mention that."
    assert (
        diagnose_answer(unknown, ("The museum opens at nine every weekday.",)).verdict == "retrieval failed"
    )
    assert diagnose_answer(unknown).verdict == "can't tell"


def test_no_messages_gives_no_verdict() -> None:
    diagnosis = diagnose_spans(GENERATION)
    assert (diagnosis.verdict, diagnosis.findings) == ("can't tell", ())
    assert "no messages" in diagnosis.summary


def test_user_feedback_is_evidence() -> None:
    diagnosis = diagnose_answer(CORRECT_ANSWER, thumbs_down=1, comments=("not what I asked",))
    assert diagnosis.evidence[-1] == "the user gave a thumb down: not what I asked"


def test_diagnosis_has_the_cost() -> None:
    assert diagnose(RequestEvidence(observations=()), "It cost $1.").cost == "It cost $1."


def test_overlap_shares_calculated_by_hand() -> None:
    # Question: long refunds damaged parcels take (how, do and for are stop words); all but "long" are there.
    word_overlaps = measure_overlaps(QUESTION, None, CORRECT_ANSWER, CONTEXT)
    assert (word_overlaps.question, word_overlaps.answer, word_overlaps.worst_share) == (0.8, 1.0, 1.0)
    assert measure_overlaps("Why?", None, "Yes.", CONTEXT).question is None
    assert measure_overlaps(QUESTION, "refund duration damaged parcels", CORRECT_ANSWER, ()).answer is None
    assert measure_overlaps(None, None, None, ()).worst_sentence == ""


def test_rewritten_query_can_raise_the_question_share() -> None:
    follow_up = measure_overlaps(
        "And what about those other ones then?", "refunds damaged parcels", CORRECT_ANSWER, CONTEXT
    )
    assert follow_up.question == 1.0


def test_reviewers_rate_failed_generations_lower() -> None:
    """Over answers that reviewers rated 1 to 4 for faithfulness (MT-RAG), when the data is available."""
    file = SHARED_DATA / "rag_eval" / "mtrag_human_cases.jsonl"
    faulted, others = [1.0], [4.0]
    for line in file.read_text().splitlines() if file.exists() else ():
        case = json.loads(line)
        ratings = case["human"]["faithfulness"]
        if not ratings:
            continue
        diagnosis = diagnose_answer(case["answer"], tuple(case["contexts"]), case["question"])
        rated = sum(ratings) / len(ratings)
        (faulted if diagnosis.verdict == "generation failed" else others).append(rated)
    assert sum(faulted) / len(faulted) + 1 < sum(others) / len(others)
