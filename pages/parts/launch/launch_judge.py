"""The second part of a new run: who measures. Keys stay in the environment; only their names are shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.judges import names
from genaiops_core.evaluation.metrics import agentcore
from pages.parts.launch import launch_keys
from pages.parts.shared import units

_TITLES = {
    "offline": "Offline proxies",
    "bedrock": "Bedrock model",
    "openai": "OpenAI-compatible",
    "agentcore": "AgentCore",
}
_MODELS = {
    "bedrock": (
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "amazon.nova-pro-v1:0",
        "amazon.nova-lite-v1:0",
    ),
    "openai": ("gpt-4.1-mini", "gpt-4.1", "gpt-4o-mini"),
}
_USUAL_EVALUATORS = ("Builtin.Faithfulness", "Builtin.ResponseRelevance")
_AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
_OPENAI_KEYS = ("GENAIOPS_JUDGE_API_KEY", "OPENAI_API_KEY")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Who was chosen."""

    kind: str
    name: str
    """As `--judge` takes it."""
    options: Mapping[str, Any]
    """Fields of `JudgeOptions`; only those that were filled."""
    problem: str
    """Why there is no such judge yet, or ''."""


def draw() -> Choice:
    """The kind of judge and the fields that this kind needs."""
    kinds = {one.kind: one for one in names.KINDS}
    kind = st.segmented_control(
        "Judge",
        list(kinds),
        default="offline",
        required=True,
        format_func=lambda name: _TITLES.get(name, name),
        key=launch_keys.RUN_JUDGE,
    )
    st.caption(kinds[kind].description)
    name, options = kind, {}
    if kind == "bedrock":
        name = f"bedrock:{_model(kind)}"
        options = _region_and_profile()
        left, right = st.columns(2)
        with left:
            options |= _embedding("amazon.titan-embed-text-v2:0")
        with right:
            options |= _guardrail()
        _keys(_AWS_KEYS, "AWS credentials")
    elif kind == "openai":
        left, right = st.columns(2)
        with left:
            model = _model(kind)
        address = right.text_input(
            "Base URL", key=launch_keys.RUN_BASE_URL, placeholder=names.OPENAI_URL, autocomplete="off"
        )
        name = f"openai:{model}@{address or names.OPENAI_URL}"
        options = _embedding("text-embedding-3-small")
        _keys(_OPENAI_KEYS, "The key of the server")
    elif kind == "agentcore":
        chosen = st.multiselect(
            "Evaluators",
            agentcore.EVALUATORS,
            default=list(_USUAL_EVALUATORS),
            accept_new_options=True,
            key=launch_keys.RUN_EVALUATORS,
            help="Builtin.NAME, or the ID of an evaluator of your own.",
        )
        name = f"agentcore:{','.join(chosen)}"
        options = _region_and_profile()
        _keys(_AWS_KEYS, "AWS credentials")
    try:
        named = str(names.parse(name))
    except BadInput as error:
        return Choice(kind=kind, name=name, options=options, problem=str(error))
    return Choice(kind=kind, name=named, options=options, problem="")


def _model(kind: str) -> str:
    examples = _MODELS[kind]
    chosen = st.selectbox(
        "Model",
        examples,
        index=0,
        accept_new_options=True,
        key=f"{launch_keys.RUN_MODEL}_{kind}",
        help="Choose one, or type any other: a model ID, an inference profile or an ARN."
        if kind == "bedrock"
        else "Choose one, or type the name of any model that the server has.",
    )
    return str(chosen or "").strip()


def _guardrail() -> dict[str, Any]:
    guardrail = st.text_input(
        "Guardrail",
        key=launch_keys.RUN_GUARDRAIL,
        placeholder="none",
        help="ID or ID:VERSION of a Bedrock guardrail that the judge's own calls pass.",
        autocomplete="off",
    )
    return {"guardrail": guardrail.strip()} if guardrail and guardrail.strip() else {}


def _region_and_profile() -> dict[str, Any]:
    left, right = st.columns(2)
    region = left.text_input(
        "Region",
        key=launch_keys.RUN_REGION,
        placeholder=os.environ.get("AWS_REGION")
        or os.environ.get("AWS_DEFAULT_REGION")
        or "of the environment",
        autocomplete="off",
    )
    profile = right.text_input(
        "Profile", key=launch_keys.RUN_PROFILE, placeholder="of the environment", autocomplete="off"
    )
    found = {"region": (region or "").strip(), "profile": (profile or "").strip()}
    return {name: value for name, value in found.items() if value}


def _embedding(default: str) -> dict[str, Any]:
    model = st.text_input(
        "Embedding model",
        key=launch_keys.RUN_EMBEDDING,
        placeholder=default,
        help="For answer relevancy, which compares questions as vectors.",
        autocomplete="off",
    )
    return {"embedding_model": model.strip()} if model and model.strip() else {}


def _keys(variables: tuple[str, ...], what: str) -> None:
    """Which variable holds the secret, and whether it is set here; never the secret itself."""
    there = [name for name in variables if os.environ.get(name)]
    if there:
        said = f"{what} come from the environment: {', '.join(f'`{name}`' for name in there)} is set here."
        st.caption(f":green[:material/key:] {said} The worker needs it too.")
    else:
        wanted = " or ".join(f"`{name}`" for name in variables[:2])
        st.caption(
            f":orange[:material/key_off:] {what} come from the environment of the worker, never from this form. "
            f"{wanted} is not set here{units.plain('.')}"
        )
