"""Splits large OTLP bodies, so that memory stays flat, and damaged ones, so that intact records are stored.

An export of spans and one of log records have the same shape on the wire: {1: {1: resource, 2: {1: scope, 2: span}}}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson
from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from genaiops_core.errors import BadInput

_LENGTH_DELIMITED = 2
_FIXED = {1: 8, 5: 4}
_MAX_JSON_DEPTH = 200
"""Deepest JSON level: OTLP uses three to four levels for each level of a value."""


def split_export(body: bytes, items: int) -> Iterator[bytes]:
    """Split `body` into exports of at most `items` spans or records each, in the same order.

    Raises:
        BadInput: `body` is not protobuf.
    """
    pending: list[bytes] = []
    count = 0
    try:
        for number, part in _split_scopes(body, items):
            if pending and count + number > items:
                # Concatenated protobuf messages are one message with all their items.
                yield b"".join(pending)
                pending, count = [], 0
            pending.append(part)
            count += number
    except (IndexError, ValueError) as error:
        raise BadInput(f"The body is not an OTLP export in protobuf: {error}") from error
    if pending:
        yield b"".join(pending)


def _split_scopes(body: bytes, items: int) -> Iterator[tuple[int, bytes]]:
    """Yield the number of items and an export for each scope, several for a scope of more than `items`."""
    for group in _find_fields(body, 1):
        shared = [body[start:end] for number, start, end in _scan_fields(body, *group) if number != 2]
        resource = b"".join(shared)
        for scope in _find_fields(body, 2, *group):
            head: list[bytes] = []
            spans: list[tuple[int, int]] = []
            for number, start, end in _scan_fields(body, *scope):
                if number == 2:
                    spans.append((start, end))
                else:
                    head.append(body[start:end])
            common = b"".join(head)
            for first in range(0, len(spans), items):
                portion = spans[first : first + items]
                inner = common + b"".join([body[start:end] for start, end in portion])
                yield len(portion), _encode_field(1, resource + _encode_field(2, inner))


def _find_fields(
    body: bytes, field_number: int, start: int = 0, end: int | None = None
) -> Iterator[tuple[int, int]]:
    """Yield start and end of the content of every field with this number."""
    for number, first, _ in _scan_fields(body, start, len(body) if end is None else end):
        if number == field_number:
            tag_end = _read_varint(body, first)[1]
            length, content = _read_varint(body, tag_end)
            yield content, content + length


def _scan_fields(body: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of every field, including its tag."""
    position = start
    while position < end:
        first = position
        tag, position = _read_varint(body, position)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            length, position = _read_varint(body, position)
            position += length
        elif kind == 0:
            _, position = _read_varint(body, position)
        elif kind in _FIXED:
            position += _FIXED[kind]
        else:
            raise ValueError(f"wire type {kind} at byte {first}")
        if position > end:
            raise ValueError(f"the field at byte {first} is longer than its message")
        yield tag >> 3, first, position


def _read_varint(body: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        # Without a limit a long run of continuation bytes would build a huge integer.
        if shift > 63:
            raise ValueError(f"a number that does not end at byte {position}")


def _encode_field(number: int, content: bytes) -> bytes:
    """Encode `content` as a length-delimited field."""
    header = bytearray([number << 3 | _LENGTH_DELIMITED])
    length = len(content)
    while length > 0x7F:
        header.append(length & 0x7F | 0x80)
        length >>= 7
    header.append(length)
    return bytes(header) + content


def repair_utf8(part: bytes, *, of_logs: bool = False) -> bytes:
    """Replace every byte of `part` that is not UTF-8 in a text field by U+FFFD.

    Raises:
        DecodeError: it has other damage too, or is nested too deep.
    """
    lax = _build_lax_class(of_logs)()
    lax.ParseFromString(part)
    _replace_invalid_utf8(lax)
    return bytes(lax.SerializeToString())


@lru_cache(maxsize=2)
def _build_lax_class(of_logs: bool) -> Any:
    """Build the class of the export message with bytes in place of strings, so that it parses invalid UTF-8."""
    service: Any = logs_service_pb2 if of_logs else trace_service_pb2
    # A pool of its own, because the default pool has the original messages under the same names.
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()

    def add(file: Any) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for dependency in file.dependencies:
            add(dependency)
        copy = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(copy)
        for message in copy.message_type:
            _loosen(message)
        pool.Add(copy)

    add(service.DESCRIPTOR)
    name = "Logs" if of_logs else "Trace"
    descriptor = pool.FindMessageTypeByName(
        f"opentelemetry.proto.collector.{name.lower()}.v1.Export{name}ServiceRequest"
    )
    return message_factory.GetMessageClass(descriptor)


def _loosen(message: Any) -> None:
    for field in message.field:
        if field.type == field.TYPE_STRING:
            field.type = field.TYPE_BYTES
    for inner in message.nested_type:
        _loosen(inner)


def _replace_invalid_utf8(message: Any) -> None:
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                _replace_invalid_utf8(inner)
        elif field.type == field.TYPE_BYTES and not field.is_repeated and field.name not in _IDS:
            setattr(message, field.name, value.decode("utf-8", "replace").encode())


_IDS = frozenset(("trace_id", "span_id", "parent_span_id", "bytes_value"))
"""Fields that are bytes in the original message."""

__all__ = ["DecodeError", "parse_json_object", "repair_utf8", "split_export"]


def parse_json_object(body: bytes) -> dict[str, Any]:
    """Parse `body` as a JSON object, repaired where it is not valid JSON.

    Bytes that are not UTF-8 become U+FFFD, lone surrogates '?', NaN and infinities texts, and values nested more than
    200 levels deep null.

    Raises:
        BadInput: the body is not a JSON object.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        value = _repair_json(body, error)
    if not isinstance(value, dict):
        raise BadInput("The body must be a JSON object as the OTLP specification describes.")
    return value


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def _repair_json(body: bytes, error: Exception) -> Any:
    import json

    # Both JSON parsers limit the depth, so the text is cut before it is parsed.
    text = _cut_deep_levels(body.decode("utf-8", "replace"))
    try:
        value = json.loads(text, parse_constant=str)
        return orjson.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise BadInput(f"The body is not JSON: {error}") from error


def _cut_deep_levels(text: str) -> str:
    """Replace everything below the deepest level by null."""
    depth = copied_to = 0
    pieces: list[str] = []
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in "[{":
            depth += 1
            if depth == _MAX_JSON_DEPTH + 1:
                pieces += (text[copied_to : token.start()], "null")
        elif mark in "]}":
            if depth == _MAX_JSON_DEPTH + 1:
                copied_to = token.end()
            depth -= 1
    if not pieces:
        return text
    return "".join((*pieces, text[copied_to:] if depth <= _MAX_JSON_DEPTH else ""))
