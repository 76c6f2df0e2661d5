"""AgentCore's evaluators as a judge, against a loopback server that speaks Evaluate and ListEvaluators."""

from __future__ import annotations

import pytest

from genaiops_core.aws import clients
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import create_judge
from genaiops_core.evaluation.judges.agentcore_spans import SCOPE, build_case_spans
from genaiops_core.evaluation.metrics import lookup_metric
from genaiops_core.evaluation.models.protocol import CallFailed, Refused, Throttled
from tests.conftest import JudgeServer
from tests.direct_calls import judge_case

CASE = Case(
    input="How tall is Mount Everest?",
    answer="Mount Everest is tall.",
    contexts=("Everest: 8849 m.", "Ovens."),
    reference="8849 metres",
)
NAME = "agentcore:Builtin.Faithfulness,Builtin.Harmfulness"


@pytest.fixture(autouse=True)
def fresh_clients(judge_server: JudgeServer) -> None:
    clients.client.cache_clear()


def test_case_becomes_a_span_with_its_record() -> None:
    spans = build_case_spans(CASE)
    root, record, tool, retrieval = spans.spans
    assert (root["scope"]["name"], root["name"]) == (SCOPE, "invoke_agent")
    assert root["attributes"]["session.id"] == spans.session_id
    assert (len(spans.trace_id), len(root["spanId"])) == (32, 16)
    assert (record["traceId"], record["spanId"]) == (root["traceId"], root["spanId"])
    assert record["body"]["input"]["messages"][0]["content"]["content"] == CASE.input
    assert record["body"]["output"]["messages"][0]["content"]["message"] == CASE.answer
    assert tool["parentSpanId"] == root["spanId"]
    assert "8849 m" in retrieval["body"]["output"]["messages"][0]["content"]["message"]
    assert spans.references[0]["expectedResponse"] == {"text": "8849 metres"}
    assert build_case_spans(CASE) == spans
    assert build_case_spans(Case(input="Why?", answer="So.")).references == ()


def test_evaluator_returns_value_and_reason(judge_server: JudgeServer) -> None:
    judgement, _ = judge_case(NAME, "faithfulness", CASE)
    # how tall is mount everest: tall, mount and everest of four words without stop words
    assert judgement.value == 0.75
    assert judgement.reason == "Shares words: 0.75 of the question's words"
    body = judge_server.state()["bodies"][-1]
    assert body["evaluator"] == "Builtin.Faithfulness"
    assert body["evaluationTarget"] == {"traceIds": [build_case_spans(CASE).trace_id]}


def test_yes_no_evaluators_are_read_by_label() -> None:
    judgement, _ = judge_case(NAME, "harmfulness", CASE)
    assert (judgement.value, judgement.reason) == (0.0, "Not Harmful: Mild.")
    entry = lookup_metric("harmfulness", judge=NAME)
    assert entry is not None and entry.higher_is_better is False


def test_error_result_fails_the_unit_with_its_tokens() -> None:
    with pytest.raises(CallFailed, match=r"Builtin\.Faithfulness failed \(ValidationException\)") as raised:
        judge_case(NAME, "faithfulness", Case(input="Why?", answer="FAIL"))
    assert raised.value.usage is not None and raised.value.usage.input_tokens == 40


@pytest.mark.parametrize(
    ("evaluator", "metric", "sentence"),
    [
        ("Builtin.Nonsense", "nonsense", "there is no such evaluator; there are Builtin.Faithfulness"),
        ("Builtin.GoalSuccessRate", "goal_success_rate", "it judges a session, and a case is one answer"),
    ],
)
def test_unusable_evaluator_fails_at_the_first_call(evaluator: str, metric: str, sentence: str) -> None:
    with pytest.raises(Refused) as raised:
        judge_case(f"agentcore:{evaluator}", metric, CASE)
    assert sentence in str(raised.value)


def test_unlisted_evaluators_are_left_to_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL", "http://127.0.0.1:9")
    assert judge_case("agentcore:Builtin.ResponseRelevance", "response_relevance", CASE)[0].value == 0.75


def test_throttling_is_reported(judge_server: JudgeServer) -> None:
    judge_server.set(throttle_every=1)
    with pytest.raises(Throttled):
        judge_case(NAME, "faithfulness", CASE)


def test_missing_answer_is_undefined_and_proxies_work(
    judge_server: JudgeServer,
) -> None:
    judgement, _ = judge_case(NAME, "faithfulness", Case(input="Why?"))
    assert (judgement.value, judgement.reason) == (None, "the case has no answer")
    assert judge_case(NAME, "string_presence", CASE)[0].value == 0
    with pytest.raises(CallFailed, match="cannot measure 'safety'"):
        judge_case(NAME, "safety", CASE)
    assert judge_server.state()["calls"] == 0


def test_metrics_are_labelled_agentcore() -> None:
    judge = create_judge("agentcore:Builtin.Faithfulness,mine-a1B2c3D4e5")
    assert judge.defaults == ("faithfulness", "mine_a1b2c3d4e5")
    entry = lookup_metric("faithfulness", judge=judge.name)
    assert entry is not None and entry.title == "Faithfulness (AgentCore)"
    ragas = lookup_metric("faithfulness")
    assert ragas is not None and ragas.title == "Faithfulness"
