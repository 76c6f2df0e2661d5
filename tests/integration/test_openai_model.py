"""An OpenAI-compatible server as a judge's model: what is sent, what is read, and what each failure means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from genaiops_core.evaluation.judges.answers import build_prompt
from genaiops_core.evaluation.judges.protocol import JudgeOptions
from genaiops_core.evaluation.models import openai
from genaiops_core.evaluation.models.openai import OpenAIModel
from genaiops_core.evaluation.models.protocol import CallFailed, Message, Prompt, Refused, Throttled
from tests.scripted_server import ScriptedReply, ScriptedServer, run_scripted_server

Found = TypeVar("Found")


class Verdict(BaseModel):
    verdict: int


FREE = Prompt(messages=(Message(role="user", text="Hello"),))
ASKED = build_prompt("Is it so?", Verdict, JudgeOptions(), system="You judge.")


def build_reply(content: str | None, stop: str = "stop", **message: Any) -> ScriptedReply:
    choice = {
        "index": 0,
        "finish_reason": stop,
        "message": {"role": "assistant", "content": content, **message},
    }
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    return ScriptedReply({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage})


def build_refusal(status: int, message: str, code: str = "", **headers: str) -> ScriptedReply:
    return ScriptedReply({"error": {"message": message, "code": code}}, status, headers)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(openai, "RETRIES", 0)
    with run_scripted_server() as running:
        yield running


def model(server: ScriptedServer, **more: str) -> OpenAIModel:
    return OpenAIModel("qwen", base_url=f"{server.url}/v1", **more)


def using(of: OpenAIModel, call: Callable[[OpenAIModel], Awaitable[Found]]) -> Found:
    async def use_model() -> Found:
        try:
            return await call(of)
        finally:
            await of.close()

    return asyncio.run(use_model())


def test_object_is_requested_by_schema(server: ScriptedServer) -> None:
    server.script(build_reply('{"verdict": 1}'))
    reply = using(model(server, api_key="sk-1"), lambda of: of.ask(ASKED))
    assert reply.text == '{"verdict": 1}'
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cache_read_tokens) == (9, 2, 4)
    request = server.received[0]
    assert (request.path, request.headers["authorization"]) == ("/v1/chat/completions", "Bearer sk-1")
    assert request.body["messages"][0] == {"role": "system", "content": "You judge."}
    assert request.body["response_format"]["json_schema"]["strict"] is True
    assert request.body["max_tokens"] == 4096
    assert "temperature" not in request.body


def test_rejected_schema_methods_fall_back_once(
    server: ScriptedServer,
) -> None:
    no = build_refusal(400, "unknown field")
    server.script(no, no, no, build_reply('Well: {"verdict": 0}'))
    asking = model(server)
    for _ in range(2):
        reply = using(asking, lambda of: of.ask(ASKED))
        assert json.loads(reply.text.removeprefix("Well: ")) == {"verdict": 0}
    bodies = [request.body for request in server.received]
    assert [("response_format" in body, "tools" in body) for body in bodies] == [
        (True, False),
        (False, True),
        (True, False),
        (False, False),
        (False, False),
    ]
    assert "JSON schema" in bodies[-1]["messages"][-1]["content"]


def test_a_tool_call_is_read(server: ScriptedServer) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "Verdict", "arguments": '{"verdict": 1}'}}
    server.script(
        build_refusal(422, "no response_format"), build_reply(None, "tool_calls", tool_calls=[call])
    )
    assert using(model(server), lambda of: of.ask(ASKED)).text == '{"verdict": 1}'


def test_token_limit_field_adapts_to_the_server(
    server: ScriptedServer,
) -> None:
    server.script(
        build_refusal(400, "Use 'max_completion_tokens' instead of 'max_tokens'."), build_reply("Hi")
    )
    assert using(model(server), lambda of: of.ask(FREE)).text == "Hi"
    assert server.received[1].body["max_completion_tokens"] == 4096


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (build_refusal(401, "bad key"), Refused, "Set OPENAI_API_KEY or GENAIOPS_JUDGE_API_KEY"),
        (build_refusal(404, "no such model"), Refused, "Check the model and the address"),
        (build_refusal(429, "no credit", "insufficient_quota"), Refused, "no credit"),
        (build_refusal(400, "too long", "context_length_exceeded"), Refused, "too long"),
        (build_refusal(500, "boom"), CallFailed, "failed with status 500: boom."),
        (ScriptedReply("<html>"), CallFailed, "did not answer with JSON."),
        (ScriptedReply([1]), CallFailed, "did not answer with a JSON object."),
        (build_reply("no", "content_filter"), Refused, "content filter"),
        (build_reply(None, refusal="I will not."), Refused, "qwen refused: I will not."),
        (build_reply("{", "length"), CallFailed, "truncated at 4096 tokens; increase max_tokens"),
    ],
)
def test_each_failure_has_a_remedy(
    server: ScriptedServer, answer: ScriptedReply, kind: type[CallFailed], sentence: str
) -> None:
    server.script(answer)
    with pytest.raises(kind) as raised:
        using(model(server), lambda of: of.ask(ASKED))
    assert type(raised.value) is kind
    assert sentence in str(raised.value)
    assert len(server.received) == 1


def test_throttling_carries_retry_after(server: ScriptedServer) -> None:
    server.script(build_refusal(429, "slow down", **{"retry-after": "7"}))
    with pytest.raises(Throttled, match="throttles qwen: slow down") as raised:
        using(model(server), lambda of: of.ask(ASKED))
    assert raised.value.retry_after_s == 7


def test_unreachable_server_is_reported(server: ScriptedServer) -> None:
    asking = OpenAIModel("qwen", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(CallFailed, match=r"The server at http://127\.0\.0\.1:9/v1 did not answer"):
        using(asking, lambda of: of.ask(FREE))


def test_texts_are_embedded(server: ScriptedServer) -> None:
    server.script(ScriptedReply({"data": [{"embedding": [1, 0.5]}], "usage": {"prompt_tokens": 2}}))
    result = using(model(server, embedding_name="bge-m3"), lambda of: of.embed("red box"))
    assert (result.vector, result.usage.input_tokens) == ((1.0, 0.5), 2)
    assert server.received[0].body["model"] == "bge-m3"
    server.script(build_refusal(404, "no embeddings here"))
    with pytest.raises(Refused, match="has no model bge-m3"):
        using(model(server, embedding_name="bge-m3"), lambda of: of.embed("red box"))


def test_only_openai_itself_has_prices() -> None:
    assert OpenAIModel("m", base_url="https://api.openai.com/v1").provider == "openai"
    assert OpenAIModel("m", base_url="http://localhost:1/v1").provider == ""
