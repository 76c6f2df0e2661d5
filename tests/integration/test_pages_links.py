"""Links to screens: names that do not exist, filters that stay, and rows that are in the URL."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from genaiops_core.releases import releases
from pages.parts.rollouts import rollout_keys
from pages.parts.shared import keys
from pages.parts.traces import trace_keys
from tests.integration.screens import ROOT, check, open_screen, read_texts
from tests.waiting import LIMIT_S


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("overview", keys.ENVIRONMENT),
        ("cost", keys.APPLICATION),
        ("latency", keys.MODEL),
        ("sessions", keys.RELEASE),
        ("incidents", keys.APPLICATION),
        ("releases", keys.APPLICATION),
    ],
)
def test_unknown_name_in_a_link_is_stated(demo_engine: sa.Engine, name: str, key: str) -> None:
    screen = open_linked(name, **{key: "**nope**"})
    assert f"There is no {key} **nope**" in read_texts(screen)
    assert not screen.metric and not screen.dataframe
    assert not [button for button in screen.button if button.label == "Roll back"]
    check(screen.button(key=f"{key}_clear").click().run())
    assert "There is no" not in read_texts(screen)


def open_linked(name: str, **query: str) -> AppTest:
    """Visit a screen as a pasted link does: the first run of the session has the parameters."""
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=LIMIT_S)
    screen.query_params.update(query)
    screen.switch_page(f"pages/{name}.py")
    return check(screen.run())


def test_new_application_is_known_at_once(empty_engine: sa.Engine) -> None:
    assert "There is no application shop" in read_texts(open_linked("releases", application="shop"))
    releases.create(empty_engine, actor="ada", application="shop", release="v1")
    assert "There is no application" not in read_texts(open_linked("releases", application="shop"))


@pytest.mark.parametrize("key", [keys.ROLLOUT, keys.APPLICATION])
def test_unknown_rollout_is_not_replaced(demo_engine: sa.Engine, key: str) -> None:
    screen = open_linked("rollouts", **{key: "nope"})
    assert "There is no application nope" in read_texts(screen)
    assert not [button for button in screen.button if button.key and "rollback" in button.key]
    assert screen.selectbox(key=keys.ROLLOUT).value == "nope"


def test_linked_rollout_is_opened(demo_engine: sa.Engine) -> None:
    screen = open_linked("rollouts", rollout="policy-search")
    assert screen.selectbox(key=keys.ROLLOUT).value == "policy-search"
    assert screen.button(key=rollout_keys.rollback_open("policy-search"))


@pytest.mark.parametrize(
    ("name", "query", "sentence"),
    [
        ("traces", {"trace": "nope"}, "There is no trace nope"),
        ("traces", {"trace_id": "nope"}, "There is no trace nope"),
        ("sessions", {"session": "nope"}, "There is no session nope"),
        ("evaluations", {"evaluation": "nope"}, "There is no evaluation nope"),
        ("cost", {"window": "99d"}, "window=99d in the link is not valid; the last 24h are shown"),
        ("users", {"start": "yesterday"}, "start=yesterday in the link is not valid; the last 7d are shown"),
    ],
)
def test_wrong_link_is_explained(
    demo_engine: sa.Engine, name: str, query: dict[str, str], sentence: str
) -> None:
    assert sentence in read_texts(open_linked(name, **query))


def test_unknown_evaluation_is_not_replaced(demo_engine: sa.Engine) -> None:
    screen = open_linked("evaluations", evaluation="nope")
    assert not screen.metric and not screen.tabs


def test_menu_keeps_filters_between_screens(demo_engine: sa.Engine) -> None:
    screen = open_linked("datasets")
    assert read_menu(screen)["cost"] == ""
    screen = open_linked("cost", application="support-agent", window="7d")
    # The browser appends the parameters of the open screen to the link of another.
    assert read_menu(screen)["quality"] == ""
    screen.switch_page("pages/datasets.py").run()
    screen.query_params.clear()
    check(screen.run())
    assert read_menu(screen)["quality"] == "application=support-agent&window=7d"
    assert read_menu(screen)["releases"] == "application=support-agent"
    assert read_menu(screen)["settings"] == ""


def test_menu_returns_to_the_search(demo_engine: sa.Engine) -> None:
    screen = open_linked("traces", q="status:error", trace_id="nope")
    screen.switch_page("pages/settings.py").run()
    screen.query_params.clear()
    assert read_menu(check(screen.run()))["traces"] == "q=status%3Aerror"


def read_menu(screen: AppTest) -> dict[str, str]:
    """Screen -> the query string of its link in the menu."""
    links = [element.proto for element in screen.get("page_link")]
    return {link.page: link.query_string for link in links}


def test_row_is_in_the_url_until_back(demo_engine: sa.Engine) -> None:
    screen = open_screen("traces", window="30d")
    first, second = list(screen.dataframe[0].value["trace"])[:2]
    screen.session_state[trace_keys.TRACE_TABLE] = {"selection": {"rows": [0]}}
    check(screen.run())
    assert screen.query_params[keys.TRACE_ID] == first
    screen.session_state[trace_keys.TRACE_TABLE] = {"selection": {"rows": [1]}}
    check(screen.run())
    assert screen.query_params[keys.TRACE_ID] == second
    # Back removes the parameter; the selection of the table must not write it a second time.
    del screen.query_params[keys.TRACE_ID]
    check(screen.run())
    assert keys.TRACE_ID not in screen.query_params
    assert not [button for button in screen.button if button.label == "Add to dataset"]
