"""OpenLLMetry's instrumentation of OpenAI, in a traced application."""

from openai import OpenAI
from openai_calls import build_scenarios
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from support import run, start_telemetry, with_entry_span

start_telemetry()
OpenAIInstrumentor().instrument()
run({scenario: with_entry_span(call) for scenario, call in build_scenarios(OpenAI).items()})
