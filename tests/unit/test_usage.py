"""Token counts: cached ones among the input, reasoning ones among the output, whoever wrote the span."""

from __future__ import annotations

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
