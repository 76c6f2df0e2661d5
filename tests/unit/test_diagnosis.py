"""Diagnoses: which evidence leads to which verdict, worked out by hand."""

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
SOUND = "Refunds for damaged parcels take five working days."


def seen(name: str, component: str = "chain", **said: Any) -> Observation:
    told: dict[str, Any] = {
        "is_error": False,
        "status_message": "",
        "finish_reasons": (),
        "has_failed_child": False,
    }
    return Observation(span_id=name, name=name, component=component, **(told | said))


ANSWERED = seen("chat", "generation")
FOUND = seen("search", "retrieval", documents=1)


def judged(*observations: Observation, **said: Any) -> Diagnosis:
    return diagnose(RequestEvidence(observations=observations, **said))


def talked(
    answer: str, contexts: tuple[str, ...] = CONTEXT, question: str = QUESTION, **said: Any
) -> Diagnosis:
    return judged(FOUND, ANSWERED, question=question, answer=answer, contexts=contexts, **said)


def test_a_failed_root_is_an_error_and_its_origin_is_named() -> None:
    found = judged(
        seen("root", is_root=True, is_error=True, has_failed_child=True),
        seen("chat", "generation", is_error=True, status_message="throttled"),
    )
    assert (found.verdict, found.evidence) == ("error", ("generation 'chat' failed: throttled",))
    assert "chat" in found.summary
    assert found.findings[0].span_id == "chat"


def test_an_attempt_that_was_repeated_is_no_error() -> None:
    found = judged(seen("root", is_root=True), seen("chat", "generation", is_error=True), ANSWERED)
    assert found.verdict == "can't tell"
    assert found.evidence == ("generation 'chat' failed",)


def test_a_failed_step_without_any_answer_is_an_error() -> None:
    assert judged(seen("chat", "generation", is_error=True)).verdict == "error"
    assert (
        judged(seen("root", is_root=True), seen("check", "guardrail", is_error=True), ANSWERED).verdict
        == "error"
    )


def test_failures_in_a_circle_are_all_named() -> None:
    circle = [seen(name, is_error=True, has_failed_child=True) for name in "ab"]
    assert len(judged(*circle).evidence) == 2


@pytest.mark.parametrize("root_fails", [False, True])
def test_a_guardrail_that_stepped_in(root_fails: bool) -> None:
    found = judged(
        seen("root", is_root=True, is_error=root_fails),
        seen("input", "guardrail", guardrail_action="GUARDRAIL_INTERVENED"),
    )
    assert found.verdict == "guardrail cut"
    assert "guardrail 'input' reports GUARDRAIL_INTERVENED" in found.evidence


def test_a_failure_beside_a_guardrail_is_an_error() -> None:
    found = judged(
        seen("root", is_root=True, is_error=True),
        seen("mask", "guardrail", guardrail_action="blocked"),
        seen("chat", "generation", is_error=True),
    )
    assert found.verdict == "error"


def test_retrieval_that_failed_or_found_nothing() -> None:
    down = seen("search", "retrieval", is_error=True, status_message="timeout")
    assert judged(down, ANSWERED).verdict == "retrieval failed"
    nothing = judged(seen("search", "retrieval", documents=0), ANSWERED)
    assert (nothing.verdict, nothing.evidence) == (
        "retrieval failed",
        ("retrieval 'search' found 0 documents",),
    )
    again = judged(seen("search", "retrieval", documents=0), FOUND, ANSWERED)
    assert again.verdict == "can't tell"


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS"])
def test_every_spelling_of_a_cut_answer(reason: str) -> None:
    assert judged(seen("chat", "generation", finish_reasons=(reason,))).verdict == "truncated"


def test_an_answer_cut_at_its_limit() -> None:
    cut = seen("chat", "generation", finish_reasons=("max_tokens",))
    found = judged(cut)
    assert (found.verdict, found.evidence) == (
        "truncated",
        ("generation 'chat' stopped at its token limit (finish reason max_tokens)",),
    )
    ended = seen("chat", "generation", finish_reasons=("end_turn",))
    assert judged(cut, ended).verdict == "can't tell"


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
def test_what_judges_scored(metric: str, value: float | None, verdict: str) -> None:
    found = judged(ANSWERED, scores=(ScoreEvidence(metric=metric, judge="j", value=value),))
    assert found.verdict == verdict
    assert found.findings[-1].kind == "score"


def test_poor_context_comes_before_a_poor_answer() -> None:
    scores = [ScoreEvidence(metric=metric, judge="j", value=0.1) for metric in ("faithfulness", "context_precision")]
    assert judged(ANSWERED, scores=scores).verdict == "retrieval failed"


def test_a_sound_answer_cannot_be_faulted() -> None:
    found = talked(SOUND)
    assert (found.verdict, found.summary) == ("can't tell", "The trace contains no evidence of a failure.")
    assert [finding.kind for finding in found.findings] == ["span", "proxy", "proxy"]


def test_an_answer_of_other_words_is_not_from_the_context() -> None:
    found = talked("Please ring our friendly telephone hotline tomorrow morning before lunch.")
    assert found.verdict == "generation failed"
    assert any("proxy" in text for text in found.evidence)


def test_one_invented_sentence_is_named() -> None:
    found = talked(f"{SOUND} Managers usually waive remaining conditions whenever somebody asks by phone.")
    assert found.verdict == "generation failed"
    assert any("Managers usually waive" in text for text in found.evidence)


def test_a_context_about_something_else() -> None:
    found = talked(
        "Ring our friendly hotline tomorrow morning before lunch.",
        ("The museum opens at nine and closes at six every weekday.",),
    )
    assert found.verdict == "retrieval failed"


def test_low_scores_and_none_of_the_question() -> None:
    found = judged(
        seen("search", "retrieval", documents=3, best_score=0.05),
        ANSWERED,
        question=QUESTION,
        answer="The museum opens at nine and closes at six.",
        contexts=("The museum opens at nine and closes at six every weekday.",),
    )
    assert found.verdict == "retrieval failed"
    assert "the best scored 0.05" in found.evidence[0]


def test_not_knowing_is_honest_over_a_context_that_lacks_it() -> None:
    unknown = "I don't know; the documents do not mention that."
    assert talked(unknown, ("The museum opens at nine every weekday.",)).verdict == "retrieval failed"
    assert talked(unknown).verdict == "can't tell"


def test_without_messages_nothing_can_be_told() -> None:
    found = judged(ANSWERED)
    assert (found.verdict, found.findings) == ("can't tell", ())
    assert "no messages" in found.summary


def test_the_user_is_heard() -> None:
    found = talked(SOUND, thumbs_down=1, comments=("not what I asked",))
    assert found.evidence[-1] == "the user gave a thumb down: not what I asked"


def test_the_cost_stands_beside_the_verdict() -> None:
    assert diagnose(RequestEvidence(observations=()), "It cost $1.").cost == "It cost $1."


def test_shares_by_hand() -> None:
    # Question: long refunds damaged parcels take (how, do and for are stop words); all but "long" are there.
    found = measure_overlaps(QUESTION, None, SOUND, CONTEXT)
    assert (found.question, found.answer, found.worst_share) == (0.8, 1.0, 1.0)
    assert measure_overlaps("Why?", None, "Yes.", CONTEXT).question is None
    assert measure_overlaps(QUESTION, "refund duration damaged parcels", SOUND, ()).answer is None
    assert measure_overlaps(None, None, None, ()).worst_sentence == ""


def test_a_rewritten_search_may_know_better_than_the_question() -> None:
    follow_up = measure_overlaps("And what about those other ones then?", "refunds damaged parcels", SOUND, CONTEXT)
    assert follow_up.question == 1.0


def test_people_rate_what_is_faulted_lower() -> None:
    """Over answers that people rated 1 to 4 for faithfulness (MT-RAG), where the data is at hand."""
    file = SHARED_DATA / "rag_eval" / "mtrag_human_cases.jsonl"
    faulted, others = [1.0], [4.0]
    for line in file.read_text().splitlines() if file.exists() else ():
        case = json.loads(line)
        ratings = case["human"]["faithfulness"]
        if not ratings:
            continue
        found = talked(case["answer"], tuple(case["contexts"]), case["question"])
        rated = sum(ratings) / len(ratings)
        (faulted if found.verdict == "generation failed" else others).append(rated)
    assert sum(faulted) / len(faulted) + 1 < sum(others) / len(others)
