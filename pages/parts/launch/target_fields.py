"""Who answers the cases of a new run: the dataset as it is, or a target that is asked first.

Secrets stay in the environment of the worker; what is typed here are the names of its variables.
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
    DATASET: "Answers of the dataset",
    "release": "The release's model",
    "bedrock": "Bedrock model",
    "openai": "OpenAI-compatible",
    "http": "HTTP application",
}
_CAPTIONS = {
    DATASET: "The answers that the cases already have are scored. Nothing is called.",
    "release": "The model of the release is asked, with its prompt and parameters; the application around it is not run.",
    "bedrock": "A model of Amazon Bedrock through Converse, with the credentials of the worker.",
    "openai": "A model of any server that speaks as OpenAI's chat completions do.",
    "http": "An application of your own: it is sent a JSON body for each case, and its JSON reply is read.",
}
_TEMPLATE = json.dumps(spec_fields.DEFAULT_TEMPLATE, indent=2)
_SECRET = f"${{{secret_references.PREFIX}TOKEN}}"


@dataclass(frozen=True, kw_only=True)
class TargetChoice:
    """Who was chosen."""

    spec: dict[str, Any] | None
    """As `runs.launch(target=...)` takes it; None scores the answers of the dataset, or see `problem`."""
    repetitions: int
    problem: str
    """Why there is no such target yet, or ''; nothing may be launched while there is one."""


def draw(url: str, application: str, release: str) -> TargetChoice:
    """The kind of target and the fields that this kind needs.

    Args:
        url: of the database.
        application, release: whose quality is measured; '' when the run is of no release.
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
        spec, problem = specs.parse(document, "The target").as_json(), ""
    except GenAIOpsError as error:
        spec, problem = None, str(error)
    repetitions = st.number_input(
        "Repetitions",
        min_value=1,
        max_value=specs.MOST_REPETITIONS,
        value=1,
        step=1,
        key=launch_keys.TARGET_REPETITIONS,
        help="How often each case is answered. More than one shows how much answers vary by themselves.",
    )
    if problem:
        st.warning(units.escape_markdown(problem), icon=":material/smart_toy:")
    return TargetChoice(spec=spec, repetitions=int(repetitions), problem=problem)


def _draw_release(url: str, application: str, release: str) -> dict[str, Any]:
    if not release:
        raise BadInput("Choose a release above: its model, prompt and parameters are used.")
    prompt = st.text_input(
        "Prompt",
        key=launch_keys.TARGET_PROMPT,
        placeholder="the only one, or system, or answer",
        help="Which prompt of the release, where it has several.",
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
        "Region", key=launch_keys.TARGET_REGION, placeholder="that of the worker", autocomplete="off"
    )
    return _drop_empty({"kind": "bedrock", "model": model, "region": region, **_draw_prompt_and_parameters()})


def _draw_openai() -> dict[str, Any]:
    first, second, third = st.columns([3, 4, 4])
    model = first.text_input("Model", key=launch_keys.TARGET_MODEL, placeholder="qwen3", autocomplete="off")
    base_url = second.text_input(
        "Base URL", key=launch_keys.TARGET_BASE_URL, placeholder="http://gpu:8000/v1", autocomplete="off"
    )
    api_key = third.text_input(
        "API key, by its variable",
        key=launch_keys.TARGET_API_KEY,
        placeholder=_SECRET,
        help=f"A variable of the worker's environment whose name begins with {secret_references.PREFIX}; never the key itself.",
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
    """Prompt and parameters of a model."""
    system = st.text_area(
        "Prompt",
        key=launch_keys.TARGET_SYSTEM,
        height=110,
        placeholder="Answer from these sources only:\n{contexts}",
        help="Goes before the question as the system prompt. With a place {question} it is the whole turn; {contexts} is "
        "where the contexts of the case go.",
    )
    first, second, third = st.columns(3)
    max_tokens = first.number_input(
        "Most tokens of an answer",
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
        placeholder="the model's own",
    )
    top_p = third.number_input(
        "Top p",
        min_value=0.0,
        max_value=1.0,
        value=None,
        step=0.05,
        key=launch_keys.TARGET_TOP_P,
        placeholder="the model's own",
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
        "Body, as JSON",
        value=_TEMPLATE,
        key=launch_keys.TARGET_TEMPLATE,
        height=150,
        help="Places: {input}, {contexts}, {metadata.NAME}, {repetition}; {reference} is sent only where you write it.",
    )
    headers = second.text_area(
        "Headers, one a line",
        key=launch_keys.TARGET_HEADERS,
        height=150,
        placeholder=f"Authorization: Bearer {_SECRET}",
        help=f"Values are variables of the worker whose names begin with {secret_references.PREFIX}.",
    )
    st.caption(
        "Where things stand in the reply: `result.text`, `choices.0.message.content`, `sources[].text`."
    )
    reply = {}
    with st.grid(3, min_column_width=150, gap="small"):
        for name in spec_fields.REPLY_FIELDS:
            reply[name] = st.text_input(
                name.removesuffix("_usd").replace("_", " ").capitalize()
                + (", USD" if name.endswith("_usd") else ""),
                value=spec_fields.DEFAULT_REPLY.get(name, ""),
                key=launch_keys.target_reply(name),
                placeholder="not told" if name != "answer" else "answer",
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
        raise BadInput(f"The body is not JSON: {error}.") from error


def _parse_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise BadInput(f"A header is written NAME: {_SECRET}, one a line.")
    return name.strip(), value.strip()


def _drop_empty(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in ("", {}, None)}


_DRAW_FIELDS: dict[str, Callable[[], dict[str, Any]]] = {
    "bedrock": _draw_bedrock,
    "openai": _draw_openai,
    "http": _draw_http,
}
