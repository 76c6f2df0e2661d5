"""The fields of a target on screen: the resulting spec, and messages for missing values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

from genaiops_core.releases import prompts, releases
from pages.parts.launch import launch_keys
from tests.waiting import LIMIT_S


def screen(url: str, application: str, release: str) -> None:
    import streamlit as st

    from pages.parts.launch import target_fields

    st.session_state["choice"] = target_fields.draw(url, application, release)


@pytest.fixture
def url(sqlite_engine: sa.Engine, tmp_path: Path) -> str:
    st.cache_data.clear()
    st.cache_resource.clear()
    return f"sqlite:///{tmp_path}/only.db"


def open_fields(url: str, kind: str, release: str = "", **values: Any) -> AppTest:
    """Open the fields of one kind and enter `values` by widget key."""
    page = AppTest.from_function(
        screen, args=(url, "shop" if release else "", release), default_timeout=LIMIT_S
    ).run()
    page = page.segmented_control(key=launch_keys.TARGET_KIND).set_value(kind).run()
    for key, value in values.items():
        next(
            widget
            for kind_of in (page.text_input, page.text_area, page.number_input)
            for widget in kind_of
            if widget.key == key
        ).set_value(value)
    page = page.run()
    assert not page.exception
    return page


def read_choice(page: AppTest) -> Any:
    return page.session_state["choice"]


def test_dataset_answers_are_the_default(url: str) -> None:
    page = AppTest.from_function(screen, args=(url, "", ""), default_timeout=LIMIT_S).run()
    assert (read_choice(page).spec, read_choice(page).repetitions, read_choice(page).problem) == (None, 1, "")


def test_bedrock_model_is_a_target(url: str) -> None:
    page = open_fields(
        url, "bedrock", target_model="amazon.nova-pro-v1:0", target_temperature=0.5, target_repetitions=3
    )
    assert read_choice(page).spec == {
        "kind": "bedrock",
        "model": "amazon.nova-pro-v1:0",
        "parameters": {"temperature": 0.5},
        "timeout_s": 60.0,
    }
    assert read_choice(page).repetitions == 3


def test_compatible_server_is_a_target(url: str) -> None:
    typed = {
        "target_model": "qwen3",
        "target_base_url": "http://gpu:8000/v1",
        "target_system": "Use {contexts}",
    }
    page = open_fields(url, "openai", **typed, target_api_key="${GENAIOPS_TARGET_KEY}", target_max_tokens=50)
    spec = read_choice(page).spec
    assert (spec["base_url"], spec["api_key"]) == ("http://gpu:8000/v1", "${GENAIOPS_TARGET_KEY}")
    assert (spec["system"], spec["parameters"]) == ("Use {contexts}", {"max_tokens": 50})


def test_http_application_is_a_target(url: str) -> None:
    page = open_fields(
        url,
        "http",
        target_url="https://my.app/answer",
        target_headers="Authorization: Bearer ${GENAIOPS_TARGET_TOKEN}\n\nX-Team: ${GENAIOPS_TARGET_TEAM}",
        target_reply_answer="result.text",
        target_reply_contexts="sources[].text",
    )
    spec = read_choice(page).spec
    assert spec["template"] == {"question": "{input}"}
    assert spec["reply"] == {"answer": "result.text", "contexts": "sources[].text"}
    assert list(spec["headers"]) == ["Authorization", "X-Team"]


@pytest.mark.parametrize(
    ("kind", "typed", "sentence"),
    [
        ("bedrock", {}, "The target: model is missing."),
        ("http", {}, "The target: url is missing."),
        ("http", {"target_url": "https://my.app/", "target_template": "{"}, "The body is not valid JSON"),
        (
            "http",
            {"target_url": "https://my.app/", "target_headers": "X-Key"},
            "A header has no colon; write NAME: ",
        ),
        (
            "openai",
            {"target_model": "m", "target_base_url": "http://h/v1", "target_api_key": "sk-1"},
            "must be a reference",
        ),
        ("release", {}, "No release is chosen; choose one above"),
    ],
)
def test_missing_field_prevents_launch(url: str, kind: str, typed: dict[str, str], sentence: str) -> None:
    page = open_fields(url, kind, **typed)
    assert read_choice(page).spec is None
    assert sentence in read_choice(page).problem
    assert len(page.warning) == 1 and "sk-1" not in page.warning[0].value


def test_model_of_a_release_is_a_target(url: str, sqlite_engine: sa.Engine) -> None:
    for name in ("rewrite", "rank"):
        prompts.add(sqlite_engine, actor="ada", application="shop", name=name, text=f"The text of {name}.")
    releases.create(
        sqlite_engine,
        actor="ada",
        application="shop",
        release="r1",
        model="amazon.nova-pro-v1:0",
        prompts=["rewrite@1", "rank@1"],
    )
    page = open_fields(url, "release", "r1")
    assert "choose one: rewrite, rank" in read_choice(page).problem
    page = open_fields(url, "release", "r1", target_prompt="rank")
    assert read_choice(page).spec["system"] == "The text of rank."
    assert "Prompt rewrite@1 of the release is not sent." in page.code[0].value
