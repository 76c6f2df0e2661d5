"""Reads and validates the fields of a target's document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.targets import placeholders, reply_paths, secret_references

METHODS = ("POST", "PUT")
REPLY_FIELDS = ("answer", "contexts", "input_tokens", "output_tokens", "cost_usd", "model")
PARAMETERS = ("max_tokens", "temperature", "top_p")

DEFAULT_TEMPLATE: dict[str, Any] = {"question": "{input}"}
DEFAULT_REPLY = {"answer": "answer"}
DEFAULT_TIMEOUT_S = 60.0
MAX_TIMEOUT_S = 600.0
MAX_TEMPLATE_BYTES = 200_000
MAX_SYSTEM_CHARACTERS = 1_000_000

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
# The HTTP client computes these from the request; other values would corrupt it or defeat the host check.
_FORBIDDEN_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding")


class FieldReader:
    """Reads fields of a document; every error names the field."""

    def __init__(self, document: Mapping[Any, Any], source: str) -> None:
        self._document = document
        self._source = source

    def where(self, name: str) -> str:
        return f"{self._source}: {name}"

    def text(self, name: str, *, needed: bool = False) -> str:
        value = self._document.get(name, "")
        if value is None or value == "":
            if needed:
                raise BadInput(f"{self.where(name)} is missing.")
            return ""
        if not isinstance(value, str) or not value.strip() or len(value) > 2000 or not value.isprintable():
            raise BadInput(f"{self.where(name)} must be a printable text, not {quote_value(value)}.")
        return value.strip()

    def system(self) -> str:
        value = self._document.get("system") or ""
        if not isinstance(value, str) or len(value) > MAX_SYSTEM_CHARACTERS:
            raise BadInput(
                f"{self.where('system')} must be a text of at most {MAX_SYSTEM_CHARACTERS:,} characters."
            )
        if "reference" in placeholders.find_placeholders(value):
            raise BadInput(
                f"{self.where('system')} contains {{reference}}, but a model must not see the reference answer."
            )
        return value

    def timeout(self) -> float:
        value = self._document.get("timeout_s", DEFAULT_TIMEOUT_S)
        if not _is_number(value) or not 0 < value <= MAX_TIMEOUT_S:
            raise BadInput(
                f"{self.where('timeout_s')} must be above 0 and at most {MAX_TIMEOUT_S:g} seconds, not {quote_value(value)}."
            )
        return float(value)

    def notes(self) -> tuple[str, ...]:
        value = self._document.get("notes") or []
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise BadInput(f"{self.where('notes')} must be a list of sentences.")
        return tuple(value)

    def method(self) -> str:
        value = self.text("method").upper() or METHODS[0]
        if value not in METHODS:
            raise BadInput(
                f"{self.where('method')} must be one of {', '.join(METHODS)}, not {quote_value(value)}."
            )
        return value

    def template(self) -> Any:
        value = self._document.get("template")
        if value is None:
            return DEFAULT_TEMPLATE
        try:
            size = len(orjson.dumps(value))
        except TypeError as error:
            raise BadInput(f"{self.where('template')} must be plain JSON: {error}.") from error
        if size > MAX_TEMPLATE_BYTES:
            raise BadInput(f"{self.where('template')} must fit in {MAX_TEMPLATE_BYTES:,} bytes.")
        if unknown := placeholders.find_unknown_placeholder(value):
            raise BadInput(
                f"{self.where('template')} has the unknown placeholder {unknown}; use {{input}}, {{contexts}}, {{reference}}, "
                "{metadata.NAME} or {repetition}."
            )
        if "input" not in placeholders.find_placeholders_in_json(value):
            raise BadInput(
                f"{self.where('template')} has no placeholder {{input}}, so the question would not be sent."
            )
        return value

    def reply(self) -> dict[str, str]:
        value = self._document.get("reply")
        if value is None:
            return dict(DEFAULT_REPLY)
        if not isinstance(value, Mapping) or "answer" not in value:
            raise BadInput(
                f"{self.where('reply')} must contain the path of the answer, for example answer: result.text."
            )
        for name, path in value.items():
            if name not in REPLY_FIELDS:
                raise BadInput(f"{self.where('reply')}: '{name}' is not one of {', '.join(REPLY_FIELDS)}.")
            reply_paths.parse_path(path if isinstance(path, str) else "", self.where(f"reply.{name}"))
        return dict(value)

    def headers(self) -> dict[str, str]:
        value = self._document.get("headers") or {}
        if not isinstance(value, Mapping):
            raise BadInput(
                f"{self.where('headers')} must be names with ${{{secret_references.PREFIX}...}} references."
            )
        for name, reference in value.items():
            field = self.where(f"headers.{name}")
            if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
                raise BadInput(f"{field} is not a valid header name.")
            if name.lower() in _FORBIDDEN_HEADERS:
                raise BadInput(f"{field} is set by the client; remove it.")
            secret_references.require_reference(reference, field)
        return dict(value)

    def reference(self, name: str) -> str:
        value = self._document.get(name) or ""
        if value:
            secret_references.require_reference(value, self.where(name))
        return str(value)

    def parameters(self) -> dict[str, Any]:
        value = self._document.get("parameters") or {}
        if not isinstance(value, Mapping):
            raise BadInput(f"{self.where('parameters')} must be names with values.")
        for name, number in value.items():
            field = self.where(f"parameters.{name}")
            if name not in PARAMETERS:
                raise BadInput(f"{field} is not a parameter of this target; use {', '.join(PARAMETERS)}.")
            if name == "max_tokens":
                if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 1_000_000:
                    raise BadInput(
                        f"{field} must be a whole number from 1 to 1,000,000, not {quote_value(number)}."
                    )
            elif not _is_number(number) or not 0 <= number <= (2 if name == "temperature" else 1):
                max_value = "2" if name == "temperature" else "1"
                raise BadInput(f"{field} must be a number from 0 to {max_value}, not {quote_value(number)}.")
        return dict(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def quote_value(value: object) -> str:
    """Quote a value for an error message, truncated to 60 characters."""
    text = str(value)
    return f"'{text[:60]}{'...' if len(text) > 60 else ''}'"
