"""How long reads are cached, and which writes invalidate them.

The cache is keyed by the database URL and the arguments and shared by all sessions. It holds no secret of one
visitor: everyone who may open the console may see all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args

import streamlit as st

SLOW_S = 30
"""For data that changes only by writes: a screen invalidates its own, the writes of others show after this time."""
STEADY_S = 10
"""For figures over a window."""
QUICK_S = 2
"""For panels that refresh by themselves."""

Subject = Literal[
    "releases",
    "datasets",
    "evaluations",
    "prompts",
    "rollouts",
    "incidents",
    "views",
    "rubrics",
    "reviews",
    "labels",
]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)

Read = TypeVar("Read", bound=Callable[..., Any])

# A module of reads registers its own on import. What was never imported has cached nothing.
_READS_BY_SUBJECT: dict[Subject, list[Any]] = {subject: [] for subject in SUBJECTS}


def cache_for(ttl_s: int) -> Callable[[Read], Read]:
    """Cache the result of a read for `ttl_s` seconds."""
    # The cached function keeps the signature of the read; `clear` is only called by `invalidate`.
    # Bounded, because arguments contain free text such as searches.
    return st.cache_data(ttl=ttl_s, max_entries=256, show_spinner=False)  # type: ignore[return-value]


def register_reads(subject: Subject, *reads: Any) -> None:
    """Name the cached reads that a write to `subject` invalidates."""
    _READS_BY_SUBJECT[subject].extend(reads)


def invalidate(*subjects: Subject) -> None:
    """Clear the cached reads of every subject that was written to."""
    for subject in subjects:
        for read in _READS_BY_SUBJECT[subject]:
            read.clear()
