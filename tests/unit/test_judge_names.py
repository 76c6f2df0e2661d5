"""Names of judges: taken apart, written again, and refused with a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.judges.names import KINDS, JudgeName, parse_judge_name

ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123def456"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" Offline ", JudgeName(kind="offline")),
        ("bedrock:amazon.nova-pro-v1:0", JudgeName(kind="bedrock", model="amazon.nova-pro-v1:0")),
        (f"bedrock:{ARN}", JudgeName(kind="bedrock", model=ARN)),
        (
            "openai:@cf/meta/llama-3@http://localhost:8000/v1/",
            JudgeName(kind="openai", model="@cf/meta/llama-3", base_url="http://localhost:8000/v1"),
        ),
        (
            "openai:qwen2.5:7b@http://[::1]:11434/v1",
            JudgeName(kind="openai", model="qwen2.5:7b", base_url="http://[::1]:11434/v1"),
        ),
        (
            "agentcore:Builtin.Faithfulness, my_own-a1B2c3D4e5",
            JudgeName(kind="agentcore", evaluators=("Builtin.Faithfulness", "my_own-a1B2c3D4e5")),
        ),
    ],
)
def test_judge_names_round_trip(text: str, name: JudgeName) -> None:
    assert parse_judge_name(text) == name
    assert parse_judge_name(str(name)) == name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("claude", "There is no judge 'claude'; give one of: offline, bedrock:MODEL"),
        ("anthropic:claude", "There is no judge 'anthropic'"),
        ("offline:gpt", "takes nothing after its name"),
        ("bedrock:", "write bedrock:MODEL, for example bedrock:us.anthropic"),
        ("bedrock:nova pro", "'nova pro' is not the ID of a Bedrock model"),
        ("bedrock:arn:aws:s3:::bucket", "is not an ARN of Bedrock"),
        ("openai:gpt-4.1", "is written openai:MODEL@BASE_URL"),
        ("openai:gpt@localhost:8000", "must be an http or https URL"),
        ("openai:gpt@http://host:99999/v1", "is not a URL"),
        ("openai:gpt@https://host/v1?key=1", "without '?' or '#': https://host/v1."),
        ("openai:my model@http://host", "has a space"),
        (
            "agentcore:Faithfulness",
            "'Faithfulness' is not the ID of an AgentCore evaluator; write Builtin.NAME",
        ),
        ("x" * 201, "at most 200 characters"),
    ],
)
def test_invalid_name_error_gives_a_remedy(text: str, sentence: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse_judge_name(text)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("text", ["openai:m@http://me:hunter2@host/v1", "http://me:hunter2@host/v1"])
def test_password_in_address_is_rejected_and_not_echoed(text: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse_judge_name(text)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_example_is_a_valid_name(kind: object) -> None:
    assert parse_judge_name(kind.example).kind == kind.kind  # type: ignore[attr-defined]


@given(st.text())
def test_any_text_is_a_judge_or_bad_input(text: str) -> None:
    try:
        assert parse_judge_name(str(parse_judge_name(text))) == parse_judge_name(text)
    except BadInput as error:
        assert str(error)
