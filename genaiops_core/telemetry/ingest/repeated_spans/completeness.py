"""How complete a span is, to choose between two of one trace, application and id.

Some exporters send a span when it starts and again when it ends; some proxies and agents send a shortened copy. The
finished span counts before the unfinished one, then the one with more known fields, then the longer one, then the one
with more content. The order is total, so that the same span is stored whatever arrives first; it reads nothing that
ingest decides later (price, deduplication, entry spans).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from genaiops_core.telemetry.bounds import to_json

_TEXTS = (
    *("parent_span_id", "status_message", "environment", "release", "provider"),
    *("model", "session_id", "user_id", "call_id"),
)
_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "first_token_ns")
_WITHOUT_COMPONENT = "other"

COLUMNS = ("name", "component", "start_ns", "duration_ns", "is_error", *_TEXTS, *_COUNTS)
"""Every column that the order reads."""


class RatedSpan(Protocol):
    """What the order reads of a span: a row of `span`, or a span just received."""

    @property
    def name(self) -> str: ...
    @property
    def component(self) -> str: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def duration_ns(self) -> int: ...
    @property
    def is_error(self) -> bool: ...


def rate_columns(span: RatedSpan) -> tuple[Any, ...]:
    """The sort key without content: the greater is more complete."""
    counts = [getattr(span, name) for name in _COUNTS]
    known = sum(getattr(span, name) != "" for name in _TEXTS) + sum(count is not None for count in counts)
    return (
        span.duration_ns >= 0,
        known + (span.component != _WITHOUT_COMPONENT) + bool(span.is_error),
        span.duration_ns,
        *(-1 if count is None else count for count in counts),
    )


def rate_content(span: RatedSpan, payload: Mapping[str, Any]) -> tuple[Any, ...]:
    """The sort key of two spans with equal `rate_columns`; equal only for copies.

    Args:
        span: the span.
        payload: its attributes, events and links; notes of ingest do not count.
    """
    parts = [payload.get("attributes") or {}, payload.get("events") or [], payload.get("links") or []]
    content = to_json(parts)
    texts = tuple(str(getattr(span, name)) for name in ("name", "component", *_TEXTS))
    return (sum(map(len, parts)), len(content), content, texts, span.start_ns)
