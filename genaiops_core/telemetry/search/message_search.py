"""Searches the messages of spans for texts. Payloads are compressed and have no index, so each request is read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from db.tables.telemetry import log_record, payload
from genaiops_core.telemetry.blobs import make_decompressor

MAX_REQUESTS_READ = 1_000
"""Requests whose messages are read for one page, at most."""

MAX_PARSED_BYTES = 4 << 20
"""A longer payload is searched as raw JSON, including escapes and attribute names, because parsing it is too slow."""

_PLAIN = re.compile(r"[a-z0-9]+")
_SPACES = re.compile(r"\s+")

RequestKey = tuple[str, str]
"""Trace id and application."""


def normalise(text: str) -> str:
    """Text in a form in which case and the length of white space do not matter."""
    return _SPACES.sub(" ", text).casefold()


def find_texts_in_requests(
    connection: sa.Connection, requests: Sequence[RequestKey], texts: Sequence[str]
) -> dict[RequestKey, set[str]]:
    """The `texts` that occur in attributes, events or log records of each request, in any case.

    Args:
        connection: best a `reading` snapshot.
        requests: a small number; one statement reads all their payloads.
        texts: words or phrases.
    """
    tests = {text: _compile_test(text) for text in texts}
    found_texts: dict[RequestKey, set[str]] = defaultdict(set)
    wanted = set(requests)
    decompress = make_decompressor()
    for trace_id, application, blob, is_record in _read_blobs(
        connection, [trace_id for trace_id, _ in requests]
    ):
        key = (trace_id, application)
        missing_texts = [text for text in tests if text not in found_texts[key]] if key in wanted else []
        if missing_texts:
            content = decompress(blob)
            # A log record is wrapped so that it has the shape of a payload: {span_id: {...}}.
            stored = _Payload(b'{"":%b}' % content if is_record else content)
            found_texts[key].update(text for text in missing_texts if tests[text](stored))
    return found_texts


def _read_blobs(connection: sa.Connection, traces: Sequence[str]) -> Iterator[tuple[str, str, bytes, bool]]:
    """Trace id, application and blob of every payload and log record, and whether it is a record."""
    for table, blob in ((payload, payload.c.spans_zstd), (log_record, log_record.c.record_zstd)):
        rows = connection.execute(
            sa.select(table.c.trace_id, table.c.application, blob).where(table.c.trace_id.in_(traces))
        )
        for trace_id, application, content in rows:
            yield trace_id, application, content, table is log_record


class _Payload:
    """One payload. It is parsed only when its bytes may contain a text."""

    def __init__(self, content: bytes) -> None:
        self._lowered = content.lower()
        self._written = content
        self._strings: list[str] | None = None

    def may_have(self, word: bytes) -> bool:
        return word in self._lowered

    def has(self, text: str) -> bool:
        if self._strings is None:
            if len(self._written) > MAX_PARSED_BYTES:
                self._strings = [normalise(self._written.decode(errors="replace"))]
            else:
                spans = orjson.loads(self._written).values()
                self._strings = [
                    normalise(string) for span_payload in spans for string in extract_texts(span_payload)
                ]
        return any(text in string for string in self._strings)


def _compile_test(text: str) -> Callable[[_Payload], bool]:
    wanted = normalise(text)
    # JSON writers do not escape ASCII letters and digits, so bytes without the longest run of them cannot contain the text.
    runs = _PLAIN.findall(wanted) if wanted.isascii() else []
    word = max(runs, key=len, default="").encode()
    return lambda stored: stored.may_have(word) and stored.has(wanted)


def extract_texts(source: Any) -> Iterator[str]:
    """Every string in one span's payload or one log record; a string that contains JSON is parsed too."""
    stack = (
        [source.get(name) for name in ("attributes", "events", "body")] if isinstance(source, dict) else []
    )
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, str):
            inner = _parse_json(value)
            if inner is None:
                yield value
            else:
                stack.append(inner)


def _parse_json(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
