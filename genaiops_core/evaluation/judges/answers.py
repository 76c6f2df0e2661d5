"""Between a model's text and the object that was asked for: schema, reading, and asking again.

Pure functions: `question` makes the prompt, `parse` reads the reply, `repair` makes the next prompt where it was broken.
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

MOST_REPLY_CHARACTERS = 8_000
"""Of a broken reply that is shown to the model again."""

_MOST_PROBLEMS = 5


class Malformed(Exception):
    """A reply that is not what was asked for; the text says what is wrong with it, in words that a model can use."""


def question(
    text: str, answer: type[BaseModel], options: JudgeOptions | None = None, *, system: str = ""
) -> Prompt:
    """A prompt of one message that asks for an answer of the type `answer`."""
    given = options or JudgeOptions()
    return Prompt(
        messages=(Message(role="user", text=text),),
        system=system,
        schema=schema_of(answer),
        schema_name=answer.__name__,
        max_tokens=given.max_tokens,
        temperature=given.temperature,
    )


@lru_cache(maxsize=512)
def schema_of(answer: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a type, with references written out: some models do not follow them.

    The same object every time, so it must not be changed.
    """
    whole = answer.model_json_schema()
    definitions = whole.pop("$defs", {})
    inlined = _inlined(whole, definitions, ())
    return inlined if inlined is not None else answer.model_json_schema()


def parse(reply: Reply, answer: type[Answer]) -> Answer:
    """The answer in a reply: the reply itself, or the last JSON object in it (models like to talk around it).

    Raises:
        Malformed: there is none that fits.
    """
    try:
        return answer.model_validate_json(reply.text)
    except ValidationError as error:
        problem = _told(error)
    for found in _objects(reply.text):
        try:
            return answer.model_validate(found)
        except ValidationError as error:
            problem = _told(error)
    raise Malformed(problem if reply.text.strip() else "the answer is empty")


def repair(prompt: Prompt, reply: Reply, problem: str) -> Prompt:
    """The same conversation with the broken answer and what is wrong with it."""
    said = reply.text.strip()[:MOST_REPLY_CHARACTERS] or "(no answer)"
    ask = (
        f"That answer cannot be used: {problem}. "
        "Answer the request again, with nothing but one JSON object that fits the schema."
    )
    turns = (Message(role="assistant", text=said), Message(role="user", text=ask))
    return dataclasses.replace(prompt, messages=(*prompt.messages, *turns))


def _inlined(part: Any, definitions: Mapping[str, Any], above: tuple[str, ...]) -> Any:
    """`part` with references replaced; None when a definition contains itself."""
    if isinstance(part, list):
        items = [_inlined(item, definitions, above) for item in part]
        return (
            None
            if any(new is None and old is not None for new, old in zip(items, part, strict=True))
            else items
        )
    if not isinstance(part, dict):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str):
        name = reference.rsplit("/", 1)[-1]
        if name in above:
            return None
        return _inlined(definitions[name], definitions, (*above, name))
    found = {key: _inlined(value, definitions, above) for key, value in part.items()}
    return None if any(found[key] is None and part[key] is not None for key in part) else found


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects in a text, the last outermost one first; and what a lone key such as `parameters` wraps."""
    found: list[dict[str, Any]] = []
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            found.append(value)
        at = text.find("{", end)
    for value in reversed(found):
        yield value
        inner = next(iter(value.values())) if len(value) == 1 else None
        if isinstance(inner, dict):
            yield inner


def _told(error: ValidationError) -> str:
    """What is wrong, by field; without the values, which may be long."""
    problems = [
        f"{'.'.join(str(part) for part in one['loc']) or 'the answer'}: {one['msg']}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = len(problems) - _MOST_PROBLEMS
    return "; ".join(problems[:_MOST_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
