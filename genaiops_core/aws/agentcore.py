"""Amazon Bedrock AgentCore: evaluate the spans of a session on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genaiops_core.aws.bedrock import call


def evaluate(
    client: Any,
    *,
    evaluator: str,
    spans: Sequence[Mapping[str, Any]],
    trace_id: str,
    references: Sequence[Mapping[str, Any]] = (),
) -> tuple[list[dict[str, Any]], int]:
    """What an evaluator says of one trace, and how often the SDK repeated the call.

    Args:
        client: of `bedrock-agentcore`.
        evaluator: ID, for example `Builtin.Faithfulness`.
        spans: spans and their events in the form of OpenTelemetry, as ADOT writes them.
        trace_id: 32 hex digits; which trace among the spans.
        references: `evaluationReferenceInputs` of the API.

    Raises:
        BedrockFailed: there is no result.
    """
    request: dict[str, Any] = {
        "evaluatorId": evaluator,
        "evaluationInput": {"sessionSpans": list(spans)},
        "evaluationTarget": {"traceIds": [trace_id]},
    }
    if references:
        request["evaluationReferenceInputs"] = list(references)
    reply = call(client.evaluate, request)
    return list(reply.get("evaluationResults") or ()), int(reply["ResponseMetadata"].get("RetryAttempts", 0))


def list_evaluators(client: Any) -> dict[str, str]:
    """ID -> level (TOOL_CALL, TRACE or SESSION) of the evaluators there are.

    Args:
        client: of `bedrock-agentcore-control`.

    Raises:
        BedrockFailed: they cannot be listed.
    """
    levels: dict[str, str] = {}
    request: dict[str, Any] = {}
    while True:
        page = call(client.list_evaluators, request)
        levels.update(
            {evaluator["evaluatorId"]: evaluator.get("level", "") for evaluator in page.get("evaluators", ())}
        )
        if not page.get("nextToken"):
            return levels
        request = {"nextToken": page["nextToken"]}
