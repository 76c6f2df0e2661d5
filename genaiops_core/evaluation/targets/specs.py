"""The document that describes a target: written by users, stored with the evaluation, validated field by field.

{"kind": "bedrock", "model": "amazon.nova-pro-v1:0", "system": "...", "parameters": {"max_tokens": 500}}
{"kind": "openai", "model": "qwen3", "base_url": "http://127.0.0.1:8000/v1", "api_key": "${GENAIOPS_TARGET_KEY}"}
{"kind": "http", "url": "https://my.app/answer", "template": {"question": "{input}"},
 "reply": {"answer": "result.text", "contexts": "result.sources[].text", "output_tokens": "usage.out"},
 "headers": {"Authorization": "Bearer ${GENAIOPS_TARGET_TOKEN}"}}
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.targets import hosts
from genaiops_core.evaluation.targets.spec_fields import DEFAULT_TIMEOUT_S, FieldReader, quote_value

KINDS = ("bedrock", "openai", "http")
MAX_REPETITIONS = 20

_COMMON = ("kind", "timeout_s", "notes")
_MODEL_FIELDS = (*_COMMON, "model", "system", "parameters")
_FIELDS = {
    "bedrock": (*_MODEL_FIELDS, "region", "profile", "guardrail"),
    "openai": (*_MODEL_FIELDS, "base_url", "api_key"),
    "http": (*_COMMON, "model", "url", "method", "template", "reply", "headers"),
}


@dataclass(frozen=True, kw_only=True)
class TargetSpec:
    """The description of a target; fields that its kind does not use are empty."""

    kind: str
    """bedrock, openai or http."""
    model: str = ""
    base_url: str = ""
    """openai: address up to and including /v1."""
    api_key: str = ""
    """openai: `${GENAIOPS_TARGET_...}`; '' sends no key, except OPENAI_API_KEY to OpenAI itself."""
    region: str = ""
    profile: str = ""
    """bedrock: '' uses the region and profile of the environment."""
    guardrail: str = ""
    """bedrock: ID or ID:VERSION of the guardrail for question and answer; '' for none."""
    url: str = ""
    method: str = "POST"
    template: Any = None
    """http: the JSON body with placeholders such as `{input}`."""
    reply: Mapping[str, str] = field(default_factory=dict)
    """http: field -> path in the reply (`reply_paths`)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """http: name -> `${GENAIOPS_TARGET_...}`, with an optional scheme such as `Bearer` before it."""
    system: str = ""
    """The prompt; with a placeholder `{input}` it is the user message, else it is the system prompt."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = DEFAULT_TIMEOUT_S
    notes: tuple[str, ...] = ()
    """The parts of a release that are not sent; shown with the evaluation."""

    @property
    def name(self) -> str:
        """The name of the target in the evaluation."""
        if self.kind == "http":
            return f"http:{self.url.partition('?')[0]}"
        return f"{self.kind}:{self.model}" + (f"@{self.base_url}" if self.base_url else "")

    def as_json(self) -> dict[str, Any]:
        """Format the document that `parse_spec` parses."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS[self.kind]}
        values["notes"] = list(self.notes)
        # Short, and stable when a later version adds a field.
        return {name: value for name, value in values.items() if value not in ("", [], {}, None)}


def parse_spec(document: object, source: str = "the target") -> TargetSpec:
    """Parse a document that describes a target.

    Args:
        document: as above.
        source: of the document, for errors.

    Raises:
        BadInput: a field is invalid; the message names it.
    """
    if not isinstance(document, Mapping):
        raise BadInput(f"{source} must be an object with fields such as kind and model.")
    kind = document.get("kind")
    if kind not in KINDS:
        raise BadInput(f"{source}: kind must be one of {', '.join(KINDS)}, not {quote_value(kind)}.")
    for name in document:
        if name not in _FIELDS[kind]:
            close_names = difflib.get_close_matches(str(name), _FIELDS[kind], n=1)
            hint = (
                f"did you mean {close_names[0]}?"
                if close_names
                else f"a target of kind {kind} has {', '.join(_FIELDS[kind])}."
            )
            raise BadInput(f"{source}: unknown field '{name}'; {hint}")
    fields = FieldReader(document, source)
    common: dict[str, Any] = {"kind": kind, "timeout_s": fields.timeout(), "notes": fields.notes()}
    if kind == "http":
        return TargetSpec(
            **common,
            model=fields.text("model"),
            url=hosts.validate_url(fields.text("url", needed=True), fields.where("url")),
            method=fields.method(),
            template=fields.template(),
            reply=fields.reply(),
            headers=fields.headers(),
        )
    model_fields: dict[str, Any] = {
        "model": fields.text("model", needed=True),
        "system": fields.system(),
        "parameters": fields.parameters(),
    }
    if kind == "bedrock":
        bedrock_fields: dict[str, Any] = {
            name: fields.text(name) for name in ("region", "profile", "guardrail")
        }
        return TargetSpec(**common, **model_fields, **bedrock_fields)
    base_url = fields.text("base_url", needed=True).rstrip("/")
    return TargetSpec(
        **common,
        **model_fields,
        base_url=hosts.validate_url(base_url, fields.where("base_url")),
        api_key=fields.reference("api_key"),
    )


def validate_repetitions(repetitions: int) -> int:
    """Validate the number of answers per case.

    Raises:
        BadInput: the number is out of range.
    """
    if not 1 <= repetitions <= MAX_REPETITIONS:
        raise BadInput(f"The repetitions must be 1 to {MAX_REPETITIONS}, not {repetitions}.")
    return repetitions
