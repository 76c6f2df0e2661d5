"""OpenInference's instrumentation of Bedrock, in a traced application."""

from attributes_openinference import with_attributes
from bedrock_calls import build_scenarios
from openinference.instrumentation.bedrock import BedrockInstrumentor
from support import run, start_telemetry, with_plain_span

start_telemetry()
BedrockInstrumentor().instrument()
run({scenario: with_plain_span(with_attributes(call)) for scenario, call in build_scenarios().items()})
