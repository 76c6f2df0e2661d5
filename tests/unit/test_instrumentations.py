"""What `make dialects` rests on: its replies are those of the providers, and its result is in the docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.dialects import report
from benchmarks.dialects.comparison import NOT_SENT, RIGHT, WRONG, compare_scenario
from benchmarks.dialects.environments import PROGRAMS, read_pins
from benchmarks.dialects.provider import Provider, run_provider
from benchmarks.dialects.scenarios import (
    CACHED,
    CACHED_BY_OPENAI,
    GPT,
    HAIKU,
    NOVA,
    PLAIN,
    RATES,
    TITAN,
    Bill,
)
from genaiops_core.pricing.prices import PriceList

PINS = read_pins()
AT_NS = 1_796_000_000_000_000_000


@pytest.fixture
def provider() -> Iterator[Provider]:
    with run_provider() as running:
        yield running


@pytest.fixture
def bedrock(provider: Provider) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=provider.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def ask(scenario: str, **more: Any) -> dict[str, Any]:
    content = [{"text": f"Where is it? [{scenario}]"}]
    return {"modelId": HAIKU, "messages": [{"role": "user", "content": content}], **more}


def test_converse_counts_cached_tokens_apart(provider: Provider, bedrock: Any) -> None:
    usage = bedrock.converse(**ask("a-cached"))["usage"]
    assert (usage["inputTokens"], usage["cacheReadInputTokens"], usage["cacheWriteInputTokens"]) == (
        217,
        3011,
        503,
    )
    assert usage["totalTokens"] == 217 + 3011 + 503 + 127
    assert provider.ledger.bills == [Bill(scenario="a-cached", model=HAIKU, usage=CACHED)]


def test_event_stream_is_readable(bedrock: Any) -> None:
    events = list(bedrock.converse_stream(**ask("a-tool"))["stream"])
    assert [next(iter(event)) for event in events] == [
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]


@pytest.mark.parametrize("model", [HAIKU, NOVA])
def test_stream_of_invoke_model_ends_with_metrics(bedrock: Any, model: str) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "Where? [a-cached]"}]})
    events = bedrock.invoke_model_with_response_stream(modelId=model, body=body)["body"]
    chunks = [json.loads(event["chunk"]["bytes"]) for event in events]
    assert chunks[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] == 217


def test_throttling_is_an_error_of_the_sdk(provider: Provider, bedrock: Any) -> None:
    with pytest.raises(ClientError, match="ThrottlingException"):
        bedrock.converse(**ask("a-error"))
    assert provider.ledger.bills[0].is_error


def test_embeddings_of_both_providers(provider: Provider, bedrock: Any) -> None:
    reply = bedrock.invoke_model(modelId=TITAN, body=json.dumps({"inputText": "Where? [a-embedding]"}))
    assert json.loads(reply["body"].read())["inputTextTokenCount"] == 1103
    with open_openai(provider) as client:
        vectors = client.embeddings.create(model="text-embedding-3-small", input="Where? [a-embedding]")
    assert vectors.data[0].embedding == [0.25, 0.5, -0.5]


def open_openai(provider: Provider) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{provider.url}/v1", api_key="test", max_retries=0)


def test_chat_and_responses_stream(provider: Provider) -> None:
    messages: Any = [{"role": "user", "content": "Where? [a-cached]"}]
    with open_openai(provider) as client:
        chunks = list(
            client.chat.completions.create(
                model=GPT, messages=messages, stream=True, stream_options={"include_usage": True}
            )
        )
        events = list(client.responses.create(model=GPT, input="Where? [a-cached]", stream=True))
        without = list(client.chat.completions.create(model=GPT, messages=messages, stream=True))
    usage = chunks[-1].usage
    assert usage and (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (4161, 2944)
    assert events[-1].response.usage.input_tokens == 4161
    assert without[-1].usage is None
    assert [bill.usage for bill in provider.ledger.bills] == [CACHED_BY_OPENAI, CACHED_BY_OPENAI, None]


class FakeConsole:
    """Answers of a console about one trace."""

    def __init__(self, **span: Any) -> None:
        self.span = {
            "name": "chat",
            "is_call": True,
            "is_error": False,
            "status_message": "",
            "input_tokens": 1009,
            "output_tokens": 107,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "cost_usd": "0.0016984",
            "model": HAIKU,
            "attributes": {"model": HAIKU, "in": 1009, "out": 107},
            "events": [],
            "logs": [],
            "scope": {"name": "library"},
            **span,
        }

    def read_trace(self, trace_id: str) -> dict[str, Any]:
        session = {"session_id": "session-a", "user_id": "ada-1815"}
        return {"trace_id": trace_id, "spans": [self.span], "logs": [], **session}

    def read_context(self, _: str) -> dict[str, Any]:
        question = "Where is order A-17-4471? [a]"
        return {"question": question, "answer": "It left the warehouse on Monday (a).\n"}


def judge(bill: Bill, **span: Any) -> dict[str, str]:
    console: Any = FakeConsole(**span)
    return {finding.figure: finding.verdict for finding in compare_scenario(console, "a", ["1"], [bill])}


def test_comparison_tells_wrong_from_not_sent() -> None:
    plain = Bill(scenario="a", model=HAIKU, usage=PLAIN)
    assert set(judge(plain).values()) == {RIGHT}
    assert judge(plain, cost_usd="0.001")["cost"] == WRONG
    verdicts = judge(plain, input_tokens=1, attributes={"out": 107}, model="haiku")
    assert (verdicts["input"], verdicts["model"], verdicts["cost"]) == (NOT_SENT, NOT_SENT, RIGHT)
    cached = Bill(scenario="a", model=HAIKU, usage=CACHED)
    verdicts = judge(cached, attributes={"in": 217, "out": 127})
    assert (verdicts["input"], verdicts["cache read"], verdicts["output"]) == (NOT_SENT, NOT_SENT, WRONG)
    verdicts = judge(cached, attributes={"in": 217, "out": 127, "read": 3011, "written": 503})
    assert (verdicts["input"], verdicts["cache read"]) == (WRONG, WRONG)


def test_rates_are_those_of_the_price_list() -> None:
    """Both were written down apart; a difference is an error in one of them."""
    for model, rates in RATES.items():
        provider = "openai" if model in (GPT, "text-embedding-3-small") else "aws.bedrock"
        cached = 400 if rates.read else 0
        cost = PriceList().cost_nano_usd(provider, model, AT_NS, 1_000, 100, cached)
        assert cost == (1_000 - cached) * rates.input + cached * rates.read + 100 * rates.output, model


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.name)
def test_every_pin_names_its_program_and_version(pin: Any) -> None:
    assert (PROGRAMS / pin.program).is_file()
    for version in pin.version.split(" and "):
        assert any(package.endswith(version) for package in pin.packages)


def test_docs_have_the_committed_result() -> None:
    document = report.DOCUMENT.read_text()
    table = document.split(report.START)[1].split(report.END)[0].strip()
    assert table == report.format_table(report.read_results()).strip()


def test_committed_result_is_complete_and_right() -> None:
    results = report.read_results()
    assert list(results) == [pin.name for pin in PINS]
    for pin in PINS:
        assert results[pin.name]["packages"] == list(pin.packages), pin.name
        assert results[pin.name]["faults"] == {}, pin.name
