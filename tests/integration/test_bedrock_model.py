"""Bedrock as a judge's model: what is sent, what is read, and what each failure means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from genaiops_core.aws import clients
from genaiops_core.evaluation.judges.answers import build_prompt, build_repair_prompt
from genaiops_core.evaluation.judges.protocol import JudgeOptions
from genaiops_core.evaluation.models.bedrock import BedrockModel
from genaiops_core.evaluation.models.protocol import (
    CallFailed,
    Embedding,
    Message,
    Prompt,
    Refused,
    Reply,
    Throttled,
)
from tests.conftest import JudgeServer
from tests.scripted_server import ScriptedReply, ScriptedServer, run_scripted_server


class Verdict(BaseModel):
    verdict: int


FREE = Prompt(messages=(Message(role="user", text="Hello"),))
ASKED = build_prompt("Is it so?", Verdict, JudgeOptions(temperature=0.2), system="You judge.")
USAGE = {"inputTokens": 10, "outputTokens": 3, "cacheReadInputTokens": 100, "cacheWriteInputTokens": 7}


def build_reply(*content: Any, stop_reason: str = "end_turn") -> ScriptedReply:
    message = {"role": "assistant", "content": list(content)}
    return ScriptedReply(
        {"output": {"message": message}, "stopReason": stop_reason, "usage": {**USAGE, "totalTokens": 120}}
    )


TOOL = build_reply(
    {"toolUse": {"toolUseId": "t", "name": "Verdict", "input": {"verdict": 1}}}, stop_reason="tool_use"
)


def build_refusal(code: str, message: str, status: int = 400, **headers: str) -> ScriptedReply:
    return ScriptedReply({"message": message}, status, {"x-amzn-ErrorType": code, **headers})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    with run_scripted_server() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", running.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        yield running


def model(name: str = "some.model-v1:0", **more: str) -> BedrockModel:
    def make() -> Any:
        clients.client.cache_clear()
        return clients.client("bedrock-runtime", attempts=1)

    return BedrockModel(name, make_client=make, **more)


def ask(prompt: Prompt = ASKED, of: BedrockModel | None = None) -> Reply:
    async def send() -> Reply:
        asking = of or model()
        try:
            return await asking.ask(prompt)
        finally:
            await asking.close()

    return asyncio.run(send())


def test_object_is_requested_by_forced_tool(server: ScriptedServer) -> None:
    server.script(TOOL)
    reply = ask(of=model(guardrail="gr-1:2"))
    assert json.loads(reply.text) == {"verdict": 1}
    request = server.received[0]
    assert request.path == "/model/some.model-v1%3A0/converse"
    assert request.body["system"] == [{"text": "You judge."}]
    assert request.body["inferenceConfig"] == {"maxTokens": 4096, "temperature": 0.2}
    assert request.body["toolConfig"]["toolChoice"] == {"tool": {"name": "Verdict"}}
    assert request.body["guardrailConfig"] == {"guardrailIdentifier": "gr-1", "guardrailVersion": "2"}
    assert "eu-west-1" in request.headers["Authorization"]


def test_only_what_is_set_is_sent(server: ScriptedServer) -> None:
    server.script(build_reply({"text": "Hi "}, {"text": "there"}))
    assert ask(FREE).text == "Hi there"
    body = server.received[0].body
    assert body == {
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"maxTokens": 4096},
    }


def test_cached_tokens_are_part_of_the_input(server: ScriptedServer) -> None:
    server.script(TOOL)
    usage = ask().usage
    assert (usage.input_tokens, usage.output_tokens) == (117, 3)
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (100, 7)


def test_rejected_tools_fall_back_once(
    server: ScriptedServer,
) -> None:
    good = build_reply({"text": '{"verdict": 0}'})
    server.script(
        build_refusal(
            "ValidationException", "This model doesn't support the toolConfig.toolChoice.tool field."
        ),
        build_refusal("ValidationException", "This model doesn't support tool use."),
        build_refusal("ValidationException", "outputConfig is not supported by this model."),
        good,
    )
    asking = model()
    assert json.loads(ask(of=asking).text) == {"verdict": 0}
    ask(build_repair_prompt(ASKED, ask(of=asking), "nonsense"), of=asking)
    tried = [request.body for request in server.received]
    assert tried[1]["toolConfig"]["toolChoice"] == {"any": {}}
    structure = tried[2]["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert json.loads(structure["schema"])["additionalProperties"] is False
    for body in tried[3:]:
        assert "toolConfig" not in body and "outputConfig" not in body
        assert "JSON schema" in body["messages"][-1]["content"][-1]["text"]
    assert len(tried) == 6


def test_system_prompt_moves_to_first_message_if_rejected(server: ScriptedServer) -> None:
    server.script(build_refusal("ValidationException", "This model doesn't support system prompts."), TOOL)
    ask()
    assert server.received[1].body["messages"][0]["content"] == [
        {"text": "You judge."},
        {"text": "Is it so?"},
    ]
    assert "system" not in server.received[1].body


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (build_refusal("ThrottlingException", "Too many requests", 429), Throttled, "throttles some.model"),
        (build_refusal("ModelNotReadyException", "Not ready", 429), Throttled, "throttles"),
        (build_refusal("AccessDeniedException", "No access", 403), Refused, "allow bedrock:InvokeModel"),
        (build_refusal("ExpiredTokenException", "Expired", 403), Refused, "valid AWS credentials"),
        (build_refusal("ResourceNotFoundException", "Gone", 404), Refused, "Check the ID and the region"),
        (
            build_refusal("ValidationException", "The provided model identifier is invalid."),
            Refused,
            "has no model some.model-v1:0",
        ),
        (
            build_refusal("ValidationException", "Invocation with on-demand throughput isn't supported."),
            Refused,
            "for example us.some.model-v1:0",
        ),
        (build_refusal("ValidationException", "Input is too long."), Refused, "rejects the call"),
        (
            build_refusal("InternalServerException", "Boom", 500),
            CallFailed,
            "(InternalServerException): Boom.",
        ),
        (build_reply({"text": "no"}, stop_reason="guardrail_intervened"), Refused, "guardrail blocked"),
        (build_reply({"text": "no"}, stop_reason="content_filtered"), Refused, "content filter"),
        (
            build_reply({"text": "{"}, stop_reason="max_tokens"),
            CallFailed,
            "truncated at 4096 tokens; increase max_tokens",
        ),
    ],
)
def test_each_failure_has_a_remedy(
    server: ScriptedServer, answer: ScriptedReply, kind: type[CallFailed], sentence: str
) -> None:
    server.script(answer)
    with pytest.raises(kind) as raised:
        ask()
    assert type(raised.value) is kind
    assert sentence in str(raised.value)
    # What came back useless was paid for all the same.
    assert (raised.value.usage is not None) == (answer.status == 200)


def test_missing_credentials_or_region_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(Refused, match="Set AWS_REGION"):
        ask()
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(Refused, match="needs valid AWS credentials"):
        ask()


def embed(text: str, of: BedrockModel) -> Embedding:
    async def send() -> Embedding:
        try:
            return await of.embed(text)
        finally:
            await of.close()

    return asyncio.run(send())


def test_titan_and_cohere_embed_texts(server: ScriptedServer) -> None:
    server.script(ScriptedReply({"embedding": [0.5, 1], "inputTextTokenCount": 4}))
    embedding = embed("red box", model())
    assert (embedding.vector, embedding.usage.input_tokens, embedding.usage.output_tokens) == (
        (0.5, 1.0),
        4,
        0,
    )
    assert server.received[0].path == "/model/amazon.titan-embed-text-v2%3A0/invoke"
    assert server.received[0].body == {"inputText": "red box", "dimensions": 512, "normalize": True}
    server.script(
        ScriptedReply({"embeddings": {"float": [[1, 2]]}}, headers={"x-amzn-bedrock-input-token-count": "3"})
    )
    embedding = embed("red box", model(embedding_name="cohere.embed-v4:0"))
    assert (embedding.vector, embedding.usage.input_tokens) == ((1.0, 2.0), 3)
    server.script(ScriptedReply({"nothing": 1}))
    with pytest.raises(CallFailed, match="cannot be read"):
        embed("red box", model())


def test_many_calls_are_in_flight_at_once(judge_server: JudgeServer) -> None:
    # Longer than a busy host takes to open all connections.
    judge_server.set(delay_s=5.0)

    async def many() -> None:
        asking = BedrockModel("m", make_client=lambda: clients.client("bedrock-runtime", connections=64))
        await asyncio.gather(*(asking.ask(FREE) for _ in range(48)))
        await asking.close()

    clients.client.cache_clear()
    asyncio.run(many())
    clients.client.cache_clear()
    assert judge_server.state()["most_in_flight"] > 32
