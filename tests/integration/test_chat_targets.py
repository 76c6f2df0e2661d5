"""Models as targets, on loopback: what is sent, what is told, and answers that are cut, filtered or refused."""

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
from genaiops_core.evaluation.targets import TargetAnswer, apply_answer, price_answer, build_target
from genaiops_core.pricing.prices import PriceList
from tests.conftest import JudgeServer
from tests.scripted_server import Scripted, ScriptedServer, scripted_server

CASE = Case(input="Why {contexts}?", answer="kept", contexts=("One.", "{question}"), reference="gold")
NOVA = "amazon.nova-pro-v1:0"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as started:
        yield started


def ask(document: dict[str, Any], case: Case = CASE, **more: Any) -> TargetAnswer:
    async def once() -> TargetAnswer:
        asked = build_target(document, **more)
        try:
            return await asked.answer(case)
        finally:
            await asked.close()

    return asyncio.run(once())


@pytest.fixture
def scripted_bedrock(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """The scripted server in the place of Bedrock; clients are kept for the life of a process, so they are let go."""
    for name, value in JudgeServer(server.url).environment.items():
        monkeypatch.setenv(name, value)
    clients.client.cache_clear()
    yield server
    clients.client.cache_clear()


def bedrock(**fields: Any) -> dict[str, Any]:
    return {"kind": "bedrock", "model": NOVA, **fields}


def openai(url: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "openai", "model": "qwen3", "base_url": f"{url}/v1", **fields}


def test_bedrock_answers_with_its_tokens(judge_server: JudgeServer) -> None:
    found = ask(bedrock(system="Be short.", parameters={"max_tokens": 50, "temperature": 0.2, "top_p": 0.9}))
    assert found.text == "An answer to: Why {contexts}?"
    # "Why {contexts}?Be short." as the server counts words.
    assert (found.usage.input_tokens, found.usage.output_tokens, found.contexts) == (3, 5, None)
    assert found.latency_ms > 0 and not found.problem
    [sent] = judge_server.state()["bodies"]
    assert sent["system"] == [{"text": "Be short."}]
    assert sent["inferenceConfig"] == {"maxTokens": 50, "temperature": 0.2, "topP": 0.9}


def test_openai_answers_with_its_tokens(judge_server: JudgeServer) -> None:
    found = ask(openai(judge_server.url, system="Be short.", parameters={"max_tokens": 50, "top_p": 0.9}))
    assert (found.text, found.usage.output_tokens) == ("An answer to: Why {contexts}?", 20)
    [sent] = judge_server.state()["bodies"]
    assert sent["messages"][0] == {"role": "system", "content": "Be short."}
    assert (sent["max_tokens"], sent["top_p"], "temperature" in sent) == (50, 0.9, False)


def test_contexts_and_question_go_where_the_prompt_has_a_place_and_are_not_read_again(
    judge_server: JudgeServer,
) -> None:
    found = ask(bedrock(system="From:\n{contexts}\nanswer {{ question }}"))
    assert found.contexts == CASE.contexts
    [sent] = judge_server.state()["bodies"]
    assert sent["messages"][0]["content"] == [{"text": "From:\nOne.\n\n{question}\nanswer Why {contexts}?"}]
    assert "system" not in sent


def test_contexts_alone_stand_in_the_system_prompt(judge_server: JudgeServer) -> None:
    ask(openai(judge_server.url, system="Use {context}"))
    [sent] = judge_server.state()["bodies"]
    assert [turn["content"] for turn in sent["messages"]] == ["Use One.\n\n{question}", "Why {contexts}?"]


def test_a_prompt_that_wants_contexts_is_not_sent_without_them(judge_server: JudgeServer) -> None:
    found = ask(bedrock(system="Use {contexts}"), Case(input="Why?"))
    assert (found.text, found.problem) == (None, "The prompt wants contexts, and the case has none.")
    assert not found.is_called
    assert price_answer(found, build_target(bedrock()), PriceList(), 0).cost_nano_usd == 0
    assert judge_server.state()["calls"] == 0
    assert ask(bedrock(system="Use {contexts}"), Case(input="Why?", contexts=())).text


def test_neither_answer_nor_reference_of_the_case_is_ever_sent(judge_server: JudgeServer) -> None:
    ask(bedrock(system="{contexts} {metadata} {answer}"))
    assert "gold" not in str(judge_server.state()["bodies"]) and "kept" not in str(
        judge_server.state()["bodies"]
    )


@pytest.mark.parametrize("kind", ["bedrock", "openai"])
def test_throttling_comes_back_at_once_for_the_run_to_wait(judge_server: JudgeServer, kind: str) -> None:
    judge_server.set(throttle_every=1)
    with pytest.raises(Throttled, match="throttles"):
        ask(bedrock() if kind == "bedrock" else openai(judge_server.url))
    assert judge_server.state()["calls"] == 1


@pytest.mark.parametrize("kind", ["bedrock", "openai"])
def test_a_failing_model_is_asked_once(judge_server: JudgeServer, kind: str) -> None:
    judge_server.set(fail_every=1)
    with pytest.raises(CallFailed, match=r"the model fell over|500"):
        ask(bedrock() if kind == "bedrock" else openai(judge_server.url))
    assert judge_server.state()["calls"] == 1


def converse(stop_reason: str, *texts: str) -> Scripted:
    message = {"role": "assistant", "content": [{"text": text} for text in texts]}
    usage = {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9}
    return Scripted(
        {"output": {"message": message}, "stopReason": stop_reason, "usage": usage, "metrics": {}}
    )


@pytest.mark.parametrize(
    ("reply", "text", "problem"),
    [
        (converse("end_turn", "Yes."), "Yes.", ""),
        (converse("max_tokens", "Ye"), "Ye", "The answer was cut at 9 tokens; raise max_tokens."),
        (converse("guardrail_intervened", "Sorry, no."), "Sorry, no.", "A guardrail stepped in."),
        (converse("content_filtered"), None, "The model gave an empty answer. A content filter stepped in."),
        (converse("end_turn", " \n"), None, "The model gave an empty answer."),
    ],
)
def test_how_an_answer_of_bedrock_ended_is_said(
    scripted_bedrock: ScriptedServer, reply: Scripted, text: str | None, problem: str
) -> None:
    scripted_bedrock.script(reply)
    found = ask(bedrock(parameters={"max_tokens": 9}))
    assert (found.text, found.problem, found.usage.output_tokens) == (text, problem, 2)


@pytest.mark.parametrize(
    ("message", "reason", "text", "problem"),
    [
        ({"content": "Ye"}, "length", "Ye", "The answer was cut at 4096 tokens; raise max_tokens."),
        ({"content": None, "refusal": "I will not."}, "stop", "I will not.", "The model refused."),
        (
            {"content": ""},
            "content_filter",
            None,
            "The model gave an empty answer. A content filter stepped in.",
        ),
    ],
)
def test_how_an_answer_of_openai_ended_is_said(
    server: ScriptedServer, message: dict[str, Any], reason: str, text: str | None, problem: str
) -> None:
    server.script(Scripted({"choices": [{"message": message, "finish_reason": reason}], "usage": {}}))
    found = ask(openai(server.url))
    assert (found.text, found.problem, found.usage.input_tokens) == (text, problem, None)


def test_a_key_is_sent_only_where_it_belongs(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.script(Scripted({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}))
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    monkeypatch.setenv("GENAIOPS_TARGET_KEY", "of-mine")
    ask(openai(server.url))
    ask(openai(server.url, api_key="${GENAIOPS_TARGET_KEY}"))
    keys = [
        {name.lower(): value for name, value in one.headers.items()}["authorization"] for one in server.asked
    ]
    assert keys == ["Bearer none", "Bearer of-mine"]
    with pytest.raises(Misconfigured, match="GENAIOPS_TARGET_OTHER, which the target refers to, is not set"):
        ask(openai(server.url, api_key="${GENAIOPS_TARGET_OTHER}"))


def test_a_denied_key_says_where_it_is_set(server: ScriptedServer) -> None:
    server.script(Scripted({"error": {"message": "bad key"}}, 401))
    with pytest.raises(Refused, match="Set the variable that api_key of the target refers to for the worker"):
        ask(openai(server.url))


def test_hosts_are_checked_for_models_too(server: ScriptedServer) -> None:
    with pytest.raises(BadInput, match="is not among the hosts"):
        ask(openai(server.url), allowed_hosts=["my.app"])
    with pytest.raises(Refused, match=r"leads to 169\.254\.169\.254, a link-local or metadata address"):
        ask(openai("http://169.254.169.254"))
    server.script(Scripted("", 307, {"location": "http://localhost:1/v1"}))
    with pytest.raises(CallFailed, match="307"):
        ask(openai(server.url))


def test_a_slow_model_is_given_up(judge_server: JudgeServer) -> None:
    judge_server.set(delay_s=10.0)
    with pytest.raises(CallFailed, match=r"gave no answer within 0\.05 s|did not answer"):
        ask(openai(judge_server.url, timeout_s=0.05))


def test_the_cost_is_what_the_target_told_or_what_the_price_list_says(judge_server: JudgeServer) -> None:
    at_ns = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()) * 10**9
    asked = build_target(bedrock())
    found = TargetAnswer(
        text="x", usage=dataclasses.replace(TargetAnswer(text="").usage, input_tokens=1000, output_tokens=100)
    )
    # Nova Pro: 0.8 and 3.2 USD per million tokens.
    assert price_answer(found, asked, PriceList(), at_ns).cost_nano_usd == 800_000 + 320_000
    assert price_answer(dataclasses.replace(found, cost_nano_usd=5), asked, PriceList(), at_ns).cost_nano_usd == 5
    unknown = build_target(openai(judge_server.url))
    assert price_answer(found, unknown, PriceList(), at_ns).cost_nano_usd is None
    assert price_answer(TargetAnswer(text="x"), asked, PriceList(), at_ns).cost_nano_usd is None


def test_what_an_answer_may_cost_can_be_reckoned_beforehand() -> None:
    found = build_target(bedrock(system="Use {contexts}", parameters={"max_tokens": 9})).prompt(CASE)
    assert found is not None
    assert (found.system, found.messages[0].text, found.max_tokens) == (
        "Use One.\n\n{question}",
        CASE.input,
        9,
    )
    assert build_target({"kind": "http", "url": "http://my.app/"}).prompt(CASE) is None


def test_the_answered_case_is_what_judges_see() -> None:
    told = apply_answer(CASE, TargetAnswer(text="New.", contexts=("Found.",)))
    assert (told.answer, told.contexts, told.reference) == ("New.", ("Found.",), "gold")
    silent = apply_answer(CASE, TargetAnswer(text=None, problem="empty"))
    assert (silent.answer, silent.contexts) == (None, CASE.contexts)
