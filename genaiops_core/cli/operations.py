"""The shape that verbs share: run a use case in the name of the actor, then print JSON or a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from genaiops_core import output
from genaiops_core.cli import context

Outcome = TypeVar("Outcome")


def operate(use_case: Callable[..., Outcome], **arguments: Any) -> Outcome:
    """Run `use_case` on the database of this environment as the actor of this command line."""
    return use_case(context.engine(), actor=context.actor(), **arguments)


def print_outcome(outcome: Any, sentence: str, *, as_json: bool) -> None:
    """Print `outcome` as JSON, or `sentence` for people."""
    if as_json:
        output.print_json(outcome)
    else:
        output.say(sentence)
