"""Structured answers of a model: the prompt with a schema, the parsed reply, and the prompt that repairs a broken reply.

Pure functions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from genaiops_core.evaluation.judges.protocol import ANY_ANSWER, Answer, AnswerRules, JudgeOptions
from genaiops_core.evaluation.judges.reply_objects import (
    UnusableObject,
    find_objects,
    load_object,
    remove_reasoning,
    remove_spaces,
    unwrap,
)
from genaiops_core.evaluation.models.protocol import Message, Prompt, Reply

MAX_REPLY_CHARACTERS = 8_000
"""Limit of a broken reply in the repair prompt."""

_MAX_PROBLEMS = 5


class MalformedAnswer(Exception):
    """A reply that does not fit the schema; the message describes the problem to the model."""


def build_prompt(
    text: str, answer: type[BaseModel], options: JudgeOptions | None = None, *, system: str = ""
) -> Prompt:
    """A prompt of one message that requests an answer of the type `answer`."""
    effective = options or JudgeOptions()
    return Prompt(
        messages=(Message(role="user", text=text),),
        system=system,
        schema=build_schema(answer),
        schema_name=answer.__name__,
        max_tokens=effective.max_tokens,
        temperature=effective.temperature,
    )


@lru_cache(maxsize=512)
def build_schema(answer: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a type with its references inlined: some models do not resolve references.

    The result is cached, so it must not be changed.
    """
    schema = answer.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined = _inline_references(schema, definitions, ())
    # A recursive type cannot be inlined; the second call is needed because `pop` has changed the first
    # result.
    return inlined if inlined is not None else answer.model_json_schema()


def parse_answer(reply: Reply, answer: type[Answer], rules: AnswerRules = ANY_ANSWER) -> Answer:
    """The answer in a reply: the reply itself, or the only JSON object in it that has fields of the answer.

    Models add text around their answers. An object that the reply quotes from the texts of the case is not the answer,
    and neither is anything in a block of reasoning. Two different objects with fields of the answer are no answer.

    Raises:
        MalformedAnswer: no JSON object fits the schema and the rules, or more than one may be meant.
    """
    text = reply.text.strip()
    if not text:
        raise MalformedAnswer("the answer is empty")
    try:
        whole = load_object(text)
        if whole is None:
            text = remove_reasoning(text).strip()
            whole = load_object(text)
        candidates = [whole] if whole is not None else _list_candidates(text, rules.texts)
    except UnusableObject as error:
        raise MalformedAnswer(str(error)) from error
    return _validate_only(candidates, answer, rules)


def _list_candidates(text: str, case_texts: Sequence[str]) -> list[dict[str, Any]]:
    """The objects in a text, without those that stand in the texts of the case."""
    compact_texts = [remove_spaces(case_text) for case_text in case_texts]
    return [
        reply_object.value
        for reply_object in find_objects(text)
        if not any(remove_spaces(reply_object.source) in compact for compact in compact_texts)
    ]


def _validate_only(candidates: Sequence[dict[str, Any]], answer: type[Answer], rules: AnswerRules) -> Answer:
    fitting: list[Answer] = []
    problems: list[str] = []
    is_contested = False
    for candidate in candidates:
        try:
            result = _validate(candidate, answer, rules)
        except _Misfit as error:
            problems.append(str(error))
            # An object of another shape is a note or an example. One of the right shape may be the answer that is
            # meant, and then the object that fits is not.
            is_contested = is_contested or error.has_shape
        else:
            if result not in fitting:
                fitting.append(result)
    if len(fitting) > 1 or (fitting and is_contested):
        raise MalformedAnswer(
            "it has several JSON objects that differ, and nothing says which of them counts"
        )
    if not fitting:
        raise MalformedAnswer(problems[-1] if problems else "it has no JSON object")
    return fitting[0]


class _Misfit(Exception):
    """An object that is no answer."""

    def __init__(self, problem: str, *, has_shape: bool) -> None:
        super().__init__(problem)
        self.has_shape = has_shape
        """Whether it has the fields of the answer with values of their types, but wrong values."""


def _validate(candidate: dict[str, Any], answer: type[Answer], rules: AnswerRules) -> Answer:
    """The answer that an object is, or that its only key wraps.

    Raises:
        _Misfit: it is none.
    """
    misfits: list[_Misfit] = []
    for value in unwrap(candidate):
        try:
            result = answer.model_validate(value)
        except ValidationError as error:
            misfits.append(_Misfit(_describe_problems(error), has_shape=_has_shape(error)))
            continue
        if problem := rules.find_problem(result):
            raise _Misfit(problem, has_shape=True)
        return result
    # The inner object of a wrapper is the one to describe when it has the shape.
    raise next((misfit for misfit in misfits if misfit.has_shape), misfits[0])


def _has_shape(error: ValidationError) -> bool:
    kinds = [
        detail["type"]
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return not any(kind == "missing" or kind.endswith(("_type", "_parsing")) for kind in kinds)


def build_repair_prompt(prompt: Prompt, reply: Reply, problem: str) -> Prompt:
    """The same conversation, followed by the broken answer and its problem."""
    broken = reply.text.strip()[:MAX_REPLY_CHARACTERS] or "(no answer)"
    instruction = (
        f"That answer cannot be used: {problem}. "
        "Answer the request again, with nothing but one JSON object that fits the schema."
    )
    turns = (Message(role="assistant", text=broken), Message(role="user", text=instruction))
    return dataclasses.replace(prompt, messages=(*prompt.messages, *turns))


def _inline_references(node: Any, definitions: Mapping[str, Any], parents: tuple[str, ...]) -> Any:
    """The schema node with references inlined; None when a definition contains itself."""
    if isinstance(node, list):
        items = [_inline_references(item, definitions, parents) for item in node]
        return (
            None
            if any(new is None and old is not None for new, old in zip(items, node, strict=True))
            else items
        )
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        name = reference.rsplit("/", 1)[-1]
        # The definition contains itself; inlining would not end.
        if name in parents:
            return None
        return _inline_references(definitions[name], definitions, (*parents, name))
    inlined = {key: _inline_references(value, definitions, parents) for key, value in node.items()}
    return None if any(inlined[key] is None and node[key] is not None for key in node) else inlined


def _describe_problems(error: ValidationError) -> str:
    """The problems by field, without the values, which may be long."""
    problems = [
        f"{'.'.join(str(part) for part in detail['loc']) or 'the answer'}: {detail['msg']}"
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    omitted = len(problems) - _MAX_PROBLEMS
    return "; ".join(problems[:_MAX_PROBLEMS]) + (f"; and {omitted} more" if omitted > 0 else "")
