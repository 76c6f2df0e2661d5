"""OpenInference's instrumentation of OpenAI, in a traced application."""

from attributes_openinference import with_attributes
from openai import OpenAI
from openai_calls import build_scenarios
from openinference.instrumentation.openai import OpenAIInstrumentor
from support import run, start_telemetry, with_plain_span

start_telemetry()
OpenAIInstrumentor().instrument()
scenarios = build_scenarios(OpenAI).items()
run({scenario: with_plain_span(with_attributes(call)) for scenario, call in scenarios})
