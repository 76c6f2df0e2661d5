"""The second section of the form: the judge. API keys stay in the environment; only variable names are shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.judges import names
from genaiops_core.evaluation.metrics import agentcore
from genaiops_core.evaluation.models.openai import OPENAI_URL
from pages.parts.launch import launch_keys
from pages.parts.shared import glossary

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
_DEFAULT_EVALUATORS = ("Builtin.Faithfulness", "Builtin.ResponseRelevance")
_AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
_OPENAI_KEYS = ("GENAIOPS_JUDGE_API_KEY", "OPENAI_API_KEY")


@dataclass(frozen=True, kw_only=True)
class JudgeChoice:
    """The chosen judge with its options."""

    kind: str
    name: str
    """In the syntax of `--judge`."""
    options: Mapping[str, Any]
    """Fields of `JudgeOptions` that are not empty."""
    problem: str
    """Why the judge is not usable yet; '' when it is."""


def draw() -> JudgeChoice:
    """Draw the kind of judge and the fields of this kind."""
    kinds = {judge_kind.kind: judge_kind for judge_kind in names.KINDS}
    kind = st.segmented_control(
        "Judge",
        list(kinds),
        default="offline",
        required=True,
        format_func=lambda name: _TITLES.get(name, name),
        key=launch_keys.RUN_JUDGE,
        help=glossary.JUDGE,
    )
    st.caption(kinds[kind].description)
    name, options = kind, {}
    if kind == "bedrock":
        name = f"bedrock:{_draw_model(kind)}"
        options = _draw_region_and_profile()
        first, second = st.columns(2)
        with first:
            options |= _draw_embedding("amazon.titan-embed-text-v2:0")
        with second:
            options |= _draw_guardrail()
        _draw_secret_state(_AWS_KEYS, "AWS credentials")
    elif kind == "openai":
        first, second = st.columns(2)
        with first:
            model = _draw_model(kind)
        base_url = second.text_input(
            "Base URL", key=launch_keys.RUN_BASE_URL, placeholder=OPENAI_URL, autocomplete="off"
        )
        name = f"openai:{model}@{base_url or OPENAI_URL}"
        options = _draw_embedding("text-embedding-3-small")
        _draw_secret_state(_OPENAI_KEYS, "API keys")
    elif kind == "agentcore":
        evaluators = st.multiselect(
            "Evaluators",
            agentcore.EVALUATORS,
            default=list(_DEFAULT_EVALUATORS),
            accept_new_options=True,
            key=launch_keys.RUN_EVALUATORS,
            help="Builtin.NAME, or the ID of your own evaluator.",
        )
        name = f"agentcore:{','.join(evaluators)}"
        options = _draw_region_and_profile()
        _draw_secret_state(_AWS_KEYS, "AWS credentials")
    try:
        normalised_name = str(names.parse_judge_name(name))
    except BadInput as error:
        return JudgeChoice(kind=kind, name=name, options=options, problem=str(error))
    return JudgeChoice(kind=kind, name=normalised_name, options=options, problem="")


def _draw_model(kind: str) -> str:
    examples = _MODELS[kind]
    model = st.selectbox(
        "Model",
        examples,
        index=0,
        accept_new_options=True,
        # The key names the kind, so that a model of one provider is not sent to another.
        key=f"{launch_keys.RUN_MODEL}_{kind}",
        help="Choose a model, or type a model ID, an inference profile or an ARN."
        if kind == "bedrock"
        else "Choose a model, or type the name of any model of the server.",
    )
    return str(model or "").strip()


def _draw_guardrail() -> dict[str, Any]:
    guardrail = st.text_input(
        "Guardrail",
        key=launch_keys.RUN_GUARDRAIL,
        placeholder="none",
        help="ID or ID:VERSION of a Bedrock guardrail that filters the judge's calls.",
        autocomplete="off",
    )
    return {"guardrail": guardrail.strip()} if guardrail and guardrail.strip() else {}


def _draw_region_and_profile() -> dict[str, Any]:
    first, second = st.columns(2)
    region = first.text_input(
        "Region",
        key=launch_keys.RUN_REGION,
        placeholder=os.environ.get("AWS_REGION")
        or os.environ.get("AWS_DEFAULT_REGION")
        or "from the environment",
        autocomplete="off",
    )
    profile = second.text_input(
        "Profile", key=launch_keys.RUN_PROFILE, placeholder="from the environment", autocomplete="off"
    )
    options = {"region": (region or "").strip(), "profile": (profile or "").strip()}
    return {name: value for name, value in options.items() if value}


def _draw_embedding(default: str) -> dict[str, Any]:
    model = st.text_input(
        "Embedding model",
        key=launch_keys.RUN_EMBEDDING,
        placeholder=default,
        help="Used by answer relevancy, which compares questions as vectors.",
        autocomplete="off",
    )
    return {"embedding_model": model.strip()} if model and model.strip() else {}


def _draw_secret_state(variables: tuple[str, ...], secret: str) -> None:
    """Draw which environment variables hold the secret and whether they are set here; never their values."""
    set_variables = [name for name in variables if os.environ.get(name)]
    if set_variables:
        set_names = ", ".join(f"`{name}`" for name in set_variables)
        st.caption(
            f":green[:material/key:] {secret} come from the environment. Set for this process: {set_names}. "
            "The worker needs the same variables."
        )
    else:
        names_text = ", ".join(f"`{name}`" for name in variables[:2])
        st.caption(
            f":orange[:material/key_off:] {secret} come from the environment of the worker, never from this form. "
            f"Not set for this process: {names_text}."
        )
