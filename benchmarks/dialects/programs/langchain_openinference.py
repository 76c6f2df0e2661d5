"""OpenInference's instrumentation of LangChain: chat models of Bedrock and OpenAI, and an agent with a tool."""

import os
from typing import Any

from attributes_openinference import with_attributes
from botocore.config import Config
from langchain.agents import create_agent
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
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
    write_question,
)

start_telemetry()
LangChainInstrumentor().instrument()

bedrock = ChatBedrockConverse(
    model=HAIKU,
    provider="anthropic",
    base_url=BEDROCK,
    region_name=os.environ["AWS_REGION"],
    config=Config(retries={"total_max_attempts": 1}),
)
openai = ChatOpenAI(model=GPT, base_url=OPENAI, max_retries=0, stream_usage=True)


@tool
def find_order(order: str) -> str:
    """Find an order by its number."""
    return TOOL_RESULT


def invoke(model: Any) -> Scenario:
    return lambda scenario: model.invoke([SystemMessage(SYSTEM), HumanMessage(write_question(scenario))])


def stream(model: Any) -> Scenario:
    return lambda scenario: list(
        model.stream([SystemMessage(SYSTEM), HumanMessage(write_question(scenario))])
    )


def run_agent(model: Any) -> Scenario:
    agent = create_agent(model, tools=[find_order], system_prompt=SYSTEM)
    return lambda scenario: agent.invoke(
        {"messages": [{"role": "user", "content": write_question(scenario)}]}
    )


scenarios = {
    "bedrock": invoke(bedrock),
    "bedrock-cached": invoke(bedrock),
    "bedrock-agent-tool": run_agent(bedrock),
    "bedrock-error": invoke(bedrock),
    "bedrock-stream": stream(bedrock),
    "bedrock-stream-cached": stream(bedrock),
    "openai": invoke(openai),
    "openai-cached": invoke(openai),
    "openai-agent-tool": run_agent(openai),
    "openai-error": invoke(openai),
    "openai-stream": stream(openai),
    "openai-stream-cached": stream(openai),
}
run({scenario: with_attributes(call) for scenario, call in scenarios.items()})
