"""From attributes to facts: dialects, tokens, components, and usage that is told twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genaiops_core.telemetry import conventions
from genaiops_core.telemetry.ingest import deduplication
from genaiops_core.telemetry.otlp.decode import DecodedExport, decode_json, decode_protobuf
from genaiops_core.telemetry.spans import COLUMNS, SpanFacts, prepare_spans, to_row
from tests.conftest import SHARED_DATA
from tests.otlp_samples import body, call, span

OTLP = SHARED_DATA / "otlp"


def facts(*spans: dict[str, Any], **resource: Any) -> list[SpanFacts]:
    return map_and_deduplicate(decode_json(body(*spans, **resource)))


def map_and_deduplicate(export: DecodedExport) -> list[SpanFacts]:
    spans = prepare_spans(export).spans
    deduplication.mark_duplicates(spans)
    return spans


def only(**attributes: Any) -> SpanFacts:
    return facts(span(1, **attributes))[0]


DIALECTS = {
    "otel": {
        "gen_ai__operation__name": "chat",
        "gen_ai__provider__name": "openai",
        "gen_ai__request__model": "m",
        "gen_ai__usage__input_tokens": 10,
        "gen_ai__usage__output_tokens": 2,
        "gen_ai__usage__cache_read__input_tokens": 3,
        "gen_ai__conversation__id": "s",
        "user__id": "u",
    },
    "otel before": {
        "gen_ai__operation__name": "chat",
        "gen_ai__system": "openai",
        "gen_ai__request__model": "m",
        "gen_ai__usage__prompt_tokens": 10,
        "gen_ai__usage__completion_tokens": 2,
        "gen_ai__usage__cache_read_input_tokens": 3,
        "session__id": "s",
        "enduser__id": "u",
    },
    "openinference": {
        "openinference__span__kind": "LLM",
        "llm__provider": "openai",
        "llm__model_name": "m",
        "llm__token_count__prompt": 10,
        "llm__token_count__completion": 2,
        "llm__token_count__prompt_details__cache_read": 3,
        "session__id": "s",
        "user__id": "u",
    },
    "vercel": {
        "ai__operationId": "ai.generateText.doGenerate",
        "ai__model__provider": "openai",
        "ai__model__id": "m",
        "ai__usage__inputTokens": 10,
        "ai__usage__outputTokens": 2,
        "ai__usage__cachedInputTokens": 3,
        "ai__telemetry__metadata__sessionId": "s",
        "ai__telemetry__metadata__userId": "u",
    },
}


@pytest.mark.parametrize("attributes", DIALECTS.values(), ids=DIALECTS)
def test_every_dialect_maps_to_the_same_fields(attributes: dict[str, Any]) -> None:
    mapped = only(**attributes)
    assert (mapped.component, mapped.is_call, mapped.provider, mapped.model) == (
        "generation",
        True,
        "openai",
        "m",
    )
    assert (mapped.input_tokens, mapped.output_tokens, mapped.cache_read_tokens) == (10, 2, 3)
    assert (mapped.session_id, mapped.user_id) == ("s", "u")


def test_more_trusted_attribute_wins() -> None:
    assert only(gen_ai__system="old", gen_ai__provider__name="new").provider == "new"
    assert only(gen_ai__provider__name="", gen_ai__system="old").provider == "old"


@pytest.mark.parametrize(
    ("attributes", "component", "is_call"),
    [
        ({"gen_ai__operation__name": "embeddings", "gen_ai__usage__input_tokens": 5}, "embedding", True),
        ({"gen_ai__operation__name": "execute_tool"}, "tool", False),
        ({"gen_ai__operation__name": "invoke_agent", "gen_ai__usage__input_tokens": 5}, "agent", True),
        ({"openinference__span__kind": "RETRIEVER"}, "retrieval", False),
        ({"openinference__span__kind": "RERANKER"}, "reranking", False),
        ({"traceloop__span__kind": "workflow"}, "chain", False),
        ({"ai__operationId": "ai.generateText", "ai__usage__inputTokens": 5}, "agent", True),
        ({"genaiops__component": "rewriting"}, "rewriting", False),
        ({"gen_ai__request__model": "m", "gen_ai__usage__input_tokens": 5}, "generation", True),
        ({"gen_ai__usage__input_tokens": 5}, "other", True),
        ({"gen_ai__operation__name": "invoke_agent"}, "agent", False),
        ({"aws__bedrock__guardrail__id": "g"}, "guardrail", False),
        ({"gen_ai__operation__name": "chat"}, "generation", False),
        # The SDK's API says nothing about what its model does.
        (
            {"gen_ai__operation__name": "text_completion", "gen_ai__request__model": "acme.embed-text-v9:0"},
            "embedding",
            True,
        ),
        ({"llm__request__type": "completion", "gen_ai__request__model": "acme.rerank-v9"}, "reranking", True),
        ({"gen_ai__operation__name": "invoke_agent", "gen_ai__request__model": "embed-9"}, "agent", False),
        ({"genaiops__component": "generation", "gen_ai__request__model": "embed-9"}, "generation", True),
        ({"gen_ai__operation__name": "agent_step"}, "chain", False),
        ({"http__route": "/ask"}, "other", False),
    ],
)
def test_component_and_call(attributes: dict[str, Any], component: str, is_call: bool) -> None:
    mapped = only(**attributes)
    assert (mapped.component, mapped.is_call) == (component, is_call)


def test_failed_call_without_usage_is_not_unpriced() -> None:
    failed = facts(span(1, error=True, gen_ai__operation__name="chat", gen_ai__request__model="m"))[0]
    assert failed.is_call and failed.is_error
    assert failed.input_tokens is None
    assert not failed.is_unpriced


@pytest.mark.parametrize("absurd", [-1, 10**9 + 1, "many", 1.5, True])
def test_invalid_token_counts_are_unknown_with_a_note(absurd: Any) -> None:
    mapped = facts(call(1, gen_ai__usage__input_tokens=absurd))[0]
    assert mapped.input_tokens is None
    assert mapped.output_tokens == 100
    assert "input_tokens" in mapped.payload["notes"][0]
    assert mapped.is_unpriced


@pytest.mark.parametrize("sent", [850, "850", 850.0])
def test_token_counts_may_be_number_text_or_float(sent: Any) -> None:
    assert facts(call(1, gen_ai__usage__input_tokens=sent))[0].input_tokens == 850


def test_cached_tokens_are_added_to_input_tokens() -> None:
    more = {"gen_ai__usage__cache_read__input_tokens": 900, "gen_ai__usage__cache_creation__input_tokens": 50}
    assert facts(call(1, tokens=(100, 5), **more))[0].input_tokens == 1050  # 950 cached cannot be part of 100
    assert facts(call(1, tokens=(1000, 5), **more))[0].input_tokens == 1000


def test_release_and_environment_come_from_span_then_resource() -> None:
    resource = {"service__version": "v1", "deployment__environment__name": "prod"}
    plain, own, langfuse = facts(
        span(1),
        span(2, genaiops__release="v2", deployment__environment="dev"),
        span(3, langfuse__release="v3"),
        **resource,
    )
    assert (plain.release, plain.environment) == ("v1", "prod")
    assert (own.release, own.environment) == ("v2", "dev")
    assert langfuse.release == "v3"


def test_a_service_without_a_name_is_unknown() -> None:
    assert facts(span(1), application="")[0].application == "unknown_service"


def test_texts_fit_their_columns() -> None:
    mapped = facts(span(1, name="a\x00b" + "n" * 5000, user__id="u" * 300, gen_ai__request__model="m" * 400))[
        0
    ]
    assert mapped.name.startswith("ab") and len(mapped.name) == 2000
    assert (len(mapped.user_id), len(mapped.model)) == (200, 300)
    assert len(to_row(mapped)) == len(COLUMNS)


def test_time_to_first_token_in_seconds_or_milliseconds() -> None:
    assert only(gen_ai__server__time_to_first_token=0.25).first_token_ns == 250_000_000
    assert only(ai__response__msToFirstChunk=250).first_token_ns == 250_000_000
    assert only(gen_ai__server__time_to_first_token="soon").first_token_ns is None


def test_usage_of_nested_spans_counts_once_at_the_innermost() -> None:
    spans = facts(
        call(1, name="framework", tokens=(50, 5)),
        span(2, parent=1, name="middleware"),
        call(3, parent=2, name="sdk", tokens=(50, 5)),
        call(4, parent=1, name="another", tokens=(60, 5)),
    )
    assert [s.name for s in spans if s.is_call] == ["sdk", "another"]


def test_parent_cycle_does_not_hang() -> None:
    spans = facts(call(1, parent=2), call(2, parent=1, tokens=(7, 7)), span(3, parent=3))
    assert len(spans) == 3


def test_unknown_attributes_are_stored() -> None:
    mapped = only(my__own=1.5)
    assert mapped.payload["attributes"] == {"my.own": 1.5}


def test_failed_openinference_call_has_model_of_parameters() -> None:
    parameters = json.dumps({"model": "gpt-x"})
    mapped = facts(
        span(1, error=True, openinference__span__kind="LLM", llm__invocation_parameters=parameters)
    )[0]
    assert mapped.model == "gpt-x"
    assert conventions.find_model_in_parameters({"llm.invocation_parameters": "["}) == ""


@pytest.mark.parametrize(
    ("answered", "requested", "model"),
    [
        ("gpt-x-2031-08-07", "gpt-x", "gpt-x"),
        ("claude-x-4-5-20310929", "claude-x-4-5", "claude-x-4-5"),
        ("claude-x-latest", "claude-x", "claude-x"),
        ("gpt-x-mini-2031-08-07", "gpt-x", "gpt-x-mini-2031-08-07"),  # a router chose another model
        ("gpt-x-2031-08-07", "our-deployment", "gpt-x-2031-08-07"),
        ("gpt-x", "gpt-x", "gpt-x"),
        ("gpt-x-2031-08-07", "", "gpt-x-2031-08-07"),
    ],
)
def test_requested_name_outweighs_the_dated_one(answered: str, requested: str, model: str) -> None:
    mapped = only(
        openinference__span__kind="LLM",
        llm__model_name=answered,
        llm__invocation_parameters=json.dumps({"model": requested} if requested else {}),
        llm__token_count__prompt=10,
    )
    assert mapped.model == model
    assert mapped.response_model == (answered if model != answered else "")


@pytest.mark.parametrize("prefix", ["langfuse__observation__metadata", "langfuse__trace__metadata"])
@pytest.mark.parametrize(
    ("sent", "session"),
    [
        ('"chat 7"', "chat 7"),
        ("chat 7", "chat 7"),
        ('"a\\"b"', 'a"b'),
        ('"', '"'),
        ('"a"b"', '"a"b"'),
        ('""', ""),
    ],
    ids=["JSON", "text", "escaped", "one quote", "no JSON", "empty"],
)
def test_json_texts_of_langfuse_are_decoded(prefix: str, sent: str, session: str) -> None:
    assert only(**{f"{prefix}__thread_id": sent}).session_id == session


def test_attribute_names_are_unique_per_field() -> None:
    for field, names in conventions.FIELDS.items():
        assert len(set(names)) == len(names), field


def test_converted_exports_match_expected_calls() -> None:
    for truth in sorted(OTLP.glob("converted/*.truth.json")):
        expected = json.loads(truth.read_text())
        export = decode_json(truth.with_name(truth.name.replace(".truth", "")).read_bytes())
        assert export.rejected == 0, truth.name
        spans = map_and_deduplicate(export)
        assert len(spans) == (expected.get("spans") or 0), truth.name
        if expected.get("true_calls"):
            calls = [s for s in spans if s.is_call]
            truth_calls = expected["true_calls"]
            assert len(calls) == truth_calls["spans"]
            assert sum(s.input_tokens or 0 for s in calls) == truth_calls["input_tokens"]
            assert sum(s.output_tokens or 0 for s in calls) == truth_calls["output_tokens"]
        if expected.get("llm_calls") is not None:
            calls = [s for s in spans if s.is_call]
            assert len(calls) == expected["llm_calls"], truth.name
            assert sum(s.input_tokens or 0 for s in calls) == expected["input_tokens"], truth.name
            assert sum(s.output_tokens or 0 for s in calls) == expected["output_tokens"], truth.name


def test_captured_exports_match_provider_usage() -> None:
    for capture in sorted(OTLP.glob("captured/*/*.traces.pb")):
        expected = json.loads((capture.parent / "truth.json").read_text())[capture.name.partition(".")[0]]
        export = decode_protobuf(capture.read_bytes())
        assert export.rejected == 0, capture.name
        calls = [s for s in map_and_deduplicate(export) if s.is_call]
        mapped = [(s.input_tokens, s.output_tokens) for s in calls]
        assert mapped == [(c["input_tokens"], c["output_tokens"]) for c in expected["calls"]], capture.name
        assert [s.is_error for s in calls] == [bool(expected["error"])] * len(calls), capture.name
