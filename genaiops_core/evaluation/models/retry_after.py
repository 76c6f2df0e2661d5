"""When a provider that throttles wants to be called again."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
from collections.abc import Mapping

from genaiops_core.clock import now

THROTTLED = frozenset((429, 529))
"""Statuses that ask for a later retry; 529 is unregistered and means an overloaded provider."""


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `retry-after-ms` or `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3).

    None if there is no such header, or if it is invalid.
    """
    milliseconds = _parse_number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    seconds = _parse_number(value)
    if seconds is not None:
        return seconds
    try:
        retry_at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    retry_at = retry_at if retry_at.tzinfo else retry_at.replace(tzinfo=dt.UTC)
    return max(0.0, (retry_at - now()).total_seconds())


def _parse_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
