"""A test case as the telemetry of an agent, the input of AgentCore's evaluators.

One `invoke_agent` span and its event record, as ADOT writes them for Strands agents (scope `strands.telemetry.tracer`):
the span has no texts, the record of the same trace and span has the messages. The contexts of a case become a tool span
with a record, as the result of a retrieval.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.evaluation.datasets.case import Case

SCOPE = "strands.telemetry.tracer"
# The service requires times, but a case has none: fixed times make equal cases equal calls for the call cache.
_START_NS = 1_700_000_000_000_000_000
_SECOND_NS = 1_000_000_000
_TOOL_CALL_ID = "retrieve-1"
_RESOURCE = {"attributes": {"service.name": "genaiops"}}


@dataclass(frozen=True, kw_only=True)
class CaseSpans:
    """A case as spans and event records."""

    session_id: str
    trace_id: str
    spans: tuple[Mapping[str, Any], ...]
    references: tuple[Mapping[str, Any], ...]
    """`evaluationReferenceInputs`; empty when the case has no reference."""


def build_case_spans(case: Case) -> CaseSpans:
    """The spans of a case; their IDs are hashes of its texts."""
    # Hashes instead of random IDs: equal cases must be equal calls for the call cache.
    digest = hashlib.sha256(json.dumps(case.as_json(), sort_keys=True, default=str).encode()).hexdigest()
    trace_id, root, tool = digest[:32], digest[32:48], digest[48:64]
    session_id = f"genaiops-{digest[:24]}"
    retrieval: list[Mapping[str, Any]] = []
    input_messages = [_build_message("user", case.input)]
    if case.contexts:
        retrieval = _build_retrieval(case, trace_id, tool, root, session_id)
    output_messages = [_build_message("assistant", case.answer or "", finish_reason="end_turn")]
    spans = (
        _build_span(
            "invoke_agent",
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "case"},
            trace_id,
            root,
            session_id,
        ),
        _build_record(input_messages, output_messages, trace_id, root, session_id),
        *retrieval,
    )
    return CaseSpans(
        session_id=session_id,
        trace_id=trace_id,
        spans=spans,
        references=_build_references(case, session_id, trace_id),
    )


def _build_retrieval(
    case: Case, trace_id: str, span_id: str, parent: str, session_id: str
) -> list[Mapping[str, Any]]:
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "retrieve"}
    documents = "\n\n".join(case.contexts or ())
    return [
        _build_span("execute_tool retrieve", attributes, trace_id, span_id, session_id, parent=parent),
        _build_record(
            [
                _build_message(
                    "tool",
                    json.dumps({"query": case.input}, ensure_ascii=False),
                    role="tool",
                    id=_TOOL_CALL_ID,
                )
            ],
            [_build_message("assistant", documents, id=_TOOL_CALL_ID)],
            trace_id,
            span_id,
            session_id,
        ),
    ]


def _build_span(
    name: str,
    attributes: Mapping[str, str],
    trace_id: str,
    span_id: str,
    session_id: str,
    *,
    parent: str = "",
) -> Mapping[str, Any]:
    return {
        "resource": _RESOURCE,
        "scope": {"name": SCOPE},
        "traceId": trace_id,
        "spanId": span_id,
        **({"parentSpanId": parent} if parent else {}),
        "name": name,
        "kind": "INTERNAL",
        "startTimeUnixNano": _START_NS,
        "endTimeUnixNano": _START_NS + _SECOND_NS,
        "durationNano": _SECOND_NS,
        "attributes": {**attributes, "session.id": session_id},
        "status": {"code": "OK"},
    }


def _build_record(
    input_messages: Sequence[Mapping[str, Any]],
    output_messages: Sequence[Mapping[str, Any]],
    trace_id: str,
    span_id: str,
    session_id: str,
) -> Mapping[str, Any]:
    return {
        "resource": _RESOURCE,
        "scope": {"name": SCOPE},
        "timeUnixNano": _START_NS + _SECOND_NS,
        "observedTimeUnixNano": _START_NS + _SECOND_NS,
        "severityNumber": 9,
        "severityText": "",
        "body": {"input": {"messages": list(input_messages)}, "output": {"messages": list(output_messages)}},
        "attributes": {"event.name": SCOPE, "session.id": session_id},
        "traceId": trace_id,
        "spanId": span_id,
    }


def _build_message(sender: str, text: str, **fields: str) -> Mapping[str, Any]:
    """One message of a record; `fields` are added beside the text."""
    # ADOT names the text of an answer `message` and every other text `content`.
    return {"role": sender, "content": {"message" if sender == "assistant" else "content": text, **fields}}


def _build_references(case: Case, session_id: str, trace_id: str) -> tuple[Mapping[str, Any], ...]:
    if not case.reference:
        return ()
    context = {"spanContext": {"sessionId": session_id, "traceId": trace_id}}
    return ({"context": context, "expectedResponse": {"text": case.reference}},)
