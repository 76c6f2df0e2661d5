"""A Strands agent on Bedrock, with Strands' own telemetry; session and user by `trace_attributes`."""

import os

from botocore.config import Config
from strands import Agent, ModelRetryStrategy, tool
from strands.models import BedrockModel
from support import (
    BEDROCK,
    HAIKU,
    SYSTEM,
    TOOL_RESULT,
    USER,
    name_session,
    run,
    start_telemetry,
    write_question,
)

start_telemetry()


@tool
def find_order(order: str) -> str:
    """Find an order by its number."""
    return TOOL_RESULT


def make_agent(scenario: str, *, streaming: bool) -> Agent:
    model = BedrockModel(
        model_id=HAIKU,
        streaming=streaming,
        endpoint_url=BEDROCK,
        region_name=os.environ["AWS_REGION"],
        boto_client_config=Config(retries={"total_max_attempts": 1}),
    )
    return Agent(
        model=model,
        tools=[find_order],
        system_prompt=SYSTEM,
        callback_handler=None,
        retry_strategy=ModelRetryStrategy(max_attempts=1),
        trace_attributes={"session.id": name_session(scenario), "user.id": USER},
    )


def ask(scenario: str) -> None:
    make_agent(scenario, streaming=False)(write_question(scenario))


def ask_streaming(scenario: str) -> None:
    make_agent(scenario, streaming=True)(write_question(scenario))


run(
    {
        "agent": ask,
        "agent-cached": ask,
        "agent-tool": ask,
        "agent-error": ask,
        "agent-stream": ask_streaming,
        "agent-stream-cached": ask_streaming,
        "agent-stream-tool": ask_streaming,
        "agent-stream-error": ask_streaming,
    }
)
