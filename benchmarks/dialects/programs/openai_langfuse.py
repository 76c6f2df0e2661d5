"""Langfuse's wrapper of OpenAI's SDK within an observation; the console takes the export in place of Langfuse."""

from langfuse import Langfuse, propagate_attributes
from langfuse.openai import OpenAI
from openai_calls import build_scenarios
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from support import (
    APPLICATION,
    CONSOLE,
    USER,
    Scenario,
    name_session,
    recorder,
    run,
)

provider = TracerProvider(resource=Resource.create({"service.name": APPLICATION}))
provider.add_span_processor(recorder)
langfuse = Langfuse(
    public_key="pk-lf-loopback",
    secret_key="sk-lf-loopback",
    base_url=CONSOLE,
    tracer_provider=provider,
    span_exporter=OTLPSpanExporter(endpoint=f"{CONSOLE}/v1/traces"),
)


def within_observation(call: Scenario) -> Scenario:
    def run_scenario(scenario: str) -> None:
        with (
            langfuse.start_as_current_observation(as_type="span", name="answer"),
            propagate_attributes(session_id=name_session(scenario), user_id=USER),
        ):
            call(scenario)

    return run_scenario


run({scenario: within_observation(call) for scenario, call in build_scenarios(OpenAI).items()})
langfuse.flush()
