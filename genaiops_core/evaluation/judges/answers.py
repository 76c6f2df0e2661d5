"""Structured answers of a model: the prompt with a schema, the parsed reply, and the prompt that repairs a broken reply.

Pure functions.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from genaiops_core.evaluation.judges.protocol import Answer, JudgeOptions
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


def parse_answer(reply: Reply, answer: type[Answer]) -> Answer:
    """The answer in a reply: the reply itself, or the last JSON object in it, since models add text around it.

    Raises:
        MalformedAnswer: no JSON object fits the schema.
    """
    try:
        return answer.model_validate_json(reply.text)
    except ValidationError as error:
        problem = _describe_problems(error)
    for candidate in _iterate_objects(reply.text):
        try:
            return answer.model_validate(candidate)
        except ValidationError as error:
            problem = _describe_problems(error)
    raise MalformedAnswer(problem if reply.text.strip() else "the answer is empty")


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


def _iterate_objects(text: str) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects in a text, last first; each is followed by the object that its only key wraps."""
    objects: list[dict[str, Any]] = []
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            # A brace within prose: the search goes on behind it.
            end = at + 1
        else:
            objects.append(value)
        at = text.find("{", end)
    for value in reversed(objects):
        yield value
        inner = next(iter(value.values())) if len(value) == 1 else None
        if isinstance(inner, dict):
            yield inner


def _describe_problems(error: ValidationError) -> str:
    """The problems by field, without the values, which may be long."""
    problems = [
        f"{'.'.join(str(part) for part in detail['loc']) or 'the answer'}: {detail['msg']}"
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    omitted = len(problems) - _MAX_PROBLEMS
    return "; ".join(problems[:_MAX_PROBLEMS]) + (f"; and {omitted} more" if omitted > 0 else "")
