"""One log entry becomes one span; what cannot be one says why."""

from __future__ import annotations

from typing import Any

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.telemetry.ingest.invocation_entries import LogEntry, parse_model_name, read_entry
from genaiops_core.telemetry.otlp.decode import STATUS_ERROR, RawSpan
from tests import bedrock_samples as samples
from tests.bedrock_samples import AT_NS, entry


def read(**changes: Any) -> RawSpan:
    return only_span(read_entry(entry(**changes)))


def only_span(log_entry: LogEntry) -> RawSpan:
    return log_entry.group.spans[0]


def test_converse_call_is_read() -> None:
    log_entry = read_entry(entry())
    span = only_span(log_entry)
    assert (log_entry.request_id, log_entry.application, log_entry.start_ns) == ("r-1", "bedrock", AT_NS)
    assert (span.start_ns, span.end_ns - span.start_ns) == (AT_NS, 589_000_000)
    assert span.name == "chat meta.llama3-2-1b-instruct-v1:0"
    assert span.parent_span_id == ""
    attributes = span.attributes
    # Bedrock's count leaves the 8 + 2 cached tokens out of the 52.
    assert attributes["gen_ai.usage.input_tokens"] == 62
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 8
    assert attributes["gen_ai.usage.cache_creation.input_tokens"] == 2
    assert attributes["gen_ai.usage.output_tokens"] == 30
    assert attributes["aws.request_id"] == "r-1"
    assert attributes["aws.identity.arn"].endswith("assumed-role/app/session")
    assert attributes["aws.bedrock.guardrail.id"] == "g1"
    assert '"Paris."' in attributes["gen_ai.output.messages"]
    assert log_entry.group.resource == {
        "service.name": "bedrock",
        "cloud.provider": "aws",
        "cloud.region": "us-east-1",
        "cloud.account.id": "123456789012",
    }


def test_same_request_gives_the_same_span() -> None:
    first, repeated, other = read(), read(timestamp="2026-02-01T00:00:00Z"), read(request_id="r-2")
    assert (first.trace_id, first.span_id) == (repeated.trace_id, repeated.span_id)
    assert first.trace_id != other.trace_id
    assert (len(first.trace_id), len(first.span_id)) == (32, 16)


def test_missing_latency_is_unknown() -> None:
    body = {"outputBodyJson": samples.CLAUDE_ANSWER, "outputTokenCount": 30}
    log_entry = read_entry(entry(operation="InvokeModel", output=body))
    assert not log_entry.is_timed
    assert log_entry.notes == ("its log entry has no duration of the call",)
    assert (read_entry(entry()).is_timed, read_entry(entry()).notes) == (True, ())


def test_counts_of_entry_precede_counts_of_body() -> None:
    span = read(
        input={"inputTokenCount": 5, "cacheReadInputTokenCount": 3},
        output={"outputTokenCount": 1, "outputBodyJson": samples.CONVERSE_ANSWER},
    )
    assert span.attributes["gen_ai.usage.input_tokens"] == 5 + 3 + 2
    assert span.attributes["gen_ai.usage.output_tokens"] == 1


def test_body_supplies_counts_missing_in_entry() -> None:
    span = read(input={}, output={"outputBodyJson": samples.LLAMA_ANSWER})
    assert span.attributes["gen_ai.usage.input_tokens"] == 52
    assert span.attributes["gen_ai.usage.output_tokens"] == 30


def test_metadata_has_application_release_user_session() -> None:
    metadata = {
        "application": "shop",
        "genaiops.release": "v7",
        "user_id": "u1",
        "sessionId": "s1",
        "team": "x",
    }
    log_entry = read_entry(entry(requestMetadata=metadata))
    attributes = only_span(log_entry).attributes
    assert log_entry.application == "shop"
    assert (attributes["genaiops.release"], attributes["user.id"], attributes["session.id"]) == (
        "v7",
        "u1",
        "s1",
    )
    assert attributes["aws.bedrock.request_metadata.team"] == "x"
    assert read_entry(entry(requestMetadata=metadata), application="mine").application == "mine"


def test_bodies_stored_in_s3_are_named_as_unread() -> None:
    path = "s3://logs/data/r-1_output.json.gz"
    log_entry = read_entry(
        entry(
            input={"inputBodyS3Path": "s3://logs/data/r-1_input.json.gz", "inputTokenCount": 9000},
            output={"outputBodyS3Path": path, "outputTokenCount": 30},
        )
    )
    span = only_span(log_entry)
    assert f"its output body is stored at {path} and was not read" in log_entry.notes
    assert span.attributes["aws.bedrock.output_body_s3_path"] == path
    assert span.attributes["gen_ai.usage.input_tokens"] == 9000
    assert "gen_ai.output.messages" not in span.attributes


def test_error_code_is_an_error() -> None:
    span = read(errorCode="ThrottlingException", output=None)
    assert (span.status_code, span.status_message) == (STATUS_ERROR, "ThrottlingException")
    assert span.attributes["error.type"] == "ThrottlingException"


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("us.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
            "us.amazon.nova-lite-v1:0",
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2",
        ),
    ],
)
def test_model_names_of_ids_and_arns(model_id: str, name: str) -> None:
    assert parse_model_name(model_id) == name
    assert read(modelId=model_id).attributes["gen_ai.request.model"] == name


@pytest.mark.parametrize(
    ("model", "operation", "expected"),
    [
        ("cohere.embed-english-v3", "InvokeModel", "embeddings"),
        ("cohere.rerank-v3-5:0", "InvokeModel", "rerank"),
        ("amazon.titan-text-express-v1", "InvokeModel", "text_completion"),
        ("amazon.nova-lite-v1:0", "ConverseStream", "chat"),
    ],
)
def test_operation_of_model_and_api(model: str, operation: str, expected: str) -> None:
    assert read(modelId=model, operation=operation).attributes["gen_ai.operation.name"] == expected


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"requestId": None}, "no requestId"),
        ({"requestId": 7}, "no requestId"),
        ({"requestId": "x" * 300}, "requestId is too long or has a NUL character"),
        ({"modelId": " "}, "no modelId"),
        ({"timestamp": None}, "no timestamp"),
        ({"timestamp": "yesterday"}, "ISO 8601"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "before 1970"),
        ({"timestamp": "9999-01-01T00:00:00Z"}, "after 2262"),
        ({"schemaType": "CloudTrail"}, "CloudTrail"),
        ({"input": {"inputTokenCount": -1}}, "inputTokenCount is '-1'"),
        ({"output": {"outputTokenCount": "many"}}, "outputTokenCount is 'many'"),
    ],
)
def test_invalid_entry_is_rejected_with_reason(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        read_entry(entry() | changes)


@pytest.mark.parametrize("value", [None, 1, "text", []])
def test_entry_that_is_not_an_object_is_rejected(value: Any) -> None:
    with pytest.raises(BadInput, match="not a JSON object"):
        read_entry(value)
