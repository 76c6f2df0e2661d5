"""What a span says to people: messages, documents found, the tool that ran; from its attributes, events and logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genaiops_core.telemetry.conventions import names
from genaiops_core.telemetry.conventions.documents import Document, read_documents
from genaiops_core.telemetry.conventions.evaluations import Evaluation, read_evaluations
from genaiops_core.telemetry.conventions.flattened import unflatten
from genaiops_core.telemetry.conventions.messages import Message, ToolUse, parse_json_text, parse_messages, to_text

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
    """What a span says, in one shape for every dialect; '' and empty where it says nothing."""

    messages_in: tuple[Message, ...] = ()
    messages_out: tuple[Message, ...] = ()
    system: str = ""
    query: str = ""
    """What was searched for, of a retrieval."""
    documents: tuple[Document, ...] = ()
    tool: ToolUse | None = None
    """The tool this span ran."""
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
    told = [*_name_events(events), *_convert_logs(logs)]
    sources = [attributes, *(said for name, said in told if name == names.DETAILS_EVENT)]
    system, sent = _split_system(_find_messages(sources, names.INPUT_MESSAGES, names.INDEXED_INPUT, "user"))
    got = _find_messages(sources, names.OUTPUT_MESSAGES, names.INDEXED_OUTPUT, "assistant")
    by_events = _collect_event_messages(told)
    # What events and logs tell message by message is better than what a span was called with.
    if by_events[0] and not (sent and _has_any(sources, names.INPUT_MESSAGES[:4], names.INDEXED_INPUT)):
        event_system, sent = _split_system(by_events[0])
        system = system or event_system
    if by_events[1] and not (got and _has_any(sources, names.OUTPUT_MESSAGES[:1], names.INDEXED_OUTPUT)):
        got = by_events[1]
    vercel = _read_vercel_answer(attributes)
    if vercel is not None and not _has_any(sources, names.OUTPUT_MESSAGES[:1], names.INDEXED_OUTPUT):
        got = [vercel]
    said_system = _find_first(sources, names.SYSTEM)
    if said_system:
        system = "\n".join(message.text for message in parse_messages(said_system, "system")) or system
    return Content(
        messages_in=tuple(sent),
        messages_out=tuple(_select_answers(got)),
        system=system,
        query=to_text(_find_first(sources, names.QUERY)),
        documents=read_documents(sources, told),
        tool=_read_tool(attributes, got),
        agent_name=to_text(_find_first(sources, names.AGENT_NAME)),
        agent_id=to_text(_find_first(sources, names.AGENT_ID)),
        prompt_name=to_text(_find_first(sources, names.FIELDS["prompt_name"])),
        prompt_version=to_text(_find_first(sources, names.FIELDS["prompt_version"])),
        guardrail=to_text(_find_first(sources, names.FIELDS["guardrail"])),
        finish_reasons=_read_finish_reasons(sources, got),
        evaluations=tuple(read_evaluations(attributes, told)),
    )


Event = tuple[str, Mapping[str, Any]]
"""Name and attributes of an event, of the span or from a log record."""


def _name_events(events: Iterable[Mapping[str, Any]]) -> list[Event]:
    return [(str(event.get("name", "")), event.get("attributes") or {}) for event in events]


def _convert_logs(logs: Iterable[LogRecord]) -> list[Event]:
    """Log records as events: what the body says counts as attributes, a body of text as the content."""
    told: list[Event] = []
    for record in sorted(logs, key=lambda one: (one.time_ns, one.event_name)):
        body = record.body if isinstance(record.body, Mapping) else parse_json_text(record.body)
        said = body if isinstance(body, Mapping) else {"content": record.body}
        name = record.event_name or str(record.attributes.get("event.name", ""))
        told.append((name, {**record.attributes, **said}))
    return told


def _collect_event_messages(told: Sequence[Event]) -> tuple[list[Message], list[Message]]:
    """Messages in and out that events tell one by one, or that AgentCore's log records tell together."""
    sent: list[Message] = []
    got: list[Message] = []
    for name, said in told:
        if name in names.MESSAGE_EVENTS:
            sent += _parse_event(said, names.MESSAGE_EVENTS[name])
        elif name in names.CHOICE_EVENTS:
            got += _parse_event(said, "assistant")
        elif name != names.DETAILS_EVENT:
            if isinstance(said.get("input"), Mapping):
                sent += parse_messages(said["input"], "user")
            if isinstance(said.get("output"), Mapping):
                got += parse_messages(said["output"], "assistant")
    return sent, got


def _parse_event(said: Mapping[str, Any], role: str) -> list[Message]:
    whole = (
        parse_json_text(said.get("message"))
        or said.get("message")
        or parse_json_text(said.get("gen_ai.event.content"))
    )
    if isinstance(whole, Mapping):
        whole = {"role": role, **whole, "finish_reason": said.get("finish_reason", "")}
    elif whole is not None:
        whole = {"role": role, "content": whole, "finish_reason": said.get("finish_reason", "")}
    else:
        text = said.get("content", said.get("gen_ai.prompt", said.get("gen_ai.completion", "")))
        whole = {**said, "role": said.get("role") or role, "content": parse_json_text(text) or text}
    return parse_messages(whole, role)


def _find_first(sources: Sequence[Mapping[str, Any]], wanted: Iterable[str]) -> Any:
    wanted = tuple(wanted)
    return next(
        (source[name] for source in sources for name in wanted if source.get(name) not in (None, "", [])),
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
    """Messages of the most trusted attribute that has some; numbered attributes come after the first two names."""
    system: list[Message] = []
    for source in sources:
        for found in (
            *(parse_messages(source.get(name), role) for name in whole[:2]),
            *(_read_indexed_messages(source, prefix, infix, role) for prefix, infix in indexed),
            *(parse_messages(source.get(name), role) for name in whole[2:]),
        ):
            # Some instrumentations tell that there was a message, but not what it said.
            said = [one for one in found if one.text or one.tool_calls or one.reasoning]
            if any(one.role != "system" for one in said):
                return said if said[0].role == "system" else [*system, *said]
            system = system or said
    return system


def _read_indexed_messages(source: Mapping[str, Any], prefix: str, infix: str, role: str) -> list[Message]:
    """Messages spread over attributes such as `llm.input_messages.0.message.content`."""
    entries = unflatten(source, prefix)
    found = []
    for entry in entries:
        said = entry.get(infix.rstrip("."), entry) if infix and isinstance(entry, Mapping) else entry
        if isinstance(said, Mapping):
            parts = [
                part.get("message_content", part) if isinstance(part, Mapping) else part
                for part in _get_list(said, "contents")
            ]
            body = {**said, **({"content": parts} if parts else {})}
            found += parse_messages({"content": "", **body, "role": said.get("role") or role}, role)
        else:
            found += parse_messages(said, role)
    return found


def _get_list(said: Mapping[str, Any], key: str) -> list[Any]:
    value = said.get(key)
    return value if isinstance(value, list) else []


def _split_system(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """System messages apart from the others."""
    system = "\n".join(message.text for message in messages if message.role == "system" and message.text)
    return system, [message for message in messages if message.role != "system"]


def _select_answers(messages: Sequence[Message]) -> Sequence[Message]:
    """What came back, where a whole conversation is told as the outcome."""
    return [one for one in messages if one.role not in ("system", "user")] or messages


def _read_vercel_answer(attributes: Mapping[str, Any]) -> Message | None:
    text = attributes.get("ai.response.text", attributes.get("ai.result.text"))
    told = attributes.get("ai.response.object")
    calls = parse_json_text(attributes.get("ai.response.toolCalls"))
    if text is None and told is None and calls is None:
        return None
    found = parse_messages({"role": "assistant", "content": "", "tool_calls": calls or []}, "assistant")
    return Message(
        role="assistant",
        text=to_text(text or told),
        tool_calls=found[0].tool_calls if found else (),
        finish_reason=to_text(attributes.get("ai.response.finishReason")),
    )


def _read_tool(attributes: Mapping[str, Any], got: Sequence[Message]) -> ToolUse | None:
    said = {field: to_text(_find_first([attributes], wanted)) for field, wanted in names.TOOL.items()}
    if not said["name"]:
        return None
    if not said["arguments"]:
        said["arguments"] = to_text(
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
    if not said["result"]:
        said["result"] = "\n".join(message.text for message in got if message.text)
    return ToolUse(**said)


def _read_finish_reasons(sources: Sequence[Mapping[str, Any]], got: Sequence[Message]) -> tuple[str, ...]:
    reasons: list[str] = []
    for name in names.FINISH_REASONS:
        value = _find_first(sources, (name,))
        value = parse_json_text(value) or value
        reasons += [str(one) for one in (value if isinstance(value, list) else [value]) if one]
    reasons += [message.finish_reason for message in got if message.finish_reason]
    return tuple(dict.fromkeys(reasons))
