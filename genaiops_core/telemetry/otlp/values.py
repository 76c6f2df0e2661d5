"""Decodes OTLP attribute values, from protobuf and from JSON, to plain Python values; reads ids and texts of the JSON."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from genaiops_core.errors import BadInput

TRACE_ID = re.compile(r"[0-9a-f]{32}")
SPAN_ID = re.compile(r"[0-9a-f]{16}")
NO_TRACE = "0" * 32
NO_SPAN = "0" * 16
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1

_INTEGER = re.compile(r"[+-]?[0-9]+")
_MAX_DECIMAL_BITS = 4_000
"""Longer integers are written in hexadecimal, whose cost is linear."""


class RejectedRecord(ValueError):
    """This span or log record is invalid; the text is the reason."""


# Protobuf. This walk runs for every attribute of every span: `WhichOneof` once and one `getattr` is the cheapest way
# through the C implementation, several times cheaper than `json_format`.

_SCALARS = frozenset(("string_value", "int_value", "double_value", "bool_value"))


def decode_attributes(pairs: Any) -> dict[str, Any]:
    """Decode a protobuf list of `KeyValue`; of a repeated key the last value."""
    result = {}
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        result[pair.key] = getattr(value, kind) if kind in _SCALARS else _decode_composite(value, kind)
    return result


def decode_value(value: Any) -> Any:
    """Decode a protobuf `AnyValue`; None when it is empty."""
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind in _SCALARS else _decode_composite(value, kind)


def _decode_composite(value: Any, kind: str | None) -> Any:
    if kind == "array_value":
        return [decode_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return decode_attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return None


# JSON.


def read_list(parent: Mapping[str, Any], key: str) -> list[Any]:
    """Read the list `key` of `parent`, [] without it.

    Raises:
        BadInput: it is not a list.
    """
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadInput(f"The OTLP JSON field '{key}' must be a list.")
    return value


def read_objects(parent: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Read a list of objects; see `read_list`."""
    values = read_list(parent, key)
    if not all(isinstance(value, dict) for value in values):
        raise BadInput(f"The OTLP JSON field '{key}' must be a list of objects.")
    return values


def read_object(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Read the object `key` of `parent`, {} without it; raises BadInput when it is not an object."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput(f"The OTLP JSON field '{key}' must be an object.")
    return value


def decode_json_attributes(pairs: Any) -> dict[str, Any]:
    """Decode a JSON list of {key, value}."""
    return {} if pairs is None else {str(pair["key"]): decode_json_value(pair.get("value")) for pair in pairs}


def decode_json_resource(pairs: Any) -> dict[str, Any]:
    """Decode the attributes of a resource; raises BadInput, because without them no span has an application."""
    try:
        return decode_json_attributes(pairs)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadInput("The attributes of an OTLP JSON resource are malformed.") from error


def decode_json_scope(parent: Mapping[str, Any]) -> dict[str, Any]:
    """Read name and version of an instrumentation scope."""
    scope = read_object(parent, "scope")
    return {"name": str(scope.get("name", "")), "version": str(scope.get("version", ""))}


def decode_json_value(value: Any) -> Any:
    """Decode an `AnyValue`: an object whose one key names its type."""
    if value is None:
        return None
    for kind, content in value.items():
        if kind in ("stringValue", "boolValue", "bytesValue"):
            return limit_integer(content)
        if kind == "intValue":
            return _decode_json_integer(content)
        if kind == "doubleValue":
            return float(content)
        if kind == "arrayValue":
            return [decode_json_value(item) for item in content.get("values") or ()]
        if kind == "kvlistValue":
            return decode_json_attributes(content.get("values"))
    return None


def parse_integer(value: Any) -> int:
    """Parse a 64-bit integer, which the JSON encoding writes as text."""
    if isinstance(value, bool):
        raise TypeError("a boolean instead of a number")
    return int(value)


def limit_integer(value: Any) -> Any:
    """Return a number beyond 64 bits as text: no column and no JSON of this product holds it. Other values unchanged."""
    if type(value) is int and not INT64_MIN <= value <= INT64_MAX:
        # Without `str`, which refuses more than 4,300 digits.
        return f"{value:#x}" if value.bit_length() > _MAX_DECIMAL_BITS else str(value)
    return value


def _decode_json_integer(content: Any) -> Any:
    """Decode the number of an attribute; one that no 64 bits hold costs this value only, and is stored as text."""
    try:
        return limit_integer(parse_integer(content))
    except (ValueError, OverflowError):
        is_numeral = isinstance(content, str) and _INTEGER.fullmatch(content.strip())
        # A numeral of thousands of digits, or an infinity.
        if is_numeral or isinstance(content, float):
            return str(content)
        raise


def parse_enumeration(value: Any, names: Mapping[str, int]) -> int:
    """Parse an enumeration, a number or a name; unknown names are 0."""
    return names.get(value, 0) if isinstance(value, str) else int(value)


def read_text(value: Any) -> str:
    """Read a text, '' for None."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} instead of a text")
    return value
