"""What is scored: one metric of one answer to one case; and how its calls are told apart."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson

ANSWER = "answer"
"""Stands for the metric where a call is not judging but answering."""


class Unit(NamedTuple):
    """One metric of one answer to one case."""

    case_no: int
    repetition: int
    metric: str


def call_sha256(unit: Unit, content: Any, occurrence: str) -> str:
    """Names a call of a unit, the same in every process and after every crash.

    Args:
        unit: whose call it is.
        content: what is asked and of whom; anything orjson can write.
        occurrence: parts calls with the same content, for example "1:2".
    """
    text = orjson.dumps([list(unit), content, occurrence], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
