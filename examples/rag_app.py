"""A small RAG application that follows its release flag and sends traces to the console.

    python examples/rag_app.py --api http://127.0.0.1:4318 --requests 20

For each user it fetches the release with OFREP (model, prompt texts, parameters), answers with a simulated model, and
sends a trace of three spans with OTLP over HTTP. It needs only `httpx`, so that this file shows the complete requests.
In your own application, use an OpenFeature client with the OFREP provider and the OpenTelemetry SDK with its OTLP
exporter, and point both at the same address: they send the same two requests.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import time
from typing import Any

import httpx

PASSAGES = {
    "returns": "Items may be returned within 30 days of delivery.",
    "warranty": "Electronics carry a 24 month warranty.",
}
FALLBACK = {"release": "unrouted", "model_id": "amazon.nova-pro-v1:0", "prompts": {}, "variant": "none"}


def fetch_release(client: httpx.Client, application: str, user_id: str) -> dict[str, Any]:
    """Fetch the release of this user; the application uses its own default while the console is not reachable."""
    try:
        response = client.post(
            "/ofrep/v1/evaluate/flags/release",
            json={"context": {"targetingKey": user_id, "application": application}},
        )
    except httpx.TransportError:
        return FALLBACK
    return response.json()["value"] if response.is_success else FALLBACK


def answer(question: str, release: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Retrieve, then "generate": returns the answer and the spans, each with its own attributes."""
    start = time.time_ns()
    topic = "warranty" if "broke" in question else "returns"
    time.sleep(0.005)  # query your index here
    retrieved = time.time_ns()
    prompt = next(iter(release["prompts"].values()), {"text": "{passages}\n\n{question}"})["text"]
    prompt = prompt.replace("{passages}", PASSAGES[topic]).replace("{question}", question)
    time.sleep(random.uniform(0.02, 0.08))  # noqa: S311 - call your model here
    text = f"According to our help pages: {PASSAGES[topic]}"
    end = time.time_ns()
    retrieval = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.retrieval.query.text": question,
        "gen_ai.retrieval.documents": json.dumps([{"id": topic, "content": PASSAGES[topic]}]),
    }
    generation = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": release["model_id"],
        "gen_ai.usage.input_tokens": len(prompt) // 4,
        "gen_ai.usage.output_tokens": len(text) // 4,
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": prompt}]}]
        ),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": [{"type": "text", "content": text}]}]
        ),
    }
    root = {"gen_ai.operation.name": "invoke_workflow", "input.value": question, "output.value": text}
    return text, [
        span("answer a question", start, end, root),
        span("retrieval", start, retrieved, retrieval),
        span(f"chat {release['model_id']}", retrieved, end, generation),
    ]


def span(name: str, start_ns: int, end_ns: int, attributes: dict[str, Any]) -> dict[str, Any]:
    """One OTLP/JSON span; `export` fills in the trace and its parent."""
    return {
        "name": name,
        "spanId": secrets.token_hex(8),
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(end_ns),
        "attributes": attributes,
        "status": {"code": 1},
    }


def export(
    application: str, release: dict[str, Any], user_id: str, spans: list[dict[str, Any]]
) -> dict[str, Any]:
    """The body of POST /v1/traces: one trace whose first span is the root."""
    trace_id, root_id = secrets.token_hex(16), spans[0]["spanId"]
    # The console groups figures by these attributes.
    shared = {"genaiops.release": release["release"], "user.id": user_id, "session.id": f"session-{user_id}"}
    for each in spans:
        each["traceId"] = trace_id
        each["attributes"] = encode_attributes({**each["attributes"], **shared})
        if each["spanId"] != root_id:
            each["parentSpanId"] = root_id
    resource = encode_attributes({"service.name": application, "deployment.environment.name": "production"})
    return {"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"spans": spans}]}]}


def encode_attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Encode attributes as OTLP/JSON: 64-bit integers as text."""
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in attributes.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="A RAG application that follows its release flag.")
    parser.add_argument("--api", default="http://127.0.0.1:4318", help="where the console's API listens")
    parser.add_argument("--application", default="rag-example", help="service.name of this application")
    parser.add_argument("--requests", type=int, default=20)
    options = parser.parse_args()
    with httpx.Client(base_url=options.api, timeout=5) as client:
        for number in range(options.requests):
            user_id = f"user-{number % 50}"
            release = fetch_release(client, options.application, user_id)
            question = "My kettle broke, what now?" if number % 2 else "How long can I return a kettle?"
            text, spans = answer(question, release)
            response = client.post("/v1/traces", json=export(options.application, release, user_id, spans))
            response.raise_for_status()
            print(f"{user_id}  {release['release']} ({release['variant']})  {text}")


if __name__ == "__main__":
    main()
