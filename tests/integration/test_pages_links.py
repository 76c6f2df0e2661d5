"""Links to screens: names that do not exist, filters that stay, and rows that are in the URL."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db.transaction import reading
from genaiops_core.evaluation import datasets
from genaiops_core.releases import releases
from pages.parts.evaluations import evaluation_keys
from pages.parts.launch import launch_keys
from pages.parts.rollouts import rollout_keys
from pages.parts.shared import keys
from pages.parts.traces import trace_keys
from tests.integration.screens import CSV, ROOT, check, open_screen, read_texts
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


def test_link_opens_the_form_with_its_choices(demo_engine: sa.Engine) -> None:
    with reading(demo_engine) as connection:
        release = releases.list_releases(connection, "support-agent")[0]
    datasets.import_dataset(demo_engine, actor="ada", name="second", data=CSV, filename="cases.csv")
    screen = open_linked(
        "evaluations", new="1", dataset="second", application=release.application, release=release.release
    )
    assert screen.selectbox(key=launch_keys.RUN_DATASET).value == "second"
    assert screen.selectbox(key=launch_keys.RUN_RELEASE).value == release.name
    check(screen.selectbox(key=launch_keys.RUN_RELEASE).set_value("No release").run())
    assert screen.selectbox(key=launch_keys.RUN_RELEASE).value == "No release"
    check(screen.button(key=launch_keys.RUN_BACK).click().run())
    assert not {keys.NEW, keys.DATASET, keys.RELEASE} & set(screen.query_params)
    assert screen.button(key=evaluation_keys.EVALUATION_NEW)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"dataset": "nope"}, "There is no dataset nope"),
        ({"application": "support-agent", "release": "v99"}, "There is no release support-agent/v99"),
    ],
)
def test_wrong_name_in_a_form_link_is_stated(
    demo_engine: sa.Engine, query: dict[str, str], sentence: str
) -> None:
    screen = open_linked("evaluations", new="1", **query)
    assert sentence in read_texts(screen)
    assert not [button for button in screen.button if button.key == launch_keys.RUN_LAUNCH]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("datasets", ("new=1", "dataset=")), ("releases", ("new=1", "application=", "release="))],
)
def test_evaluate_links_name_their_subject(
    demo_engine: sa.Engine, name: str, parameters: tuple[str, ...]
) -> None:
    links = [element.proto for element in open_screen(name).get("page_link")]
    query = next(
        link.query_string for link in links if link.label.startswith("Evaluate") and link.query_string
    )
    assert all(parameter in query for parameter in parameters)


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
