"""pydantic-ai agents on Bedrock and OpenAI, with their own telemetry, in a traced application."""

import os
from typing import Any

import boto3
from botocore.config import Config
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.bedrock import BedrockProvider
from pydantic_ai.providers.openai import OpenAIProvider
from support import (
    BEDROCK,
    GPT,
    HAIKU,
    OPENAI,
    SYSTEM,
    TOOL_RESULT,
    Scenario,
    run,
    start_telemetry,
    with_entry_span,
    write_question,
)

start_telemetry()
Agent.instrument_all()

runtime = boto3.client(
    "bedrock-runtime",
    endpoint_url=BEDROCK,
    region_name=os.environ["AWS_REGION"],
    config=Config(retries={"total_max_attempts": 1}),
)
provider = OpenAIProvider(openai_client=AsyncOpenAI(base_url=OPENAI, max_retries=0))
bedrock = BedrockConverseModel(HAIKU, provider=BedrockProvider(bedrock_client=runtime))
chat = OpenAIChatModel(GPT, provider=provider)
responses = OpenAIResponsesModel(GPT, provider=provider)


def build_agent(model: Any) -> Agent:
    agent = Agent(model, instructions=SYSTEM)

    @agent.tool_plain
    def find_order(order: str) -> str:
        """Find an order by its number."""
        return TOOL_RESULT

    return agent


def ask(model: Any) -> Scenario:
    return lambda scenario: build_agent(model).run_sync(write_question(scenario))


def ask_streaming(model: Any) -> Scenario:
    def run_scenario(scenario: str) -> None:
        for _ in build_agent(model).run_stream_sync(write_question(scenario)).stream_text():
            pass

    return run_scenario


scenarios: dict[str, Scenario] = {}
for name, model in (("bedrock", bedrock), ("chat", chat), ("responses", responses)):
    scenarios |= {f"{name}{kind}": ask(model) for kind in ("", "-cached", "-tool", "-error")}
    scenarios |= {f"{name}-stream{kind}": ask_streaming(model) for kind in ("", "-cached")}
run({scenario: with_entry_span(call) for scenario, call in scenarios.items()})
