"""What the programs share: telemetry that goes to the console, and the run of the scenarios.

Programs run in the environment of their library, with this folder first on the path; they import nothing of the product.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import get_logger_provider, set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

CONSOLE = os.environ["CONSOLE_URL"]
BEDROCK = os.environ["BEDROCK_URL"]
OPENAI = os.environ["OPENAI_URL"]
USER = os.environ["SCENARIO_USER"]
ORDER = os.environ["SCENARIO_ORDER"]
TOOL_RESULT = os.environ["SCENARIO_TOOL_RESULT"]
APPLICATION = os.environ["OTEL_SERVICE_NAME"]

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
NOVA = "amazon.nova-lite-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
GPT = "gpt-5-mini"
EMBEDDING = "text-embedding-3-small"
SYSTEM = "You answer questions about orders."
TOOL = {
    "name": "find_order",
    "description": "Find an order by its number.",
    "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
}
BEDROCK_TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": TOOL["name"],
                "description": TOOL["description"],
                "inputSchema": {"json": TOOL["parameters"]},
            }
        }
    ]
}

Scenario = Callable[[str], Any]
"""Makes the calls of one scenario; gets its name."""


class TraceRecorder(SpanProcessor):
    """Records the traces of the running scenario."""

    def __init__(self) -> None:
        self.trace_ids: dict[str, list[str]] = {}
        self.scenario = ""

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        context = span.get_span_context()
        if context is not None:
            traces = self.trace_ids.setdefault(self.scenario, [])
            trace_id = f"{context.trace_id:032x}"
            if trace_id not in traces:
                traces.append(trace_id)

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to record."""


recorder = TraceRecorder()


def start_telemetry() -> TracerProvider:
    """Send spans and log records of this process to the console."""
    resource = Resource.create({"service.name": APPLICATION})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{CONSOLE}/v1/traces")))
    provider.add_span_processor(recorder)
    trace.set_tracer_provider(provider)
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{CONSOLE}/v1/logs")))
    set_logger_provider(logs)
    if find_spec("opentelemetry.sdk._events"):
        # Instrumentations of 2025 write events through an API of their own.
        events = import_module("opentelemetry._events")
        event_provider = import_module("opentelemetry.sdk._events").EventLoggerProvider(logs)
        events.set_event_logger_provider(event_provider)
    return provider


def write_question(scenario: str) -> str:
    return f"Where is order {ORDER}? [{scenario}]"


def name_session(scenario: str) -> str:
    return f"session-{scenario}"


def with_entry_span(call: Scenario) -> Scenario:
    """Run a scenario in a span of the application, which names session and user."""

    def run_scenario(scenario: str) -> None:
        tracer = trace.get_tracer("application")
        attributes = {"session.id": name_session(scenario), "user.id": USER}
        with tracer.start_as_current_span("POST /answer", kind=trace.SpanKind.SERVER, attributes=attributes):
            call(scenario)

    return run_scenario


def with_plain_span(call: Scenario) -> Scenario:
    """Run a scenario in a span of the application that names neither session nor user."""

    def run_scenario(scenario: str) -> None:
        with trace.get_tracer("application").start_as_current_span("answer"):
            call(scenario)

    return run_scenario


def run(scenarios: dict[str, Scenario]) -> None:
    """Run every scenario, flush, and print the traces of each as a line of JSON."""
    failures: dict[str, str] = {}
    for scenario, call in scenarios.items():
        recorder.scenario = scenario
        try:
            call(scenario)
        except Exception as error:
            if not scenario.endswith("-error"):
                traceback.print_exc(file=sys.stderr)
                failures[scenario] = f"{type(error).__name__}: {error}"
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.force_flush()
        provider.shutdown()
    logs = get_logger_provider()
    if isinstance(logs, LoggerProvider):
        logs.force_flush()
        logs.shutdown()
    print(json.dumps({"traces": recorder.trace_ids, "failures": failures}))
