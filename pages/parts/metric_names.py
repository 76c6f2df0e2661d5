"""How metrics are called on screen; a name that the registry does not know is written as it is."""

from __future__ import annotations

from genaiops_core.evaluation.metrics import REGISTRY


def title(name: str) -> str:
    """As people say it: `Faithfulness`, `Grounding overlap (proxy)`."""
    entry = REGISTRY.get(name)
    return entry.title if entry else name.replace("_", " ").capitalize()


def heading(name: str) -> str:
    """For the head of a narrow column: `grounding overlap (proxy)`."""
    entry = REGISTRY.get(name)
    return f"{name.replace('_', ' ')}{' (proxy)' if entry and entry.is_proxy else ''}"


def is_high_worst(name: str | None) -> bool:
    """Whether more of it is worse."""
    entry = REGISTRY.get(name or "")
    return getattr(entry, "direction", "") == "lower"
