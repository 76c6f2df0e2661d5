"""A release as a target: model, prompt, parameters, and notes on what is not sent."""

from __future__ import annotations

from typing import Any

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.targets.release_target import OPENAI_URL, ReleasePrompt, build_release_spec

ANSWER = ReleasePrompt("answer", 3, "Answer {question} from {contexts}.")
REWRITE = ReleasePrompt("rewrite", 1, "Rewrite.")
SYSTEM = ReleasePrompt("system", 2, "Be kind.")


def build_document(**fields: Any) -> dict[str, Any]:
    return build_release_spec(**{"name": "shop/r1", "model": "amazon.nova-pro-v1:0", **fields}).as_json()


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
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
def test_model_name_selects_the_provider(
    model: str, parameters: dict[str, Any], expected: tuple[str, str, str | None]
) -> None:
    document = build_document(model=model, parameters=parameters)
    assert (document["kind"], document["model"], document.get("base_url")) == expected
    assert "notes" not in document


def test_parameters_of_all_spellings_are_sent() -> None:
    document = build_document(
        parameters={
            "maxTokens": 300,
            "temperature": 0.1,
            "topP": 0.9,
            "region": "eu-west-1",
            "guardrail": "g:1",
        }
    )
    assert document["parameters"] == {"max_tokens": 300, "temperature": 0.1, "top_p": 0.9}
    assert (document["region"], document["guardrail"]) == ("eu-west-1", "g:1")


def test_notes_list_what_is_not_sent() -> None:
    document = build_document(prompts=[ANSWER, REWRITE], parameters={"top_k": 5}, code_revision="abc")
    assert document["system"] == ANSWER.text
    assert document["notes"] == [
        "Parameter top_k of the release is not sent.",
        "Prompt rewrite@1 of the release is not sent.",
        "The target calls the model, not the application: its code and data are not used.",
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
def test_prompt_is_chosen_by_name(prompts: list[ReleasePrompt], wanted: str, text: str | None) -> None:
    assert build_document(prompts=prompts, prompt=wanted).get("system") == text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model": " "}, "shop/r1 has no model"),
        (
            {"prompts": [REWRITE, ReleasePrompt("rank", 1, "x")]},
            "several prompts; choose one: rewrite, rank",
        ),
        ({"prompts": [REWRITE], "prompt": "rank"}, "has no prompt 'rank'; it has rewrite"),
        ({"parameters": {"max_tokens": "many"}}, r"shop/r1: parameters.max_tokens must be a whole number"),
        ({"prompts": [ReleasePrompt("answer", 1, "{reference}")]}, "must not see the reference answer"),
        ({"parameters": {"base_url": 5}}, "base_url must be a printable text"),
    ],
)
def test_release_that_cannot_be_called_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        build_document(**fields)
