"""A release as a target: its model, called with its prompt and its parameters. Pure functions.

The target calls the model, not the application: retrieval, guardrails and code around the model are not run. The parts
of the release that are not sent are listed in the target's notes, which are stored and shown with the evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.models.openai import OPENAI_URL
from genaiops_core.evaluation.targets import specs

_USUAL_PROMPTS = ("system", "answer")
_OPENAI_MODEL = re.compile(r"(gpt|chatgpt|o[1-9])(-|$).*", re.ASCII)
_PARAMETERS = {
    "max_tokens": "max_tokens",
    "maxTokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "topP": "top_p",
}
"""Names of parameters in releases -> names in a target."""


class ReleasePrompt(NamedTuple):
    """A prompt version of a release."""

    name: str
    version: int
    text: str


def build_release_spec(
    *,
    name: str,
    model: str,
    prompts: Sequence[ReleasePrompt] = (),
    parameters: Mapping[str, Any] | None = None,
    code_revision: str = "",
    data_snapshot: str = "",
    prompt: str = "",
) -> specs.TargetSpec:
    """Build the spec of the target for a release.

    The model is a Bedrock model, unless it is written `openai:MODEL@BASE_URL`, has a name of OpenAI (`gpt-...`), or the
    parameters contain a `base_url`.

    Args:
        name: of the release, for messages.
        model: of the manifest.
        prompts: with their texts, in the order of the manifest.
        parameters: of the manifest; max_tokens, temperature, top_p, guardrail and region are used.
        code_revision, data_snapshot: of the manifest; only mentioned in the notes.
        prompt: name of the prompt to use; '' means the only one, else `system`, else `answer`.

    Raises:
        BadInput: the release has no model, or the prompt is ambiguous.
    """
    if not model.strip():
        raise BadInput(f"{name} has no model to call; choose another target.")
    chosen_prompt = _choose_prompt(name, prompts, prompt)
    # A copy: each parameter that is sent is removed, and the rest becomes notes.
    unused_parameters = dict(parameters or {})
    document = _describe_model(model.strip(), unused_parameters)
    document["system"] = chosen_prompt.text if chosen_prompt else ""
    sent_parameters: dict[str, Any] = {}
    for release_name, target_name in _PARAMETERS.items():
        if release_name in unused_parameters:
            # A release may use several spellings of one parameter; the first of the table wins.
            sent_parameters.setdefault(target_name, unused_parameters.pop(release_name))
    document["parameters"] = sent_parameters
    notes = [f"Parameter {key} of the release is not sent." for key in unused_parameters]
    notes += [
        f"Prompt {release_prompt.name}@{release_prompt.version} of the release is not sent."
        for release_prompt in prompts
        if release_prompt != chosen_prompt
    ]
    if code_revision or data_snapshot:
        notes.append("The target calls the model, not the application: its code and data are not used.")
    return specs.parse_spec({**document, "notes": notes}, name)


def _choose_prompt(name: str, prompts: Sequence[ReleasePrompt], requested: str) -> ReleasePrompt | None:
    by_name = {release_prompt.name: release_prompt for release_prompt in prompts}
    if requested:
        if requested not in by_name:
            raise BadInput(f"{name} has no prompt '{requested}'; it has {', '.join(by_name) or 'none'}.")
        return by_name[requested]
    if len(prompts) <= 1:
        return prompts[0] if prompts else None
    usual_prompt = next((by_name[usual] for usual in _USUAL_PROMPTS if usual in by_name), None)
    if usual_prompt is None:
        raise BadInput(f"{name} has several prompts; choose one: {', '.join(by_name)}.")
    return usual_prompt


def _describe_model(model: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Describe kind, model and address; removes the parameters it uses from `parameters`."""
    kind, _, rest = model.partition(":")
    if kind == "openai" and "@" in rest:
        model_name, _, address = rest.rpartition("@")
        return {"kind": "openai", "model": model_name, "base_url": address}
    if "base_url" in parameters:
        return {"kind": "openai", "model": model, "base_url": parameters.pop("base_url")}
    if _OPENAI_MODEL.fullmatch(model):
        return {"kind": "openai", "model": model, "base_url": OPENAI_URL}
    extra: dict[str, Any] = {key: parameters.pop(key) for key in ("region", "guardrail") if key in parameters}
    return {"kind": "bedrock", "model": model.removeprefix("bedrock:"), **extra}
