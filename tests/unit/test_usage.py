"""Token counts: cached ones among the input, reasoning ones among the output, whoever wrote the span."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genaiops_core.telemetry.conventions import read_fields
from genaiops_core.telemetry.conventions.cache_habits import Instrumentation
from genaiops_core.telemetry.conventions.usage import TokenUsage, complete_fields, read_usage

BOTOCORE = "opentelemetry.instrumentation.botocore.bedrock-runtime"


def read(scope: str = "test", **attributes: Any) -> TokenUsage:
    attribute_values = {name.replace("__", "."): value for name, value in attributes.items()}
    return read_usage(
        complete_fields(read_fields(attribute_values), attribute_values),
        attribute_values,
        Instrumentation(scope),
        [],
    )


def otel(tokens: tuple[int, int], **more: Any) -> dict[str, Any]:
    return {"gen_ai__usage__input_tokens": tokens[0], "gen_ai__usage__output_tokens": tokens[1], **more}


CACHED = {"gen_ai__usage__cache_read__input_tokens": 80, "gen_ai__usage__cache_creation__input_tokens": 15}


@pytest.mark.parametrize(
    ("scope", "attributes", "expected"),
    [
        ("test", otel((100, 9), **CACHED), (100, 9)),  # OpenTelemetry: input includes cached tokens
        ("test", otel((90, 9), **CACHED), (185, 9)),  # 95 cached tokens are no part of 90
        (BOTOCORE, otel((100, 9), **CACHED), (195, 9)),  # known to pass on Bedrock's own count
        (BOTOCORE, otel((100, 9)), (100, 9)),
        ("test", otel((100, 9), gen_ai__usage__total_tokens=204, **CACHED), (195, 9)),  # only adds up apart
        (
            BOTOCORE,
            otel((195, 9), gen_ai__usage__total_tokens=204, **CACHED),
            (195, 9),
        ),  # only adds up together
        ("test", otel((100, 9), gen_ai__usage__total_tokens=7, **CACHED), (100, 9)),  # adds up to nothing
        (
            "test",
            otel((100, 9), gen_ai__usage__total_tokens=189, **CACHED),
            (180, 9),
        ),  # written ones included
    ],
)
def test_input_tokens_include_cached_tokens(
    scope: str, attributes: dict[str, Any], expected: tuple[int, int]
) -> None:
    usage = read(scope, **attributes)
    assert (usage.input_tokens, usage.output_tokens) == expected
    if "gen_ai__usage__cache_read__input_tokens" in attributes:
        assert (usage.cache_read_tokens, usage.cache_write_tokens) == (80, 15)


def test_output_tokens_include_reasoning_tokens() -> None:
    reasoning = {"gen_ai__usage__reasoning__output_tokens": 60}
    assert read(**otel((100, 200), **reasoning)).output_tokens == 200
    assert read(**otel((100, 140), gen_ai__usage__total_tokens=300, **reasoning)).output_tokens == 200
    assert read(**otel((100, 20), **reasoning)).output_tokens == 80


def test_missing_usage_is_unknown() -> None:
    assert read() == TokenUsage(None, None, None, None)
    assert not read(gen_ai__usage__cache_read__input_tokens=5).is_known
    assert read(langfuse__observation__usage_details="[").input_tokens is None
    assert read(langfuse__observation__usage_details="[1]").input_tokens is None


@pytest.mark.parametrize("absurd", [float("nan"), float("inf"), -3, 10**30, "1e3", True, [5]])
def test_invalid_counts_are_unknown_with_a_note(absurd: Any) -> None:
    notes: list[str] = []
    attribute_values = {"gen_ai.usage.input_tokens": absurd, "gen_ai.usage.output_tokens": 3}
    assert read_usage(
        read_fields(attribute_values), attribute_values, Instrumentation(""), notes
    ) == TokenUsage(None, 3, None, None)
    assert "input_tokens was" in notes[0]


ANSWERS = {
    "Claude": {"input_tokens": 5, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 15},
    "Converse": {"inputTokens": 5, "cacheReadInputTokens": 80, "cacheWriteInputTokens": 15},
    "Nova": {"inputTokens": 5, "cacheReadInputTokenCount": 80, "cacheWriteInputTokenCount": 15},
}


@pytest.mark.parametrize("usage", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("input_tokens", [5, 100], ids=["without cached", "with cached"])
def test_cached_tokens_are_read_from_the_answer(usage: dict[str, int], input_tokens: int) -> None:
    answer = json.dumps({"content": "It is.", "usage": {**usage, "output_tokens": 9}})
    counts = read(llm__token_count__prompt=input_tokens, llm__token_count__completion=9, output__value=answer)
    assert counts == (100, 9, 80, 15, 0)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 80}},
        {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 80}},
    ],
    ids=["chat", "responses"],
)
def test_answers_of_openai_include_cached_tokens(usage: dict[str, Any]) -> None:
    counts = read(**otel((100, 9)), output__value=json.dumps({"usage": usage}))
    assert counts == (100, 9, 80, None, 0)


def test_one_hour_writes_are_read_from_the_answer() -> None:
    lives = {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 11}
    usage = {**ANSWERS["Claude"], "cache_creation": lives}
    assert read(**otel((5, 9)), output__value=json.dumps({"usage": usage})).cache_write_1h_tokens == 11


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"usage": {**ANSWERS["Claude"], "input_tokens": 7}}),  # of another call
        json.dumps({"usage": "cached"}),
        json.dumps({"text": json.dumps({"usage": ANSWERS["Claude"]})}),  # quoted by a model
        '{"usage": {"cache_read_input_tokens": 80',
        json.dumps([{"usage": ANSWERS["Claude"]}]),
    ],
    ids=["other call", "text", "quotation", "damaged", "list"],
)
def test_other_answers_add_no_cached_tokens(answer: str) -> None:
    assert read(**otel((5, 9)), output__value=answer) == (5, 9, None, None, 0)


def test_attributes_outweigh_the_answer() -> None:
    answer = json.dumps({"usage": {**ANSWERS["Claude"], "cache_read_input_tokens": 60}})
    counts = read(**otel((100, 9), **CACHED), output__value=answer)
    assert counts.cache_read_tokens == 80
