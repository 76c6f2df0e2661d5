"""Large and damaged OTLP bodies: taken apart before they are decoded, so that memory stays flat and neighbours are kept.

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
"""Levels of JSON kept: OTLP takes three to four for each level of a value."""


def split_export(body: bytes, items: int) -> Iterator[bytes]:
    """Exports of at most `items` spans or records each, which together say what `body` says, in the same order.

    Raises:
        BadInput: `body` is not protobuf.
    """
    held: list[bytes] = []
    count = 0
    try:
        for number, part in _split_scopes(body, items):
            if held and count + number > items:
                # Messages one after the other are one message with all their items.
                yield b"".join(held)
                held, count = [], 0
            held.append(part)
            count += number
    except (IndexError, ValueError) as error:
        raise BadInput(f"The body is not an OTLP export in protobuf: {error}") from error
    if held:
        yield b"".join(held)


def _split_scopes(body: bytes, items: int) -> Iterator[tuple[int, bytes]]:
    """Number of items and export of each scope, or of each `items` of a long one."""
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
                some = spans[first : first + items]
                inner = common + b"".join([body[start:end] for start, end in some])
                yield len(some), _encode_field(1, resource + _encode_field(2, inner))


def _find_fields(body: bytes, wanted: int, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Where the contents of the fields numbered `wanted` begin and end."""
    for number, first, _ in _scan_fields(body, start, len(body) if end is None else end):
        if number == wanted:
            tag_end = _read_varint(body, first)[1]
            length, content = _read_varint(body, tag_end)
            yield content, content + length


def _scan_fields(body: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, first byte and end of every field, its tag included."""
    at = start
    while at < end:
        first = at
        tag, at = _read_varint(body, at)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            length, at = _read_varint(body, at)
            at += length
        elif kind == 0:
            _, at = _read_varint(body, at)
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            raise ValueError(f"wire type {kind} at byte {first}")
        if at > end:
            raise ValueError(f"the field at byte {first} is longer than what holds it")
        yield tag >> 3, first, at


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError(f"a number that does not end at byte {at}")


def _encode_field(number: int, content: bytes) -> bytes:
    """`content` as a length-delimited field."""
    header = bytearray([number << 3 | _LENGTH_DELIMITED])
    length = len(content)
    while length > 0x7F:
        header.append(length & 0x7F | 0x80)
        length >>= 7
    header.append(length)
    return bytes(header) + content


def repair_utf8(part: bytes, *, of_logs: bool = False) -> bytes:
    """`part` with texts that are not UTF-8 made so, each wrong byte replaced by U+FFFD.

    Raises:
        DecodeError: it is damaged in another way too, or nested too deep.
    """
    lax = _build_lax_class(of_logs)()
    lax.ParseFromString(part)
    _replace_invalid_utf8(lax)
    return bytes(lax.SerializeToString())


@lru_cache(maxsize=2)
def _build_lax_class(of_logs: bool) -> Any:
    """The export message with bytes wherever it has texts, so that it takes any."""
    service: Any = logs_service_pb2 if of_logs else trace_service_pb2
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
    found = pool.FindMessageTypeByName(
        f"opentelemetry.proto.collector.{name.lower()}.v1.Export{name}ServiceRequest"
    )
    return message_factory.GetMessageClass(found)


def _loosen(message: Any) -> None:
    for one in message.field:
        if one.type == one.TYPE_STRING:
            one.type = one.TYPE_BYTES
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
"""Fields that were bytes to begin with."""

__all__ = ["DecodeError", "parse_json_object", "repair_utf8", "split_export"]


def parse_json_object(body: bytes) -> dict[str, Any]:
    """The object that `body` is, mended where it is not quite JSON.

    Bytes that are not UTF-8 become U+FFFD, halves of surrogate pairs '?', NaN and infinities texts, and what is nested
    more than 200 levels deep null.

    Raises:
        BadInput: the body is no JSON object.
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

    text = _cut_deep_levels(body.decode("utf-8", "replace"))
    try:
        value = json.loads(text, parse_constant=str)
        return orjson.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise BadInput(f"The body is not JSON: {error}") from error


def _cut_deep_levels(text: str) -> str:
    """`text` with everything below the deepest level replaced by null."""
    depth = kept_to = 0
    kept: list[str] = []
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in "[{":
            depth += 1
            if depth == _MAX_JSON_DEPTH + 1:
                kept += (text[kept_to : token.start()], "null")
        elif mark in "]}":
            if depth == _MAX_JSON_DEPTH + 1:
                kept_to = token.end()
            depth -= 1
    if not kept:
        return text
    return "".join((*kept, text[kept_to:] if depth <= _MAX_JSON_DEPTH else ""))
