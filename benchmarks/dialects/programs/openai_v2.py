"""OpenTelemetry's instrumentation of OpenAI, in a traced application; it covers no Responses API."""

from openai import OpenAI
from openai_calls import build_scenarios
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from support import run, start_telemetry, with_entry_span

start_telemetry()
OpenAIInstrumentor().instrument()
run(
    {
        scenario: with_entry_span(call)
        for scenario, call in build_scenarios(OpenAI, has_responses=False).items()
    }
)
