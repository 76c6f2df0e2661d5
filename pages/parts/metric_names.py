"""How metrics are called on screen; a name that the registry does not know is written as it is."""

from __future__ import annotations

from genaiops_core.evaluation.metrics import find


def title(name: str) -> str:
    """As people say it: `Faithfulness`, `Grounding overlap (proxy)`."""
    entry = find(name)
    return entry.title if entry else name.replace("_", " ").capitalize()


def heading(name: str) -> str:
    """For the head of a narrow column: `grounding overlap`; the column's help says what a proxy is."""
    return name.replace("_", " ")


def help_of(name: str) -> str | None:
    """What it says, in a sentence or two."""
    entry = find(name)
    return entry.description if entry else None


def is_high_worst(name: str | None) -> bool:
    """Whether more of it is worse."""
    entry = find(name) if name else None
    return entry is not None and entry.higher_is_better is False
