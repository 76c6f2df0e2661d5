"""Judges behind real servers: where their key goes, and which addresses they reach, also after a redirect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from genaiops_core.evaluation.judges import create_judge
from genaiops_core.evaluation.models import openai
from genaiops_core.evaluation.models.protocol import CallFailed, Message, Prompt, Refused
from tests.scripted_server import ScriptedReply, ScriptedServer, run_scripted_server

PROMPT = Prompt(messages=(Message(role="user", text="Hello"),))
REPLY = ScriptedReply({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(openai, "RETRIES", 0)
    monkeypatch.setenv("GENAIOPS_JUDGE_API_KEY", "sk-judge")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with run_scripted_server() as running:
        yield running


def ask(url: str) -> str:
    async def ask_once() -> str:
        model = create_judge(f"openai:m@{url}/v1").model
        assert model is not None
        try:
            return (await model.ask(PROMPT)).text
        finally:
            await model.close()

    return asyncio.run(ask_once())


def read_keys(server: ScriptedServer) -> list[str | None]:
    return [
        {name.lower(): value for name, value in request.headers.items()}.get("authorization")
        for request in server.received
    ]


def test_key_goes_only_to_named_hosts(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.script(REPLY)
    assert ask(server.url) == "Hi"
    monkeypatch.setenv("GENAIOPS_JUDGE_API_HOSTS", "127.0.0.1")
    assert ask(server.url) == "Hi"
    assert read_keys(server) == ["Bearer none", "Bearer sk-judge"]


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("http://169.254.169.254/latest/meta-data", "a link-local or metadata address"),
        ("http://10.0.0.1/v1", "an address of a private network"),
        ("http://[fd12::1]/v1", "an address of a private network"),
        ("http://localhost:1/v1", "this machine, after a redirect"),
    ],
)
def test_redirect_to_an_inner_address_is_refused(server: ScriptedServer, location: str, problem: str) -> None:
    server.script(ScriptedReply("", 307, {"location": location}))
    with pytest.raises(Refused, match=problem):
        ask(server.url)
    assert len(server.received) == 1


def test_redirect_within_the_host_is_followed_without_key(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAIOPS_JUDGE_API_HOSTS", server.url.removeprefix("http://"))
    with run_scripted_server() as other:
        other.script(REPLY)
        server.script(ScriptedReply("", 307, {"location": f"{other.url}/v1/chat/completions"}))
        assert ask(server.url) == "Hi"
        assert (read_keys(server), read_keys(other)) == (["Bearer sk-judge"], [None])


@pytest.mark.parametrize("address", ["10.255.255.1", "192.168.255.1", "2852039166"])
def test_inner_address_of_a_judge_is_refused(server: ScriptedServer, address: str) -> None:
    with pytest.raises(Refused, match=r"resolves to .*, an? (address of a private network|link-local)"):
        ask(f"http://{address}")


def test_operator_may_allow_a_private_network(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAIOPS_PRIVATE_HOSTS", "127.0.0.0/8, localhost")
    server.script(ScriptedReply("", 307, {"location": "http://localhost:1/v1"}))
    # Allowed, and nothing listens there.
    with pytest.raises(CallFailed, match="did not answer"):
        ask(server.url)
