"""Every screen in the browser, in both colour schemes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import Console, wait_until_drawn


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "screen",
    [
        "overview", "quality", "cost", "latency", "traces", "datasets", "evaluations", "metrics", "releases", "prompts",
        "rollouts", "incidents", "audit", "settings",
    ],
)  # fmt: skip
def test_every_screen_draws_in_light_and_dark(console: Console, page: Page, screen: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{console.url}/{screen}")
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    wait_until_drawn(page)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("cannot be read")).to_have_count(0)
