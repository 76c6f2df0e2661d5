"""From a model's text to the object asked for, and how it is asked again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from genaiops_core.evaluation.judges.answers import (
    MAX_REPLY_CHARACTERS,
    MalformedAnswer,
    build_prompt,
    build_repair_prompt,
    build_schema,
    parse_answer,
)
from genaiops_core.evaluation.judges.protocol import JudgeOptions
from genaiops_core.evaluation.models.protocol import Reply, Usage
from genaiops_core.evaluation.models.schemas import make_strict


class Part(BaseModel):
    word: str
    verdict: int


class Verdicts(BaseModel):
    parts: list[Part]
    note: str = Field(default="", description="why")


class Tree(BaseModel):
    below: list[Tree]


def reply(text: str) -> Reply:
    return Reply(text=text, usage=Usage(), latency_ms=1)


GOOD = '{"parts": [{"word": "a", "verdict": 1}]}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Let me think {{about}} it. {GOOD} That is all.",
        f'{{"parts": "a draft"}} No, rather: {GOOD}',
        f'{{"parameters": {GOOD}}}',
    ],
)
def test_answer_is_found_within_other_text(text: str) -> None:
    assert parse_answer(reply(text), Verdicts).parts == [Part(word="a", verdict=1)]


def test_problem_names_fields_without_values() -> None:
    with pytest.raises(MalformedAnswer, match=r"parts\.0\.verdict: Field required") as raised:
        parse_answer(reply('{"parts": [{"word": "secret"}]}'), Verdicts)
    assert "secret" not in str(raised.value)
    with pytest.raises(MalformedAnswer, match="the answer is empty"):
        parse_answer(reply("  "), Verdicts)
    with pytest.raises(MalformedAnswer):
        parse_answer(reply("[" * 100_000), Verdicts)


@given(st.text())
def test_any_text_parses_or_is_malformed(text: str) -> None:
    try:
        parse_answer(reply(text), Verdicts)
    except MalformedAnswer as error:
        assert str(error)


@given(st.lists(st.tuples(st.text(), st.integers()), max_size=3), st.text(alphabet="abc ,.\n"))
def test_valid_answer_is_found_in_any_prose(parts: list[tuple[str, int]], prose: str) -> None:
    verdicts = Verdicts(parts=[Part(word=word, verdict=number) for word, number in parts])
    assert parse_answer(reply(prose + verdicts.model_dump_json() + prose), Verdicts) == verdicts


def test_repair_prompt_has_broken_answer_and_problem() -> None:
    first = build_prompt("Judge this.", Verdicts, JudgeOptions(max_tokens=77), system="You judge.")
    repair = build_repair_prompt(first, reply("x" * 100_000), "parts: Field required")
    assert [turn.role for turn in repair.messages] == ["user", "assistant", "user"]
    assert len(repair.messages[1].text) == MAX_REPLY_CHARACTERS
    assert "parts: Field required" in repair.messages[2].text
    assert (repair.schema, repair.system, repair.max_tokens) == (first.schema, "You judge.", 77)
    # Providers refuse an empty turn.
    assert build_repair_prompt(first, reply(" "), "empty").messages[1].text == "(no answer)"


def test_schema_references_are_inlined_unless_recursive() -> None:
    assert "$ref" not in json.dumps(build_schema(Verdicts))
    assert build_schema(Verdicts)["properties"]["parts"]["items"]["required"] == ["word", "verdict"]
    assert build_schema(Verdicts) is build_schema(Verdicts)
    assert "$ref" in json.dumps(build_schema(Tree))


def test_strict_schema_requires_all_and_forbids_others() -> None:
    schema: dict[str, Any] = make_strict(build_schema(Verdicts))
    assert schema["required"] == ["parts", "note"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["parts"]["items"]["additionalProperties"] is False
    assert "additionalProperties" not in build_schema(Verdicts)
