"""Links, filters and the Back button, in the browser: the URL says what the screen shows."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.conftest import Console, wait_until_drawn

APPLICATION = "support-agent"


def open_by_menu(page: Page, title: str) -> None:
    """Open a screen by the menu and wait for it."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", level=1).first).to_contain_text(title)
    wait_until_drawn(page)


def find_filter(page: Page, label: str) -> Locator:
    return page.get_by_role("combobox", name=re.compile(label))


def test_filters_of_a_link_survive_the_menu_and_back(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/cost?application={APPLICATION}&window=7d")
    expect(find_filter(page, "Application")).to_have_value(APPLICATION)
    wait_until_drawn(page)
    entries = page.evaluate("history.length")
    # Datasets have no filter, and 7 days are the default of the users: neither may lose what was chosen.
    visited = ["Quality", "Datasets", "Users", "Latency"]
    for title in visited:
        open_by_menu(page, title)
    expect(page).to_have_url(re.compile(f"/latency\\?.*application={APPLICATION}"))
    expect(page).to_have_url(re.compile("/latency\\?.*window=7d"))
    expect(find_filter(page, "Application")).to_have_value(APPLICATION)
    assert page.evaluate("history.length") == entries + len(visited)
    for title in [*reversed(visited[:-1]), "Cost"]:
        page.go_back()
        expect(page.get_by_role("heading", level=1).first).to_contain_text(title)
    expect(find_filter(page, "Application")).to_have_value(APPLICATION)


def test_cleared_filter_stays_cleared(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/cost?application={APPLICATION}")
    expect(find_filter(page, "Application")).to_have_value(APPLICATION)
    wait_until_drawn(page)
    page.get_by_test_id("stSelectbox").first.get_by_label("Clear value").click()
    expect(page).to_have_url(f"{console.url}/cost")
    wait_until_drawn(page)
    open_by_menu(page, "Quality")
    expect(page).to_have_url(f"{console.url}/quality")


@pytest.mark.parametrize("address", ["rollouts?rollout=nope", "incidents?application=nope"])
def test_unknown_application_gets_no_rollback(console: Console, page: Page, address: str) -> None:
    page.goto(f"{console.url}/{address}")
    expect(page.get_by_text("There is no application nope")).to_be_visible()
    wait_until_drawn(page)
    expect(page.get_by_role("button", name="Roll back")).to_have_count(0)
    expect(page).to_have_url(f"{console.url}/{address}")


def test_selected_trace_is_in_the_url(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/traces?trace=nope")
    expect(page.get_by_text("There is no trace nope")).to_be_visible()
    wait_until_drawn(page)
    page.get_by_role("button", name="All traces").click()
    expect(page).to_have_url(f"{console.url}/traces")
    wait_until_drawn(page)
    # Rows are painted on a canvas; the first stands below the header, its box at the left edge.
    page.get_by_test_id("stDataFrame").first.click(position={"x": 14, "y": 52})
    expect(page).to_have_url(re.compile(r"/traces\?trace_id=[0-9a-f]{32}$"))
    expect(page.get_by_role("button", name="Add to dataset")).to_be_visible()
    wait_until_drawn(page)
    page.reload()
    expect(page.get_by_role("button", name="Add to dataset")).to_be_visible()
    expect(page.get_by_role("button", name="All traces")).to_be_visible()
    wait_until_drawn(page)
    page.go_back()
    expect(page).to_have_url(f"{console.url}/traces")
    expect(page.get_by_role("button", name="Add to dataset")).to_have_count(0)
