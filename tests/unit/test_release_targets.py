"""A release as a target: which model, which prompt, which parameters, and what is said to be left out."""

from __future__ import annotations

from typing import Any

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.targets.release_target import OPENAI_URL, ReleasePrompt, build_release_spec

ANSWER = ReleasePrompt("answer", 3, "Answer {question} from {contexts}.")
REWRITE = ReleasePrompt("rewrite", 1, "Rewrite.")
SYSTEM = ReleasePrompt("system", 2, "Be kind.")


def made(**fields: Any) -> dict[str, Any]:
    return build_release_spec(**{"name": "shop/r1", "model": "amazon.nova-pro-v1:0", **fields}).as_json()


@pytest.mark.parametrize(
    ("model", "parameters", "where"),
    [
        ("amazon.nova-pro-v1:0", {}, ("bedrock", "amazon.nova-pro-v1:0", None)),
        ("openai.gpt-oss-120b-1:0", {}, ("bedrock", "openai.gpt-oss-120b-1:0", None)),
        ("bedrock:us.amazon.nova-pro-v1:0", {}, ("bedrock", "us.amazon.nova-pro-v1:0", None)),
        ("gpt-4.1-mini", {}, ("openai", "gpt-4.1-mini", OPENAI_URL)),
        ("o3", {}, ("openai", "o3", OPENAI_URL)),
        ("openai:qwen3@http://gpu:8000/v1", {}, ("openai", "qwen3", "http://gpu:8000/v1")),
        ("qwen3", {"base_url": "http://gpu:8000/v1"}, ("openai", "qwen3", "http://gpu:8000/v1")),
    ],
)
def test_the_model_says_where_it_is_called(
    model: str, parameters: dict[str, Any], where: tuple[str, str, str | None]
) -> None:
    found = made(model=model, parameters=parameters)
    assert (found["kind"], found["model"], found.get("base_url")) == where
    assert "notes" not in found


def test_parameters_are_sent_by_whatever_name_they_have() -> None:
    found = made(
        parameters={
            "maxTokens": 300,
            "temperature": 0.1,
            "topP": 0.9,
            "region": "eu-west-1",
            "guardrail": "g:1",
        }
    )
    assert found["parameters"] == {"max_tokens": 300, "temperature": 0.1, "top_p": 0.9}
    assert (found["region"], found["guardrail"]) == ("eu-west-1", "g:1")


def test_what_is_not_part_of_the_call_is_said() -> None:
    found = made(prompts=[ANSWER, REWRITE], parameters={"top_k": 5}, code_revision="abc")
    assert found["system"] == ANSWER.text
    assert found["notes"] == [
        "Parameter top_k of the release is not sent.",
        "Prompt rewrite@1 of the release is not sent.",
        "The model is asked, not the application: its code and data are not part of this.",
    ]


@pytest.mark.parametrize(
    ("prompts", "wanted", "text"),
    [
        ([], "", None),
        ([REWRITE], "", REWRITE.text),
        ([REWRITE, ANSWER, SYSTEM], "", SYSTEM.text),
        ([REWRITE, ANSWER], "rewrite", REWRITE.text),
    ],
)
def test_which_of_the_prompts_is_used(prompts: list[ReleasePrompt], wanted: str, text: str | None) -> None:
    assert made(prompts=prompts, prompt=wanted).get("system") == text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model": " "}, "shop/r1 names no model"),
        (
            {"prompts": [REWRITE, ReleasePrompt("rank", 1, "x")]},
            "several prompts; say which one to ask with: rewrite, rank",
        ),
        ({"prompts": [REWRITE], "prompt": "rank"}, "has no prompt 'rank'; it has rewrite"),
        ({"parameters": {"max_tokens": "many"}}, r"shop/r1: parameters.max_tokens must be a whole number"),
        ({"prompts": [ReleasePrompt("answer", 1, "{reference}")]}, "must not be shown the answer"),
        ({"parameters": {"base_url": 5}}, "base_url must be a printable text"),
    ],
)
def test_a_release_that_cannot_be_called_says_why(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        made(**fields)
