"""Reads the content of a span, messages, documents and tool use, from its attributes, events and log records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.telemetry.conventions import names
from genaiops_core.telemetry.conventions.documents import Document, read_documents
from genaiops_core.telemetry.conventions.evaluations import Evaluation, read_evaluations
from genaiops_core.telemetry.conventions.flattened import unflatten
from genaiops_core.telemetry.conventions.messages import (
    Message,
    ToolUse,
    parse_json_text,
    parse_messages,
    to_text,
)

__all__ = ["Content", "Document", "LogRecord", "Message", "ToolUse", "read_content"]


@dataclass(frozen=True, kw_only=True)
class LogRecord:
    """One log record of a span."""

    event_name: str
    time_ns: int
    body: Any
    attributes: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Content:
    """The content of a span, in one shape for every dialect; '' and empty where it has none."""

    messages_in: tuple[Message, ...] = ()
    messages_out: tuple[Message, ...] = ()
    system: str = ""
    query: str = ""
    """The query of a retrieval."""
    documents: tuple[Document, ...] = ()
    tool: ToolUse | None = None
    """The tool that this span ran."""
    agent_name: str = ""
    agent_id: str = ""
    prompt_name: str = ""
    prompt_version: str = ""
    guardrail: str = ""
    finish_reasons: tuple[str, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()


def read_content(
    attributes: Mapping[str, Any],
    events: Iterable[Mapping[str, Any]] = (),
    logs: Iterable[LogRecord] = (),
) -> Content:
    """Read one span.

    Args:
        attributes: of the span.
        events: of the span, each {name, time_ns, attributes}.
        logs: records that name the span, in any order.
    """
    named_events = [*_name_events(events), *_convert_logs(logs)]
    sources = [attributes, *(fields for name, fields in named_events if name == names.DETAILS_EVENT)]
    system, sent = _split_system(_find_messages(sources, names.INPUT_MESSAGES, names.INDEXED_INPUT, "user"))
    received = _find_messages(sources, names.OUTPUT_MESSAGES, names.INDEXED_OUTPUT, "assistant")
    event_input, event_output = _collect_event_messages(named_events)
    # Single messages of events and logs are better than the arguments of a traced function.
    if event_input and not (sent and _has_any(sources, names.INPUT_MESSAGES[:4], names.INDEXED_INPUT)):
        event_system, sent = _split_system(event_input)
        system = system or event_system
    if event_output and not (received and _has_any(sources, names.OUTPUT_MESSAGES[:1], names.INDEXED_OUTPUT)):
        received = event_output
    vercel = _read_vercel_answer(attributes)
    if vercel is not None and not _has_any(sources, names.OUTPUT_MESSAGES[:1], names.INDEXED_OUTPUT):
        received = [vercel]
    system_attribute = _find_first(sources, names.SYSTEM)
    if system_attribute:
        system = "\n".join(message.text for message in parse_messages(system_attribute, "system")) or system
    return Content(
        messages_in=tuple(sent),
        messages_out=tuple(_select_answers(received)),
        system=system,
        query=to_text(_find_first(sources, names.QUERY)),
        documents=read_documents(sources, named_events),
        tool=_read_tool(attributes, received),
        agent_name=to_text(_find_first(sources, names.AGENT_NAME)),
        agent_id=to_text(_find_first(sources, names.AGENT_ID)),
        prompt_name=to_text(_find_first(sources, names.FIELDS["prompt_name"])),
        prompt_version=to_text(_find_first(sources, names.FIELDS["prompt_version"])),
        guardrail=to_text(_find_first(sources, names.FIELDS["guardrail"])),
        finish_reasons=_read_finish_reasons(sources, received),
        evaluations=tuple(read_evaluations(attributes, named_events)),
    )


Event = tuple[str, Mapping[str, Any]]
"""Name and attributes of an event, of the span or from a log record."""


def _name_events(events: Iterable[Mapping[str, Any]]) -> list[Event]:
    return [(str(event.get("name", "")), event.get("attributes") or {}) for event in events]


def _convert_logs(logs: Iterable[LogRecord]) -> list[Event]:
    """Convert log records to events: the fields of the body count as attributes, a text body as the content."""
    events: list[Event] = []
    for record in sorted(logs, key=lambda record: (record.time_ns, record.event_name)):
        body = record.body if isinstance(record.body, Mapping) else parse_json_text(record.body)
        fields = body if isinstance(body, Mapping) else {"content": record.body}
        name = record.event_name or str(record.attributes.get("event.name", ""))
        events.append((name, {**record.attributes, **fields}))
    return events


def _collect_event_messages(events: Sequence[Event]) -> tuple[list[Message], list[Message]]:
    """Collect input and output messages of events of one message each, and of AgentCore's log records."""
    sent: list[Message] = []
    received: list[Message] = []
    for name, fields in events:
        if name in names.MESSAGE_EVENTS:
            sent += _parse_event(fields, names.MESSAGE_EVENTS[name])
        elif name in names.CHOICE_EVENTS:
            received += _parse_event(fields, "assistant")
        elif name != names.DETAILS_EVENT:
            if isinstance(fields.get("input"), Mapping):
                sent += parse_messages(fields["input"], "user")
            if isinstance(fields.get("output"), Mapping):
                received += parse_messages(fields["output"], "assistant")
    return sent, received


def _parse_event(fields: Mapping[str, Any], role: str) -> list[Message]:
    whole = (
        parse_json_text(fields.get("message"))
        or fields.get("message")
        or parse_json_text(fields.get("gen_ai.event.content"))
    )
    if isinstance(whole, Mapping):
        whole = {"role": role, **whole, "finish_reason": fields.get("finish_reason", "")}
    elif whole is not None:
        whole = {"role": role, "content": whole, "finish_reason": fields.get("finish_reason", "")}
    else:
        text = fields.get("content", fields.get("gen_ai.prompt", fields.get("gen_ai.completion", "")))
        whole = {**fields, "role": fields.get("role") or role, "content": parse_json_text(text) or text}
    return parse_messages(whole, role)


def _find_first(sources: Sequence[Mapping[str, Any]], keys: Iterable[str]) -> Any:
    keys = tuple(keys)
    return next(
        (source[name] for source in sources for name in keys if source.get(name) not in (None, "", [])),
        None,
    )


def _has_any(
    sources: Sequence[Mapping[str, Any]], whole: Iterable[str], indexed: Iterable[tuple[str, str]]
) -> bool:
    return _find_first(sources, whole) is not None or any(
        f"{prefix}0.{infix}{key}" in source
        for source in sources
        for prefix, infix in indexed
        for key in ("role", "content", "contents.0.message_content.type")
    )


def _find_messages(
    sources: Sequence[Mapping[str, Any]],
    whole: Sequence[str],
    indexed: Sequence[tuple[str, str]],
    role: str,
) -> list[Message]:
    """Find the messages of the most trusted attribute; numbered attributes come after the first two names."""
    system: list[Message] = []
    for source in sources:
        for candidates in (
            *(parse_messages(source.get(name), role) for name in whole[:2]),
            *(_read_indexed_messages(source, prefix, infix, role) for prefix, infix in indexed),
            *(parse_messages(source.get(name), role) for name in whole[2:]),
        ):
            # Some instrumentations report a message without its content.
            messages = [
                message for message in candidates if message.text or message.tool_calls or message.reasoning
            ]
            if any(message.role != "system" for message in messages):
                return messages if messages[0].role == "system" else [*system, *messages]
            system = system or messages
    return system


def _read_indexed_messages(source: Mapping[str, Any], prefix: str, infix: str, role: str) -> list[Message]:
    """Read messages spread over attributes such as `llm.input_messages.0.message.content`."""
    entries = unflatten(source, prefix)
    messages: list[Message] = []
    for entry in entries:
        fields = entry.get(infix.rstrip("."), entry) if infix and isinstance(entry, Mapping) else entry
        if isinstance(fields, Mapping):
            parts = [
                part.get("message_content", part) if isinstance(part, Mapping) else part
                for part in _get_list(fields, "contents")
            ]
            body = {**fields, **({"content": parts} if parts else {})}
            messages += parse_messages({"content": "", **body, "role": fields.get("role") or role}, role)
        else:
            messages += parse_messages(fields, role)
    return messages


def _get_list(fields: Mapping[str, Any], key: str) -> list[Any]:
    value = fields.get(key)
    return value if isinstance(value, list) else []


def _split_system(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Separate the text of system messages from the other messages."""
    system = "\n".join(message.text for message in messages if message.role == "system" and message.text)
    return system, [message for message in messages if message.role != "system"]


def _select_answers(messages: Sequence[Message]) -> Sequence[Message]:
    """Select the answers, where the output has the complete conversation."""
    return [message for message in messages if message.role not in ("system", "user")] or messages


def _read_vercel_answer(attributes: Mapping[str, Any]) -> Message | None:
    text = attributes.get("ai.response.text", attributes.get("ai.result.text"))
    response_object = attributes.get("ai.response.object")
    calls = parse_json_text(attributes.get("ai.response.toolCalls"))
    if text is None and response_object is None and calls is None:
        return None
    with_calls = parse_messages({"role": "assistant", "content": "", "tool_calls": calls or []}, "assistant")
    return Message(
        role="assistant",
        text=to_text(text or response_object),
        tool_calls=with_calls[0].tool_calls if with_calls else (),
        finish_reason=to_text(attributes.get("ai.response.finishReason")),
    )


def _read_tool(attributes: Mapping[str, Any], received: Sequence[Message]) -> ToolUse | None:
    tool = {field: to_text(_find_first([attributes], keys)) for field, keys in names.TOOL.items()}
    if not tool["name"]:
        return None
    if not tool["arguments"]:
        tool["arguments"] = to_text(
            _find_first(
                [attributes],
                (
                    "gen_ai.input.messages",
                    "input.value",
                    "traceloop.entity.input",
                    "langfuse.observation.input",
                ),
            )
        )
    if not tool["result"]:
        tool["result"] = "\n".join(message.text for message in received if message.text)
    return ToolUse(**tool)


def _read_finish_reasons(
    sources: Sequence[Mapping[str, Any]], received: Sequence[Message]
) -> tuple[str, ...]:
    reasons: list[str] = []
    for name in names.FINISH_REASONS:
        value = _find_first(sources, (name,))
        value = parse_json_text(value) or value
        reasons += [str(reason) for reason in (value if isinstance(value, list) else [value]) if reason]
    reasons += [message.finish_reason for message in received if message.finish_reason]
    return tuple(dict.fromkeys(reasons))
