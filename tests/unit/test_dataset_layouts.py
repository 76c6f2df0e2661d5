"""Layouts of cases in other tools: each gives the right fields without a mapping."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genaiops_core.evaluation.datasets import preview_import
from genaiops_core.evaluation.datasets.case import Case


def read_first_case(document: Any, name: str = "suite.json") -> Case:
    data = document if isinstance(document, str) else json.dumps(document)
    return preview_import(data.encode(), name).cases[0]


def extract_fields(case: Case) -> tuple[Any, ...]:
    return case.input, case.answer, case.contexts, case.reference


USER_MESSAGE = {"role": "user", "content": "Why?"}
ASSISTANT_MESSAGE = {"role": "assistant", "content": "So."}

LAYOUTS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "OpenAI evals": (
        [{"input": [{"role": "system", "content": "Be brief."}, USER_MESSAGE], "ideal": ["So.", "Thus."]}],
        ("Why?", None, None, "So.\nThus."),
    ),
    "OpenAI fine-tuning": ([{"messages": [USER_MESSAGE, ASSISTANT_MESSAGE]}], ("Why?", "So.", None, None)),
    "content parts": (
        [{"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]}],
        ("Why?", None, None, None),
    ),
    "ShareGPT": (
        [{"id": 1, "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]}],
        ("Why?", "So.", None, None),
    ),
    "LangSmith": (
        [{"id": "1", "inputs": {"question": "Why?"}, "outputs": {"answer": "So."}}],
        ("Why?", None, None, "So."),
    ),
    "LangSmith with references": (
        [
            {
                "inputs": {"question": "Why?", "user": "u"},
                "outputs": {"answer": "So."},
                "reference_outputs": {"answer": "Thus."},
            }
        ],
        ("Why?", "So.", None, "Thus."),
    ),
    "Langfuse items": (
        [{"input": {"question": "Why?"}, "expectedOutput": {"answer": "So."}, "metadata": {"a": 1}}],
        ("Why?", None, None, "So."),
    ),
    "one text in an object": (
        [{"inputs": {"text": "Why?"}, "outputs": {"text": "So."}}],
        ("Why?", None, None, "So."),
    ),
    "Hugging Face lists": (
        [{"question": "Why?", "ground_truths": ["So."], "contexts": ["a", "b"], "answer": "Thus."}],
        ("Why?", "Thus.", ("a", "b"), "So."),
    ),
    "SQuAD": (
        [{"question": "Why?", "context": "a", "answers": {"text": ["So.", "So."], "answer_start": [0, 0]}}],
        ("Why?", None, ("a",), "So."),
    ),
    "TensorZero": (
        [
            {
                "input": {"messages": [{"role": "user", "content": [{"type": "text", "value": "Why?"}]}]},
                "output": [{"type": "text", "text": "So."}],
            }
        ],
        ("Why?", "So.", None, None),
    ),
    "a completion": (
        [{"prompt": "Why?", "response": {"choices": [{"message": ASSISTANT_MESSAGE}]}}],
        ("Why?", "So.", None, None),
    ),
    "LangChain messages": (
        [{"user_input": [{"type": "human", "content": "Why?"}], "reference": "So."}],
        ("Why?", None, None, "So."),
    ),
    "Inspect with choices": (
        [{"input": "Why?", "choices": ["a", "b"], "target": "A"}],
        ("Why?", None, None, "A"),
    ),
    "camel case": (
        [{"userInput": "Why?", "groundTruth": "So.", "retrievedContexts": ["a"]}],
        ("Why?", None, ("a",), "So."),
    ),
    "Alpaca": (
        [{"instruction": "Why?", "input": "", "output": "So."}, {"instruction": "Who?", "input": ""}],
        ("Why?", "So.", None, None),
    ),
    "a dataset server's page": (
        {"features": [], "rows": [{"row_idx": 0, "row": {"question": "Why?", "answer": "So."}}]},
        ("Why?", "So.", None, None),
    ),
    "columns and rows apart": (
        {"columns": ["question", "answer"], "index": [0], "data": [["Why?", "So."]]},
        ("Why?", "So.", None, None),
    ),
    "by identifier": (
        {"q1": {"question": "Why?", "answer": "So."}, "q2": {"question": "Who?"}},
        ("Why?", "So.", None, None),
    ),
    "a list of texts": (["Why?", "Who?"], ("Why?", None, None, None)),
    "a list of lists": ([["question", "answer"], ["Why?", "So."]], ("Why?", "So.", None, None)),
    "SQuAD's articles": (
        {
            "version": "2",
            "data": [
                {
                    "title": "T",
                    "paragraphs": [
                        {
                            "context": "a",
                            "qas": [{"question": "Why?", "answers": [{"text": "So.", "answer_start": 0}]}],
                        }
                    ],
                }
            ],
        },
        ("Why?", None, ("a",), "So."),
    ),
    "HotpotQA": (
        [{"question": "Why?", "context": {"title": ["A", "B"], "sentences": [["a", "b"], ["c"]]}}],
        ("Why?", None, ("A\na\nb", "B\nc"), None),
    ),
    "Bedrock, a model's answers": (
        [
            {
                "prompt": "Why?",
                "referenceResponse": "Thus.",
                "modelResponses": [{"response": "So.", "modelIdentifier": "m"}],
            }
        ],
        ("Why?", "So.", None, "Thus."),
    ),
    "Bedrock, retrieval": (
        [
            {
                "conversationTurns": [
                    {
                        "prompt": {"content": [{"text": "Why?"}]},
                        "referenceResponses": [{"content": [{"text": "Thus."}]}],
                        "output": {
                            "text": "So.",
                            "retrievedPassages": {"retrievalResults": [{"content": {"text": "a"}}]},
                        },
                    }
                ]
            }
        ],
        ("Why?", "So.", ("a",), "Thus."),
    ),
    "flattened names": (
        [{"attributes.input.value": "Why?", "outputs.answer": "So.", "metadata.question": "no"}],
        ("Why?", "So.", None, None),
    ),
    "passages with titles": (
        [{"question": "Why?", "ctxs": [{"title": "A", "text": "a"}], "answers": ["So."]}],
        ("Why?", None, ("a",), "So."),
    ),
    "promptfoo tests": ({"tests": [{"vars": {"question": "Why?"}}]}, ("Why?", None, None, None)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_other_tools_are_read(layout: str) -> None:
    document, expected = LAYOUTS[layout]
    assert extract_fields(read_first_case(document)) == expected


def test_conversation_keeps_roles_and_system_prompt() -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        USER_MESSAGE,
        ASSISTANT_MESSAGE,
        {"role": "user", "content": "Who?"},
    ]
    case = read_first_case([{"messages": turns}])
    assert case.input == "user: Why?\nassistant: So.\nuser: Who?"
    assert case.metadata == {"system": "Be brief."}


def test_objects_written_as_text_are_decoded() -> None:
    text = 'inputs,outputs\n"{""question"": ""Why?""}","{""answer"": ""So.""}"\n'
    assert extract_fields(read_first_case(text, "runs.csv")) == ("Why?", None, None, "So.")
    printed = "inputs,outputs\n\"{'question': 'Why?', 'n': None}\",\"{'answer': 'So.'}\"\n"
    assert extract_fields(read_first_case(printed, "runs.csv")) == ("Why?", None, None, "So.")


def test_repeated_column_name_keeps_its_column() -> None:
    assert read_first_case("question,question.1,1. answer\nWhy?,Who?,So\n", "a.csv").input == "Why?"


def test_list_of_answers_becomes_lines_in_plural_columns() -> None:
    assert read_first_case("question,ground_truths\nWhy?,['So.']\n", "a.csv").reference == "So."
    assert read_first_case("question,reference\nWhy?,['So.']\n", "a.csv").reference == "['So.']"


@pytest.mark.parametrize("answer", ['{"from": "bot", "to": "x"}', '{"role": "user"}', '[{"a": 1}]', "[1, 2]"])
def test_json_answer_is_unchanged(answer: str) -> None:
    assert read_first_case([{"question": "Why?", "answer": answer}]).answer == answer


def test_rest_of_mapped_object_is_metadata() -> None:
    case = read_first_case([{"inputs": {"question": "Why?"}, "outputs": {"answer": "So.", "model": "nova"}}])
    assert case.metadata == {"outputs": {"answer": "So.", "model": "nova"}}
