"""OpenTelemetry's instrumentation of botocore, in a traced application."""

from bedrock_calls import build_scenarios
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from support import run, start_telemetry, with_entry_span

start_telemetry()
BotocoreInstrumentor().instrument()
run({scenario: with_entry_span(call) for scenario, call in build_scenarios().items()})
