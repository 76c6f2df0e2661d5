"""The document that describes a target: kept with the run, written by people, so checked field by field.

{"kind": "bedrock", "model": "amazon.nova-pro-v1:0", "system": "...", "parameters": {"max_tokens": 500}}
{"kind": "openai", "model": "qwen3", "base_url": "http://127.0.0.1:8000/v1", "api_key": "${GENAIOPS_TARGET_KEY}"}
{"kind": "http", "url": "https://my.app/answer", "template": {"question": "{input}"},
 "reply": {"answer": "result.text", "contexts": "result.sources[].text", "output_tokens": "usage.out"},
 "headers": {"Authorization": "Bearer ${GENAIOPS_TARGET_TOKEN}"}}
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from genaiops_core.errors import BadInput, Misconfigured
from genaiops_core.evaluation.targets import hosts, placeholders, reply_paths

KINDS = ("bedrock", "openai", "http")
METHODS = ("POST", "PUT")
REPLY_FIELDS = ("answer", "contexts", "input_tokens", "output_tokens", "cost_usd", "model")
PARAMETERS = ("max_tokens", "temperature", "top_p")

DEFAULT_TEMPLATE: dict[str, Any] = {"question": "{input}"}
DEFAULT_REPLY = {"answer": "answer"}
DEFAULT_TIMEOUT_S = 60.0
MOST_TIMEOUT_S = 600.0
MOST_REPETITIONS = 20
MAX_TEMPLATE_BYTES = 200_000
MAX_SYSTEM_CHARACTERS = 1_000_000

SECRET_PREFIX = "GENAIOPS_TARGET_"  # noqa: S105  a prefix, no secret
"""Only variables of these names may be referred to: whoever may launch a run must not read the rest of the
environment, credentials of the database and of AWS among it, by sending it to a host of theirs."""

_COMMON = ("kind", "timeout_s", "notes")
_MODEL_FIELDS = (*_COMMON, "model", "system", "parameters")
_FIELDS = {
    "bedrock": (*_MODEL_FIELDS, "region", "profile", "guardrail"),
    "openai": (*_MODEL_FIELDS, "base_url", "api_key"),
    "http": (*_COMMON, "model", "url", "method", "template", "reply", "headers"),
}

_REFERENCE = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9-]* )?\$\{{(?P<name>{SECRET_PREFIX}[A-Z0-9_]+)\}}", re.ASCII
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_FORBIDDEN_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding")


@dataclass(frozen=True, kw_only=True)
class TargetSpec:
    """A target as described; what its kind does not use is empty."""

    kind: str
    """bedrock, openai or http."""
    model: str = ""
    base_url: str = ""
    """openai: address up to and with /v1."""
    api_key: str = ""
    """openai: `${GENAIOPS_TARGET_...}`; '' means OPENAI_API_KEY of the environment."""
    region: str = ""
    profile: str = ""
    """bedrock: '' means those of the environment."""
    guardrail: str = ""
    """bedrock: ID or ID:VERSION that question and answer pass; '' for none."""
    url: str = ""
    method: str = "POST"
    template: Any = None
    """http: the JSON body with places such as `{input}`."""
    reply: Mapping[str, str] = field(default_factory=dict)
    """http: field -> where it stands in the reply (`reply_paths`)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """http: name -> `${GENAIOPS_TARGET_...}`, with a word such as `Bearer` before it or not."""
    system: str = ""
    """The prompt; where it has a place `{input}` it is the whole turn, else it goes before the question."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = DEFAULT_TIMEOUT_S
    notes: tuple[str, ...] = ()
    """What was left out when it was made from a release; shown with the run."""

    @property
    def name(self) -> str:
        """How the run calls it."""
        if self.kind == "http":
            return f"http:{self.url.partition('?')[0]}"
        return f"{self.kind}:{self.model}" + (f"@{self.base_url}" if self.base_url else "")

    def as_json(self) -> dict[str, Any]:
        """The document; `parse` reads it back."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS[self.kind]}
        values["notes"] = list(self.notes)
        return {name: value for name, value in values.items() if value not in ("", [], {}, None)}


def parse(document: object, source: str = "the target") -> TargetSpec:
    """A document to a target.

    Args:
        document: as above.
        source: where it comes from, for the sentences.

    Raises:
        BadInput: naming the field that is wrong.
    """
    if not isinstance(document, Mapping):
        raise BadInput(f"{source} must have fields such as kind and model.")
    kind = document.get("kind")
    if kind not in KINDS:
        raise BadInput(f"{source}: kind must be one of {', '.join(KINDS)}, not {_quoted(kind)}.")
    for name in document:
        if name not in _FIELDS[kind]:
            near = difflib.get_close_matches(str(name), _FIELDS[kind], n=1)
            hint = (
                f"did you mean {near[0]}?"
                if near
                else f"a target of kind {kind} has {', '.join(_FIELDS[kind])}."
            )
            raise BadInput(f"{source}: unknown field '{name}'; {hint}")
    read = _Reader(document, source)
    common: dict[str, Any] = {"kind": kind, "timeout_s": read.timeout(), "notes": read.notes()}
    if kind == "http":
        return TargetSpec(
            **common,
            model=read.text("model"),
            url=hosts.checked_url(read.text("url", needed=True), read.where("url")),
            method=read.method(),
            template=read.template(),
            reply=read.reply(),
            headers=read.headers(),
        )
    spoken: dict[str, Any] = {
        "model": read.text("model", needed=True),
        "system": read.system(),
        "parameters": read.parameters(),
    }
    if kind == "bedrock":
        named: dict[str, Any] = {name: read.text(name) for name in ("region", "profile", "guardrail")}
        return TargetSpec(**common, **spoken, **named)
    base_url = read.text("base_url", needed=True).rstrip("/")
    return TargetSpec(
        **common,
        **spoken,
        base_url=hosts.checked_url(base_url, read.where("base_url")),
        api_key=read.reference("api_key"),
    )


def checked_repetitions(repetitions: int) -> int:
    """How often each case is answered.

    Raises:
        BadInput: out of range.
    """
    if not 1 <= repetitions <= MOST_REPETITIONS:
        raise BadInput(f"The repetitions must be 1 to {MOST_REPETITIONS}, not {repetitions}.")
    return repetitions


def secret(reference: str, environment: Mapping[str, str] | None = None) -> str:
    """The value that a reference stands for, read at the time of the call.

    Raises:
        Misconfigured: the environment does not have it.
    """
    match = _REFERENCE.fullmatch(reference)
    name = match["name"] if match else reference
    value = (os.environ if environment is None else environment).get(name, "")
    if not value:
        raise Misconfigured(f"The environment variable {name}, which the target refers to, is not set.")
    if not value.isascii() or not value.isprintable():
        raise Misconfigured(f"The environment variable {name} holds characters that no header takes.")
    return f"{(match['scheme'] or '') if match else ''}{value}"


class _Reader:
    """Takes fields out of a document; every problem names the field."""

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
            raise BadInput(f"{self.where(name)} must be a printable text, not {_quoted(value)}.")
        return value.strip()

    def system(self) -> str:
        value = self._document.get("system") or ""
        if not isinstance(value, str) or len(value) > MAX_SYSTEM_CHARACTERS:
            raise BadInput(
                f"{self.where('system')} must be a text of at most {MAX_SYSTEM_CHARACTERS:,} characters."
            )
        if "reference" in placeholders.named_in(value):
            raise BadInput(
                f"{self.where('system')} asks for {{reference}}: a model must not be shown the answer."
            )
        return value

    def timeout(self) -> float:
        value = self._document.get("timeout_s", DEFAULT_TIMEOUT_S)
        if not _is_number(value) or not 0 < value <= MOST_TIMEOUT_S:
            raise BadInput(
                f"{self.where('timeout_s')} must be above 0 and at most {MOST_TIMEOUT_S:g} seconds, not {_quoted(value)}."
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
                f"{self.where('method')} must be one of {', '.join(METHODS)}, not {_quoted(value)}."
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
        if unknown := placeholders.unknown_in_json(value):
            raise BadInput(
                f"{self.where('template')} has the place {unknown}; known are {{input}}, {{contexts}}, {{reference}}, "
                "{metadata.NAME} and {repetition}."
            )
        if "input" not in placeholders.named_in_json(value):
            raise BadInput(
                f"{self.where('template')} has no place {{input}}, so the question would never be sent."
            )
        return value

    def reply(self) -> dict[str, str]:
        value = self._document.get("reply")
        if value is None:
            return dict(DEFAULT_REPLY)
        if not isinstance(value, Mapping) or "answer" not in value:
            raise BadInput(
                f"{self.where('reply')} must say where the answer stands, for example answer: result.text."
            )
        for name, path in value.items():
            if name not in REPLY_FIELDS:
                raise BadInput(f"{self.where('reply')}: '{name}' is none of {', '.join(REPLY_FIELDS)}.")
            reply_paths.parse(path if isinstance(path, str) else "", self.where(f"reply.{name}"))
        return dict(value)

    def headers(self) -> dict[str, str]:
        value = self._document.get("headers") or {}
        if not isinstance(value, Mapping):
            raise BadInput(f"{self.where('headers')} must be names with ${{{SECRET_PREFIX}...}} references.")
        for name, reference in value.items():
            where = self.where(f"headers.{name}")
            if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
                raise BadInput(f"{where} is no name of a header.")
            if name.lower() in _FORBIDDEN_HEADERS:
                raise BadInput(f"{where} is set by the client; leave it out.")
            _require_reference(reference, where)
        return dict(value)

    def reference(self, name: str) -> str:
        value = self._document.get(name) or ""
        if value:
            _require_reference(value, self.where(name))
        return str(value)

    def parameters(self) -> dict[str, Any]:
        value = self._document.get("parameters") or {}
        if not isinstance(value, Mapping):
            raise BadInput(f"{self.where('parameters')} must be names with values.")
        for name, number in value.items():
            where = self.where(f"parameters.{name}")
            if name not in PARAMETERS:
                raise BadInput(f"{where} is not sent by this target; known are {', '.join(PARAMETERS)}.")
            if name == "max_tokens":
                if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 1_000_000:
                    raise BadInput(
                        f"{where} must be a whole number from 1 to 1,000,000, not {_quoted(number)}."
                    )
            elif not _is_number(number) or not 0 <= number <= (2 if name == "temperature" else 1):
                most = "2" if name == "temperature" else "1"
                raise BadInput(f"{where} must be a number from 0 to {most}, not {_quoted(number)}.")
        return dict(value)


def _require_reference(value: object, where: str) -> None:
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        # The value itself is not repeated: it may be the secret.
        raise BadInput(
            f"{where} must be a reference such as ${{{SECRET_PREFIX}TOKEN}} or Bearer ${{{SECRET_PREFIX}TOKEN}}, so that "
            "no secret is stored; set that variable where the worker runs."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _quoted(value: object) -> str:
    text = str(value)
    return f"'{text[:60]}{'...' if len(text) > 60 else ''}'"
