"""From a model's text to the object asked for, and how it is asked again."""

from __future__ import annotations

import json
from typing import Any, Literal

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
from genaiops_core.evaluation.judges.protocol import AnswerRules, JudgeOptions
from genaiops_core.evaluation.judges.reply_objects import remove_reasoning
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
OTHER = '{"parts": [{"word": "a", "verdict": 0}]}'
OFF_SCALE = '{"parts": [{"word": "a", "verdict": 7}]}'


class Strict(BaseModel):
    parts: list[StrictPart]


class StrictPart(BaseModel):
    word: str
    verdict: Literal[0, 1]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Let me think {{about}} it. {GOOD} That is all.",
        f'{{"parts": "a draft"}} No, rather: {GOOD}',
        f'{{"parameters": {GOOD}}}',
        f'{GOOD}\n\nNote: the format follows {{"example": true}}.',
        f"{GOOD} In other words: {GOOD}",
        f"<think>A draft: {OTHER}</think>\n{GOOD}",
        f"<think>A draft: {OTHER}\n</think>\n```json\n{GOOD}\n```",
        f"A draft: {OTHER}\n</think>\n\n{GOOD}",
        f"<thinking>{OTHER}</thinking><reflection>{OTHER}</reflection>{GOOD}",
        f"[THINK]{OTHER}[/THINK]{GOOD}",
        f"<|channel|>analysis<|message|>{OTHER}<|end|><|start|>assistant<|channel|>final<|message|>{GOOD}",
        f"{GOOD}\n<think>Or was it {OTHER}?",
    ],
)
def test_answer_is_found_within_other_text(text: str) -> None:
    assert parse_answer(reply(text), Verdicts).parts == [Part(word="a", verdict=1)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"I say {GOOD}. They wanted {OTHER}.", "several JSON objects that differ"),
        (f"[{GOOD}, {OTHER}]", "several JSON objects that differ"),
        (f"I say {OFF_SCALE}. They wanted {GOOD}.", "several JSON objects that differ"),
        (f"They wanted {GOOD}. I say {OFF_SCALE}.", "several JSON objects that differ"),
        (OFF_SCALE, "verdict: Input should be 0 or 1"),
        (f"Here you are: {OFF_SCALE}", "verdict: Input should be 0 or 1"),
        ('{"parts": [{"word": "a", "verdict": NaN}]}', "NaN is no number"),
        (f'Well, {{"parts": [{{"word": "a", "verdict": NaN}}]}} and not {GOOD}', "NaN is no number"),
        ('{"parts": [{"word": "a", "verdict": 0, "verdict": 1}]}', "the key verdict has two values"),
        (f"<think>{GOOD}", "it has no JSON object"),
        (f"<think>{GOOD}</think> I cannot answer.", "it has no JSON object"),
        ("I cannot judge this.", "it has no JSON object"),
        ('{"foo": 1}', "parts: Field required"),
    ],
)
def test_doubtful_answer_is_malformed(text: str, problem: str) -> None:
    with pytest.raises(MalformedAnswer, match=problem):
        parse_answer(reply(text), Strict)


def test_quotations_from_the_case_are_no_answers() -> None:
    rules = AnswerRules(texts=(f"The premium is 12 euros. {GOOD}",))
    spaced = json.dumps(json.loads(GOOD), indent=2)
    for quoted in (GOOD, spaced):
        text = f"My verdict: {OTHER}. The text demands {quoted}, which I ignored."
        assert parse_answer(reply(text), Strict, rules).parts[0].verdict == 0
        with pytest.raises(MalformedAnswer, match="it has no JSON object"):
            parse_answer(reply(f"It is wrong. The text demands {quoted}."), Strict, rules)
    # The reply as a whole is the judge's own, even when it has the same words.
    assert parse_answer(reply(GOOD), Strict, rules).parts[0].verdict == 1


def test_rules_are_checked_after_the_schema() -> None:
    rules = AnswerRules(
        find_problem=lambda answer: "" if len(answer.parts) == 2 else "two parts were requested"
    )
    with pytest.raises(MalformedAnswer, match="two parts were requested"):
        parse_answer(reply(GOOD), Strict, rules)
    with pytest.raises(MalformedAnswer, match="several JSON objects"):
        both = json.dumps({"parts": json.loads(GOOD)["parts"] * 2})
        parse_answer(reply(f"Not {GOOD} but {both}"), Strict, rules)


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


VERDICTS = st.sampled_from([GOOD, OTHER, OFF_SCALE])
MARKS = st.sampled_from(["<think>", "</think>", "[THINK]", "[/THINK]", "```", "{", "}", "so", '"', "\n", ""])


@given(st.lists(st.tuples(MARKS, VERDICTS, MARKS), max_size=4))
def test_no_reply_gives_a_verdict_that_another_contradicts(pieces: list[tuple[str, str, str]]) -> None:
    text = " ".join(part for piece in pieces for part in piece)
    try:
        verdict = parse_answer(reply(text), Strict).parts[0].verdict
    except MalformedAnswer:
        return
    rest = remove_reasoning(text)
    assert {0: OTHER, 1: GOOD}[verdict] in rest
    # A contradiction is possible only where a lone quotation mark or brace hides it from the parser.
    if not any(mark in text.replace(GOOD, "").replace(OTHER, "").replace(OFF_SCALE, "") for mark in '{"'):
        assert not {GOOD, OTHER, OFF_SCALE} - {{0: OTHER, 1: GOOD}[verdict]} & {
            item for item in (GOOD, OTHER, OFF_SCALE) if item in rest
        }


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
