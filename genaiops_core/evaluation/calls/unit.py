"""The unit of scoring (one metric of one answer to one case) and the key under which a call of a unit is cached."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson


class UnitKey(NamedTuple):
    """Identifies one metric of one answer to one case."""

    case_no: int
    repetition: int
    metric: str


def hash_call(unit: UnitKey, content: Any, occurrence: str) -> str:
    """SHA-256 key of a call, equal in every process and after every crash.

    Args:
        unit: the unit that makes the call.
        content: the model and its input; anything orjson can serialise.
        occurrence: distinguishes calls of a unit with equal content, for example "1:2".
    """
    # A list, because orjson rejects named tuples.
    text = orjson.dumps([list(unit), content, occurrence], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
