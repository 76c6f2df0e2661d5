"""The document that describes a target: kept with the run, written by people, so checked field by field.

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
    """A target as described; what its kind does not use is empty."""

    kind: str
    """bedrock, openai or http."""
    model: str = ""
    base_url: str = ""
    """openai: address up to and with /v1."""
    api_key: str = ""
    """openai: `${GENAIOPS_TARGET_...}`; '' sends none, but OPENAI_API_KEY to OpenAI itself."""
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


def parse_spec(document: object, source: str = "the target") -> TargetSpec:
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
    """How often each case is answered.

    Raises:
        BadInput: out of range.
    """
    if not 1 <= repetitions <= MAX_REPETITIONS:
        raise BadInput(f"The repetitions must be 1 to {MAX_REPETITIONS}, not {repetitions}.")
    return repetitions
