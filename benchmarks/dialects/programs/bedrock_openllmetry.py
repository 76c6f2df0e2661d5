"""OpenLLMetry's instrumentation of Bedrock, in a traced application."""

from bedrock_calls import build_scenarios
from opentelemetry.instrumentation.bedrock import BedrockInstrumentor
from support import run, start_telemetry, with_entry_span

start_telemetry()
BedrockInstrumentor().instrument()
run({scenario: with_entry_span(call) for scenario, call in build_scenarios().items()})
