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
from tests.scripted_server import Scripted, ScriptedServer, scripted_server

Found = TypeVar("Found")


class Verdict(BaseModel):
    verdict: int


FREE = Prompt(messages=(Message(role="user", text="Hello"),))
ASKED = build_prompt("Is it so?", Verdict, JudgeOptions(), system="You judge.")


def said(content: str | None, stop: str = "stop", **message: Any) -> Scripted:
    choice = {
        "index": 0,
        "finish_reason": stop,
        "message": {"role": "assistant", "content": content, **message},
    }
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    return Scripted({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage})


def refused(status: int, message: str, code: str = "", **headers: str) -> Scripted:
    return Scripted({"error": {"message": message, "code": code}}, status, headers)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(openai, "RETRIES", 0)
    with scripted_server() as running:
        yield running


def model(server: ScriptedServer, **more: str) -> OpenAIModel:
    return OpenAIModel("qwen", base_url=f"{server.url}/v1", **more)


def using(of: OpenAIModel, call: Callable[[OpenAIModel], Awaitable[Found]]) -> Found:
    async def used() -> Found:
        try:
            return await call(of)
        finally:
            await of.close()

    return asyncio.run(used())


def test_an_object_is_asked_for_by_its_schema(server: ScriptedServer) -> None:
    server.script(said('{"verdict": 1}'))
    reply = using(model(server, api_key="sk-1"), lambda of: of.ask(ASKED))
    assert reply.text == '{"verdict": 1}'
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cache_read_tokens) == (9, 2, 4)
    asked = server.asked[0]
    assert (asked.path, asked.headers["authorization"]) == ("/v1/chat/completions", "Bearer sk-1")
    assert asked.body["messages"][0] == {"role": "system", "content": "You judge."}
    assert asked.body["response_format"]["json_schema"]["strict"] is True
    assert asked.body["max_tokens"] == 4096
    assert "temperature" not in asked.body


def test_a_server_without_keys_and_structures_is_asked_in_words_and_that_is_remembered(
    server: ScriptedServer,
) -> None:
    no = refused(400, "unknown field")
    server.script(no, no, no, said('Well: {"verdict": 0}'))
    asking = model(server)
    for _ in range(2):
        reply = using(asking, lambda of: of.ask(ASKED))
        assert json.loads(reply.text.removeprefix("Well: ")) == {"verdict": 0}
    bodies = [asked.body for asked in server.asked]
    assert [("response_format" in one, "tools" in one) for one in bodies] == [
        (True, False),
        (False, True),
        (True, False),
        (False, False),
        (False, False),
    ]
    assert "JSON schema" in bodies[-1]["messages"][-1]["content"]


def test_a_tool_call_is_read(server: ScriptedServer) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "Verdict", "arguments": '{"verdict": 1}'}}
    server.script(refused(422, "no response_format"), said(None, "tool_calls", tool_calls=[call]))
    assert using(model(server), lambda of: of.ask(ASKED)).text == '{"verdict": 1}'


def test_the_name_of_the_token_limit_is_changed_where_the_server_wants_another(
    server: ScriptedServer,
) -> None:
    server.script(refused(400, "Use 'max_completion_tokens' instead of 'max_tokens'."), said("Hi"))
    assert using(model(server), lambda of: of.ask(FREE)).text == "Hi"
    assert server.asked[1].body["max_completion_tokens"] == 4096


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (refused(401, "bad key"), Refused, "Set OPENAI_API_KEY or GENAIOPS_JUDGE_API_KEY"),
        (refused(404, "no such model"), Refused, "Check the model and the address"),
        (refused(429, "no credit", "insufficient_quota"), Refused, "no credit"),
        (refused(400, "too long", "context_length_exceeded"), Refused, "too long"),
        (refused(500, "boom"), CallFailed, "failed with status 500: boom."),
        (Scripted("<html>"), CallFailed, "did not answer with JSON."),
        (Scripted([1]), CallFailed, "did not answer with a JSON object."),
        (said("no", "content_filter"), Refused, "content filter"),
        (said(None, refusal="I will not."), Refused, "qwen refused: I will not."),
        (said("{", "length"), CallFailed, "cut at 4096 tokens; raise max_tokens"),
    ],
)
def test_each_failure_says_what_it_means(
    server: ScriptedServer, answer: Scripted, kind: type[CallFailed], sentence: str
) -> None:
    server.script(answer)
    with pytest.raises(kind) as raised:
        using(model(server), lambda of: of.ask(ASKED))
    assert type(raised.value) is kind
    assert sentence in str(raised.value)
    assert len(server.asked) == 1


def test_throttling_says_when_to_come_back(server: ScriptedServer) -> None:
    server.script(refused(429, "slow down", **{"retry-after": "7"}))
    with pytest.raises(Throttled, match="throttles qwen: slow down") as raised:
        using(model(server), lambda of: of.ask(ASKED))
    assert raised.value.retry_after_s == 7


def test_a_server_that_is_not_there_is_said(server: ScriptedServer) -> None:
    asking = OpenAIModel("qwen", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(CallFailed, match=r"The server at http://127\.0\.0\.1:9/v1 did not answer"):
        using(asking, lambda of: of.ask(FREE))


def test_texts_are_placed(server: ScriptedServer) -> None:
    server.script(Scripted({"data": [{"embedding": [1, 0.5]}], "usage": {"prompt_tokens": 2}}))
    found = using(model(server, embedding_name="bge-m3"), lambda of: of.embed("red box"))
    assert (found.vector, found.usage.input_tokens) == ((1.0, 0.5), 2)
    assert server.asked[0].body["model"] == "bge-m3"
    server.script(refused(404, "no embeddings here"))
    with pytest.raises(Refused, match="knows no bge-m3"):
        using(model(server, embedding_name="bge-m3"), lambda of: of.embed("red box"))


def test_prices_are_known_of_openai_itself_only() -> None:
    assert OpenAIModel("m", base_url="https://api.openai.com/v1").provider == "openai"
    assert OpenAIModel("m", base_url="http://localhost:1/v1").provider == ""
