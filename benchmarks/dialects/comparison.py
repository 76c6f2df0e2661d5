"""Compares what the console says about a scenario with what the provider billed and the application asked.

A figure is `right`, `wrong`, or `not sent`: then the number or the text occurs in no attribute, event or log record of
the scenario's spans, so that no reader could know it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from benchmarks.dialects.console import Console
from benchmarks.dialects.scenarios import (
    RATES,
    USER,
    Bill,
    find_kind,
    name_session,
    write_answer,
    write_question,
)
from genaiops_core.telemetry.conventions import LogRecord, read_content

RIGHT, NOT_SENT, WRONG = "right", "not sent", "wrong"
FIGURES = (
    "requests",
    "calls",
    "errors",
    "input",
    "output",
    "cache read",
    "cache write",
    "cost",
    "model",
    "session",
    "user",
    "question",
    "answer",
    "tool",
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One figure of one scenario."""

    scenario: str
    figure: str
    verdict: str
    truth: Any
    value: Any


def compare_scenario(
    console: Console, scenario: str, trace_ids: Sequence[str], bills: Sequence[Bill]
) -> list[Finding]:
    """Compare every figure of one scenario."""
    traces = [trace for trace_id in trace_ids if (trace := console.read_trace(trace_id)) is not None]
    contexts = [console.read_context(trace["trace_id"]) for trace in traces]
    truth = _state_truth(scenario, bills)
    values = _read_values(traces, contexts)
    sent = _collect_sent(traces)
    # The application's own span reports no call.
    spans = sum(span["scope"].get("name") != "application" for trace in traces for span in trace["spans"])
    findings = []
    for figure in FIGURES:
        if figure not in truth:
            continue
        if truth[figure] == values[figure]:
            verdict = RIGHT
        elif _is_sent(figure, bills, truth, sent, spans):
            verdict = WRONG
        else:
            verdict = NOT_SENT
        findings.append(
            Finding(
                scenario=scenario,
                figure=figure,
                verdict=verdict,
                truth=truth[figure],
                value=values[figure],
            )
        )
    return findings


def _state_truth(scenario: str, bills: Sequence[Bill]) -> dict[str, Any]:
    usages = [bill.usage for bill in bills if bill.usage is not None]
    kind = find_kind(scenario)
    truth: dict[str, Any] = {
        "requests": 1,
        "calls": len(bills),
        "errors": sum(bill.is_error for bill in bills),
        "input": sum(usage.input for usage in usages),
        "output": sum(usage.output for usage in usages),
        "cache read": sum(usage.read for usage in usages),
        "cache write": sum(usage.written for usage in usages),
        "cost": _price(bills),
        "model": sorted({bill.model for bill in bills}),
        "session": name_session(scenario),
        "user": USER,
    }
    if not scenario.endswith("embedding"):
        truth["question"] = write_question(scenario)
    if kind != "error" and not scenario.endswith("embedding"):
        truth["answer"] = write_answer(scenario)
    if kind == "tool":
        truth["tool"] = ["find_order"]
    return truth


def _price(bills: Sequence[Bill]) -> str | None:
    """The cost in USD; None where a call failed or its usage was not asked for."""
    if any(bill.usage is None for bill in bills):
        return None
    nano_usd = sum(RATES[bill.model].price(bill.usage) for bill in bills if bill.usage is not None)
    return str((Decimal(nano_usd) / 10**9).normalize())


def _read_values(traces: Sequence[dict[str, Any]], contexts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    spans = [span for trace in traces for span in trace["spans"]]
    calls = [span for span in spans if span["is_call"]]
    cost = sum((Decimal(span["cost_usd"]) for span in calls if span["cost_usd"] is not None), Decimal(0))
    is_priced = bool(calls) and all(span["cost_usd"] is not None for span in calls)
    tools = {name for span in spans for name in _list_tool_calls(span)}
    return {
        "requests": len(traces),
        "calls": len(calls),
        "errors": sum(span["is_error"] for span in calls),
        "input": sum(span["input_tokens"] or 0 for span in calls),
        "output": sum(span["output_tokens"] or 0 for span in calls),
        "cache read": sum(span["cache_read_tokens"] or 0 for span in calls),
        "cache write": sum(span["cache_write_tokens"] or 0 for span in calls),
        "cost": str(cost.normalize()) if is_priced else None,
        "model": sorted({span["model"] or "" for span in calls}),
        "session": _find_first(trace["session_id"] for trace in traces),
        "user": _find_first(trace["user_id"] for trace in traces),
        "question": _find_first(context["question"] for context in contexts),
        "answer": _find_first(context["answer"] for context in contexts),
        "tool": sorted(tools),
    }


def _list_tool_calls(span: Mapping[str, Any]) -> list[str]:
    logs = [
        LogRecord(
            event_name=log["event_name"],
            time_ns=log["time_ns"],
            body=log["body"],
            attributes=log["attributes"],
        )
        for log in span["logs"]
    ]
    content = read_content(span["attributes"], span["events"], logs)
    return [call.name for message in content.messages_out for call in message.tool_calls]


def _find_first(values: Iterable[str | None]) -> str | None:
    """The first text; frameworks end an answer with a line break of their own."""
    return next((value.strip() for value in values if value), None)


def _collect_sent(traces: Sequence[dict[str, Any]]) -> str:
    """Everything that the library sent about a scenario, as text."""
    parts = [
        {name: span[name] for name in ("attributes", "events", "logs", "status_message", "name", "is_error")}
        for trace in traces
        for span in trace["spans"]
    ]
    return json.dumps([*parts, *[trace["logs"] for trace in traces]], default=str, ensure_ascii=False)


def _is_sent(figure: str, bills: Sequence[Bill], truth: Mapping[str, Any], sent: str, spans: int) -> bool:
    """Whether what the library sent has the figure, so that another value is a fault of the console."""
    if figure in ("calls", "errors"):
        return spans >= len(bills)
    if figure in ("session", "user", "question", "answer"):
        words = re.findall(r"[\w-]+", str(truth[figure]))
        return all(word in sent for word in words)
    if figure == "tool":
        # The name of the tool is also among the tools on offer.
        return "Kq1" in sent
    if figure == "model":
        return all(f'"{model}"' in sent.replace("\\", "") for model in truth["model"])
    if figure not in ("input", "output", "cache read", "cache write", "cost"):
        return True
    for bill in bills:
        usage = bill.usage
        if usage is None:
            continue
        has_read = not usage.read or _has_number(sent, usage.read)
        has_write = not usage.written or _has_number(sent, usage.written)
        has_input = (has_read and has_write) or _has_number(sent, usage.input)
        has_input = has_input and (_has_number(sent, usage.uncached) or _has_number(sent, usage.input))
        has_output = not usage.output or _has_number(sent, usage.output)
        parts = {
            "input": has_input,
            "output": has_output,
            "cache read": has_read,
            "cache write": has_write,
            "cost": has_input and has_output and has_read and has_write,
        }
        if not parts[figure]:
            return False
    return True


def _has_number(text: str, number: int) -> bool:
    return re.search(rf"(?<!\d){number}(?!\d)", text) is not None
