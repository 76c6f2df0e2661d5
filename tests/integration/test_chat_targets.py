"""Models as targets, on loopback: prompts, answers, and answers that are truncated, filtered or refused."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from genaiops_core.aws import clients
from genaiops_core.errors import BadInput, Misconfigured
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import CallFailed, Refused, Throttled
from genaiops_core.evaluation.targets import TargetAnswer, apply_answer, build_target, price_answer
from genaiops_core.pricing.prices import PriceList
from tests.conftest import JudgeServer
from tests.scripted_server import ScriptedReply, ScriptedServer, run_scripted_server

CASE = Case(input="Why {contexts}?", answer="kept", contexts=("One.", "{question}"), reference="gold")
NOVA = "amazon.nova-pro-v1:0"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with run_scripted_server() as running_server:
        yield running_server


def ask(document: dict[str, Any], case: Case = CASE, **options: Any) -> TargetAnswer:
    async def answer_once() -> TargetAnswer:
        target = build_target(document, **options)
        try:
            return await target.answer(case)
        finally:
            await target.close()

    return asyncio.run(answer_once())


@pytest.fixture
def bedrock_server(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """The scripted server as Bedrock endpoint; the cached clients of the process are cleared."""
    for name, value in JudgeServer(server.url).environment.items():
        monkeypatch.setenv(name, value)
    clients.client.cache_clear()
    yield server
    clients.client.cache_clear()


def build_bedrock_spec(**fields: Any) -> dict[str, Any]:
    return {"kind": "bedrock", "model": NOVA, **fields}


def build_openai_spec(url: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "openai", "model": "qwen3", "base_url": f"{url}/v1", **fields}


def test_bedrock_answers_with_its_tokens(judge_server: JudgeServer) -> None:
    answer = ask(
        build_bedrock_spec(
            system="Be short.", parameters={"max_tokens": 50, "temperature": 0.2, "top_p": 0.9}
        )
    )
    assert answer.text == "An answer to: Why {contexts}?"
    # "Why {contexts}?Be short." as the server counts words.
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.contexts) == (3, 5, None)
    assert answer.latency_ms > 0 and not answer.problem
    [request_body] = judge_server.state()["bodies"]
    assert request_body["system"] == [{"text": "Be short."}]
    assert request_body["inferenceConfig"] == {"maxTokens": 50, "temperature": 0.2, "topP": 0.9}


def test_openai_answers_with_its_tokens(judge_server: JudgeServer) -> None:
    answer = ask(
        build_openai_spec(judge_server.url, system="Be short.", parameters={"max_tokens": 50, "top_p": 0.9})
    )
    assert (answer.text, answer.usage.output_tokens) == ("An answer to: Why {contexts}?", 20)
    [request_body] = judge_server.state()["bodies"]
    assert request_body["messages"][0] == {"role": "system", "content": "Be short."}
    assert (request_body["max_tokens"], request_body["top_p"], "temperature" in request_body) == (
        50,
        0.9,
        False,
    )


def test_prompt_placeholders_are_replaced_once(
    judge_server: JudgeServer,
) -> None:
    answer = ask(build_bedrock_spec(system="From:\n{contexts}\nanswer {{ question }}"))
    assert answer.contexts == CASE.contexts
    [request_body] = judge_server.state()["bodies"]
    assert request_body["messages"][0]["content"] == [
        {"text": "From:\nOne.\n\n{question}\nanswer Why {contexts}?"}
    ]
    assert "system" not in request_body


def test_contexts_alone_are_in_the_system_prompt(judge_server: JudgeServer) -> None:
    ask(build_openai_spec(judge_server.url, system="Use {context}"))
    [request_body] = judge_server.state()["bodies"]
    assert [turn["content"] for turn in request_body["messages"]] == [
        "Use One.\n\n{question}",
        "Why {contexts}?",
    ]


def test_prompt_requiring_contexts_is_not_sent_without(judge_server: JudgeServer) -> None:
    answer = ask(build_bedrock_spec(system="Use {contexts}"), Case(input="Why?"))
    assert (answer.text, answer.problem) == (None, "The prompt requires contexts, and the case has none.")
    assert not answer.is_called
    assert price_answer(answer, build_target(build_bedrock_spec()), PriceList(), 0).cost_nano_usd == 0
    assert judge_server.state()["calls"] == 0
    assert ask(build_bedrock_spec(system="Use {contexts}"), Case(input="Why?", contexts=())).text


def test_answer_and_reference_are_never_sent(judge_server: JudgeServer) -> None:
    ask(build_bedrock_spec(system="{contexts} {metadata} {answer}"))
    assert "gold" not in str(judge_server.state()["bodies"]) and "kept" not in str(
        judge_server.state()["bodies"]
    )


@pytest.mark.parametrize("kind", ["bedrock", "openai"])
def test_throttling_is_raised_without_retry(judge_server: JudgeServer, kind: str) -> None:
    judge_server.set(throttle_every=1)
    with pytest.raises(Throttled, match="throttles"):
        ask(build_bedrock_spec() if kind == "bedrock" else build_openai_spec(judge_server.url))
    assert judge_server.state()["calls"] == 1


@pytest.mark.parametrize("kind", ["bedrock", "openai"])
def test_failing_model_is_called_once(judge_server: JudgeServer, kind: str) -> None:
    judge_server.set(fail_every=1)
    with pytest.raises(CallFailed, match=r"the model fell over|500"):
        ask(build_bedrock_spec() if kind == "bedrock" else build_openai_spec(judge_server.url))
    assert judge_server.state()["calls"] == 1


def build_converse_reply(stop_reason: str, *texts: str) -> ScriptedReply:
    message = {"role": "assistant", "content": [{"text": text} for text in texts]}
    usage = {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9}
    return ScriptedReply(
        {"output": {"message": message}, "stopReason": stop_reason, "usage": usage, "metrics": {}}
    )


@pytest.mark.parametrize(
    ("reply", "text", "problem"),
    [
        (build_converse_reply("end_turn", "Yes."), "Yes.", ""),
        (build_converse_reply("max_tokens", "Ye"), "Ye", "The answer was cut at 9 tokens; raise max_tokens."),
        (build_converse_reply("guardrail_intervened", "Sorry, no."), "Sorry, no.", "A guardrail intervened."),
        (
            build_converse_reply("content_filtered"),
            None,
            "The model returned an empty answer. A content filter intervened.",
        ),
        (build_converse_reply("end_turn", " \n"), None, "The model returned an empty answer."),
    ],
)
def test_stop_reason_of_bedrock_is_reported(
    bedrock_server: ScriptedServer, reply: ScriptedReply, text: str | None, problem: str
) -> None:
    bedrock_server.script(reply)
    answer = ask(build_bedrock_spec(parameters={"max_tokens": 9}))
    assert (answer.text, answer.problem, answer.usage.output_tokens) == (text, problem, 2)


@pytest.mark.parametrize(
    ("message", "reason", "text", "problem"),
    [
        ({"content": "Ye"}, "length", "Ye", "The answer was cut at 4096 tokens; raise max_tokens."),
        ({"content": None, "refusal": "I will not."}, "stop", "I will not.", "The model refused."),
        (
            {"content": ""},
            "content_filter",
            None,
            "The model returned an empty answer. A content filter intervened.",
        ),
    ],
)
def test_stop_reason_of_openai_is_reported(
    server: ScriptedServer, message: dict[str, Any], reason: str, text: str | None, problem: str
) -> None:
    server.script(ScriptedReply({"choices": [{"message": message, "finish_reason": reason}], "usage": {}}))
    answer = ask(build_openai_spec(server.url))
    assert (answer.text, answer.problem, answer.usage.input_tokens) == (text, problem, None)


def test_key_is_sent_only_to_its_host(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.script(ScriptedReply({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}))
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    monkeypatch.setenv("GENAIOPS_TARGET_KEY", "of-mine")
    ask(build_openai_spec(server.url))
    ask(build_openai_spec(server.url, api_key="${GENAIOPS_TARGET_KEY}"), allowed_hosts=["127.0.0.1"])
    keys = [
        {name.lower(): value for name, value in request.headers.items()}["authorization"]
        for request in server.received
    ]
    assert keys == ["Bearer none", "Bearer of-mine"]
    with pytest.raises(Misconfigured, match="GENAIOPS_TARGET_OTHER, which the target refers to, is not set"):
        ask(build_openai_spec(server.url, api_key="${GENAIOPS_TARGET_OTHER}"), allowed_hosts=["127.0.0.1"])
    with pytest.raises(BadInput, match="sent only to hosts that the operator names"):
        ask(build_openai_spec(server.url, api_key="${GENAIOPS_TARGET_KEY}"))


def test_denied_key_error_names_the_variable(server: ScriptedServer) -> None:
    server.script(ScriptedReply({"error": {"message": "bad key"}}, 401))
    with pytest.raises(Refused, match="Set the variable that api_key of the target refers to for the worker"):
        ask(build_openai_spec(server.url))


def test_hosts_of_models_are_checked(server: ScriptedServer) -> None:
    with pytest.raises(BadInput, match="is not among the hosts"):
        ask(build_openai_spec(server.url), allowed_hosts=["my.app"])
    with pytest.raises(Refused, match=r"resolves to 169\.254\.169\.254, a link-local or metadata address"):
        ask(build_openai_spec("http://169.254.169.254"))
    server.script(ScriptedReply("", 307, {"location": "http://localhost:1/v1"}))
    with pytest.raises(CallFailed, match="307"):
        ask(build_openai_spec(server.url))


def test_slow_model_times_out(judge_server: JudgeServer) -> None:
    judge_server.set(delay_s=10.0)
    with pytest.raises(CallFailed, match=r"did not answer"):
        ask(build_openai_spec(judge_server.url, timeout_s=0.05))


def test_cost_is_reported_or_from_the_price_list(judge_server: JudgeServer) -> None:
    at_ns = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()) * 10**9
    target = build_target(build_bedrock_spec())
    answer = TargetAnswer(
        text="x", usage=dataclasses.replace(TargetAnswer(text="").usage, input_tokens=1000, output_tokens=100)
    )
    # Nova Pro: 0.8 and 3.2 USD per million tokens.
    assert price_answer(answer, target, PriceList(), at_ns).cost_nano_usd == 800_000 + 320_000
    assert (
        price_answer(dataclasses.replace(answer, cost_nano_usd=5), target, PriceList(), at_ns).cost_nano_usd
        == 5
    )
    unpriced_target = build_target(build_openai_spec(judge_server.url))
    assert price_answer(answer, unpriced_target, PriceList(), at_ns).cost_nano_usd is None
    assert price_answer(TargetAnswer(text="x"), target, PriceList(), at_ns).cost_nano_usd is None


def test_prompt_allows_a_cost_estimate() -> None:
    prompt = build_target(build_bedrock_spec(system="Use {contexts}", parameters={"max_tokens": 9})).prompt(
        CASE
    )
    assert prompt is not None
    assert (prompt.system, prompt.messages[0].text, prompt.max_tokens) == (
        "Use One.\n\n{question}",
        CASE.input,
        9,
    )
    assert build_target({"kind": "http", "url": "http://my.app/"}).prompt(CASE) is None


def test_answer_replaces_that_of_the_case() -> None:
    answered_case = apply_answer(CASE, TargetAnswer(text="New.", contexts=("Found.",)))
    assert (answered_case.answer, answered_case.contexts, answered_case.reference) == (
        "New.",
        ("Found.",),
        "gold",
    )
    unanswered_case = apply_answer(CASE, TargetAnswer(text=None, problem="empty"))
    assert (unanswered_case.answer, unanswered_case.contexts) == (None, CASE.contexts)
