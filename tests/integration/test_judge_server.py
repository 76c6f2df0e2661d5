"""The loopback judge itself: it speaks the wire protocols that the clients of judges speak."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from openai import OpenAI

from tests.conftest import JudgeServer


def test_serves_converse_and_titan(judge_server: JudgeServer) -> None:
    client = boto3.client("bedrock-runtime")
    turn = {"role": "user", "content": [{"text": "Hello"}]}
    reply = client.converse(modelId="amazon.nova-pro-v1:0", messages=[turn])
    assert reply["output"]["message"]["content"][0]["text"] == "An answer to: Hello"
    assert reply["usage"]["inputTokens"] == 1
    body = client.invoke_model(
        modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "red box"})
    )
    assert json.loads(body["body"].read())["inputTextTokenCount"] == 2
    assert judge_server.state()["answered"] == 2


def test_throttles_on_request(judge_server: JudgeServer) -> None:
    judge_server.set(throttle_every=1)
    client = boto3.client("bedrock-runtime", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError, match="ThrottlingException"):
        client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "Hello"}]}])
    assert judge_server.state()["throttled"] == 1


def test_serves_the_openai_api(judge_server: JudgeServer) -> None:
    with OpenAI(base_url=f"{judge_server.url}/v1", api_key="test") as client:
        completion = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Hello"}]
        )
        assert completion.choices[0].message.content == "An answer to: Hello"
        assert len(client.embeddings.create(model="e", input="red box").data[0].embedding) == 64
