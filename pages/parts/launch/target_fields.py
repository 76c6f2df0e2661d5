"""The source of the answers of a new evaluation: the dataset, or a target that generates them.

Secrets stay in the environment of the worker; the form takes only the names of its variables.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from genaiops_core.errors import BadInput, GenAIOpsError
from genaiops_core.evaluation.targets import secret_references, spec_fields, specs
from pages.parts.launch import launch_keys
from pages.parts.reads import launch
from pages.parts.shared import units

DATASET = "dataset"
_TITLES = {
    DATASET: "Dataset answers",
    "release": "Release model",
    "bedrock": "Bedrock model",
    "openai": "OpenAI-compatible",
    "http": "HTTP application",
}
_CAPTIONS = {
    DATASET: "Scores the existing answers of the dataset. No model calls.",
    "release": "Calls the model of the release with its prompt and parameters. The application around it is not called.",
    "bedrock": "Calls a model of Amazon Bedrock through Converse with the credentials of the worker.",
    "openai": "Calls a model of any server with the OpenAI chat completions API.",
    "http": "Calls your application: sends a JSON body for each case and reads the JSON reply.",
}
_TEMPLATE = json.dumps(spec_fields.DEFAULT_TEMPLATE, indent=2)
_SECRET = f"${{{secret_references.PREFIX}TOKEN}}"


@dataclass(frozen=True, kw_only=True)
class TargetChoice:
    """The chosen source of answers."""

    spec: dict[str, Any] | None
    """The target for `runs.launch(target=...)`; None scores the dataset answers, or there is a `problem`."""
    repetitions: int
    problem: str
    """Why the target is incomplete; '' when it is not. A launch is refused while there is a problem."""


def draw(url: str, application: str, release: str) -> TargetChoice:
    """Draw the kind of target and the fields of this kind.

    Args:
        url: URL of the database.
        application, release: the evaluated release; '' without a release.
    """
    kind = st.segmented_control(
        "Answers",
        list(_TITLES),
        default=DATASET,
        required=True,
        format_func=_TITLES.__getitem__,
        key=launch_keys.TARGET_KIND,
    )
    st.caption(_CAPTIONS[kind])
    if kind == DATASET:
        return TargetChoice(spec=None, repetitions=1, problem="")
    try:
        document = _DRAW_FIELDS[kind]() if kind != "release" else _draw_release(url, application, release)
        spec, problem = specs.parse_spec(document, "The target").as_json(), ""
    except GenAIOpsError as error:
        spec, problem = None, str(error)
    repetitions = st.number_input(
        "Repetitions",
        min_value=1,
        max_value=specs.MAX_REPETITIONS,
        value=1,
        step=1,
        key=launch_keys.TARGET_REPETITIONS,
        help="Answers per case. More than one shows how much the answers vary.",
    )
    if problem:
        st.warning(units.escape_markdown(problem), icon=":material/smart_toy:")
    return TargetChoice(spec=spec, repetitions=int(repetitions), problem=problem)


def _draw_release(url: str, application: str, release: str) -> dict[str, Any]:
    if not release:
        raise BadInput("No release is chosen; choose one above to use its model, prompt and parameters.")
    prompt = st.text_input(
        "Prompt",
        key=launch_keys.TARGET_PROMPT,
        placeholder="the only prompt, or system, or answer",
        help="Name of the prompt, if the release has several.",
        autocomplete="off",
    )
    document = launch.build_release_target(url, application, release, prompt.strip())
    st.code(json.dumps(document, indent=2, ensure_ascii=False), language="json", height=180)
    return document


def _draw_bedrock() -> dict[str, Any]:
    first, second = st.columns(2)
    model = first.text_input(
        "Model", key=launch_keys.TARGET_MODEL, placeholder="amazon.nova-pro-v1:0", autocomplete="off"
    )
    region = second.text_input(
        "Region", key=launch_keys.TARGET_REGION, placeholder="from the worker", autocomplete="off"
    )
    return _drop_empty({"kind": "bedrock", "model": model, "region": region, **_draw_prompt_and_parameters()})


def _draw_openai() -> dict[str, Any]:
    first, second, third = st.columns([3, 4, 4])
    model = first.text_input("Model", key=launch_keys.TARGET_MODEL, placeholder="qwen3", autocomplete="off")
    base_url = second.text_input(
        "Base URL", key=launch_keys.TARGET_BASE_URL, placeholder="http://gpu:8000/v1", autocomplete="off"
    )
    api_key = third.text_input(
        "API key variable",
        key=launch_keys.TARGET_API_KEY,
        placeholder=_SECRET,
        help=f"An environment variable of the worker whose name begins with {secret_references.PREFIX}; never the key itself.",
        autocomplete="off",
    )
    return _drop_empty(
        {
            "kind": "openai",
            "model": model,
            "base_url": base_url,
            "api_key": api_key,
            **_draw_prompt_and_parameters(),
        }
    )


def _draw_prompt_and_parameters() -> dict[str, Any]:
    """Draw prompt and parameters of a model; returns `system` and `parameters` of the target."""
    system = st.text_area(
        "Prompt",
        key=launch_keys.TARGET_SYSTEM,
        height=110,
        placeholder="Answer from these sources only:\n{contexts}",
        help="The system prompt. A prompt with the placeholder {question} is sent as the user message instead; "
        "{contexts} inserts the contexts of the case.",
    )
    first, second, third = st.columns(3)
    max_tokens = first.number_input(
        "Maximum answer tokens",
        min_value=1,
        value=None,
        step=100,
        key=launch_keys.TARGET_MAX_TOKENS,
        placeholder="4096",
    )
    temperature = second.number_input(
        "Temperature",
        min_value=0.0,
        max_value=2.0,
        value=None,
        step=0.1,
        key=launch_keys.TARGET_TEMPERATURE,
        placeholder="model default",
    )
    top_p = third.number_input(
        "Top p",
        min_value=0.0,
        max_value=1.0,
        value=None,
        step=0.05,
        key=launch_keys.TARGET_TOP_P,
        placeholder="model default",
    )
    parameters = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p}
    return {
        "system": system,
        "parameters": {name: value for name, value in parameters.items() if value is not None},
    }


def _draw_http() -> dict[str, Any]:
    url = st.text_input(
        "URL", key=launch_keys.TARGET_URL, placeholder="http://my.app/answer", autocomplete="off"
    )
    first, second = st.columns(2)
    template = first.text_area(
        "Body (JSON)",
        value=_TEMPLATE,
        key=launch_keys.TARGET_TEMPLATE,
        height=150,
        help="Placeholders: {input}, {contexts}, {metadata.NAME}, {repetition}, {reference}. The reference is sent only if "
        "the body contains its placeholder.",
    )
    headers = second.text_area(
        "Headers, one per line",
        key=launch_keys.TARGET_HEADERS,
        height=150,
        placeholder=f"Authorization: Bearer {_SECRET}",
        help=f"Secret values are environment variables of the worker whose names begin with {secret_references.PREFIX}.",
    )
    st.caption(
        "Path of each value in the reply: `result.text`, `choices.0.message.content`, `sources[].text`."
    )
    reply = {}
    with st.grid(3, min_column_width=150, gap="small"):
        for name in spec_fields.REPLY_FIELDS:
            reply[name] = st.text_input(
                name.removesuffix("_usd").replace("_", " ").capitalize()
                + (", USD" if name.endswith("_usd") else ""),
                value=spec_fields.DEFAULT_REPLY.get(name, ""),
                key=launch_keys.target_reply(name),
                placeholder="not read" if name != "answer" else "answer",
                autocomplete="off",
            ).strip()
    return _drop_empty(
        {
            "kind": "http",
            "url": url,
            "template": _parse_json(template),
            "headers": dict(_parse_header(line) for line in headers.splitlines() if line.strip()),
            "reply": {name: path for name, path in reply.items() if path},
        }
    )


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput(f"The body is not valid JSON: {error}.") from error


def _parse_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise BadInput(f"A header has no colon; write NAME: {_SECRET}, one per line.")
    return name.strip(), value.strip()


def _drop_empty(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in ("", {}, None)}


_DRAW_FIELDS: dict[str, Callable[[], dict[str, Any]]] = {
    "bedrock": _draw_bedrock,
    "openai": _draw_openai,
    "http": _draw_http,
}
