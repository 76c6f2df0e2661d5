"""Looking for words in what spans say. Payloads are compressed, so no index helps: requests are read one by one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
import zstandard

from db.tables.telemetry import log_record, payload

MOST_READ = 1_000
"""Requests whose messages are read for one page."""

LARGEST_PARSED_BYTES = 4 << 20
"""A longer payload is searched as it is written, JSON escapes and names of attributes included."""

_PLAIN = re.compile(r"[a-z0-9]+")
_SPACES = re.compile(r"\s+")
_LARGEST_BLOB_BYTES = 1 << 30

Key = tuple[str, str]
"""Trace id and application."""


def normal(text: str) -> str:
    """Case and the length of white space do not matter."""
    return _SPACES.sub(" ", text).casefold()


def say(connection: sa.Connection, requests: Sequence[Key], texts: Sequence[str]) -> dict[Key, set[str]]:
    """Which of `texts` the spans of each request say in an attribute or event, in any case.

    Args:
        connection: best a `reading` snapshot.
        requests: few; their payloads are read together.
        texts: words or phrases.
    """
    tests = {text: _test(text) for text in texts}
    found: dict[Key, set[str]] = defaultdict(set)
    wanted = set(requests)
    decompress = zstandard.ZstdDecompressor().decompress
    for trace_id, application, blob, is_record in _blobs(connection, [trace_id for trace_id, _ in requests]):
        key = (trace_id, application)
        left = [text for text in tests if text not in found[key]] if key in wanted else []
        if left:
            written = decompress(blob, max_output_size=_LARGEST_BLOB_BYTES)
            said = _Said(b'{"":%b}' % written if is_record else written)
            found[key].update(text for text in left if tests[text](said))
    return found


def _blobs(connection: sa.Connection, traces: Sequence[str]) -> Iterator[tuple[str, str, bytes, bool]]:
    """Trace id, application and blob of every payload and log record, and whether it is a record."""
    for table, blob in ((payload, payload.c.spans_zstd), (log_record, log_record.c.record_zstd)):
        rows = connection.execute(
            sa.select(table.c.trace_id, table.c.application, blob).where(table.c.trace_id.in_(traces))
        )
        for trace_id, application, written in rows:
            yield trace_id, application, written, table is log_record


class _Said:
    """One payload, parsed only when its bytes do not rule a text out."""

    def __init__(self, written: bytes) -> None:
        self._lowered = written.lower()
        self._written = written
        self._strings: list[str] | None = None

    def may_have(self, word: bytes) -> bool:
        return word in self._lowered

    def has(self, text: str) -> bool:
        if self._strings is None:
            if len(self._written) > LARGEST_PARSED_BYTES:
                self._strings = [normal(self._written.decode(errors="replace"))]
            else:
                spans = orjson.loads(self._written).values()
                self._strings = [normal(one) for told in spans for one in texts_of(told)]
        return any(text in one for one in self._strings)


def _test(text: str) -> Callable[[_Said], bool]:
    wanted = normal(text)
    # Letters and digits are written as they are in JSON, also in JSON inside a string: what lacks them lacks the text.
    runs = _PLAIN.findall(wanted) if wanted.isascii() else []
    word = max(runs, key=len, default="").encode()
    return lambda said: said.may_have(word) and said.has(wanted)


def texts_of(told: Any) -> Iterator[str]:
    """Every text that one span's payload or one log record says, JSON in a text opened."""
    stack = [told.get(name) for name in ("attributes", "events", "body")] if isinstance(told, dict) else []
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, str):
            inner = _json(value)
            if inner is None:
                yield value
            else:
                stack.append(inner)


def _json(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
