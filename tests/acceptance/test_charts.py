"""Charts over time in the browser: described in words, read with the pointer and with the keyboard."""

from __future__ import annotations

import datetime as dt
import re

from playwright.sync_api import Page, expect

from pages.parts.charts import plots, time_chart
from tests.acceptance.conftest import Console, wait_until_drawn


def test_chart_shows_values_to_pointer_and_keyboard(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/latency")
    wait_until_drawn(page)
    chart = page.get_by_role("img", name=re.compile("latency.*over time", re.IGNORECASE)).first
    expect(chart).to_be_visible()
    chart.hover()
    value = page.get_by_role("status").filter(has_text="UTC").filter(has_text="p95")
    expect(value).to_be_visible()
    page.mouse.move(0, 0)
    expect(value).to_be_hidden()
    chart.focus()
    page.keyboard.press("ArrowRight")
    expect(value).to_be_visible()
    page.keyboard.press("Escape")
    expect(value).to_be_hidden()


def test_legend_hides_a_line(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/latency")
    wait_until_drawn(page)
    entry = page.get_by_role("button", name="p95", exact=True)
    expect(entry).to_have_attribute("aria-pressed", "true")
    lines = page.get_by_role("img", name=re.compile("latency.*over time", re.IGNORECASE)).first.locator(
        "path.line"
    )
    expect(lines).to_have_count(3)
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    expect(lines).to_have_count(2)
    entry.press("Enter")
    expect(lines).to_have_count(3)


def test_cards_have_a_described_trend(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/overview")
    wait_until_drawn(page)
    expect(page.get_by_role("img", name=re.compile("^Trend from"))).to_have_count(5)


def test_unfinished_last_step_is_dotted(page: Page) -> None:
    at = [dt.datetime(2026, 11, 30, hour, tzinfo=dt.UTC) for hour in range(4)]
    series = [
        plots.Line(name="with a gap", at=at, values=[1, 2, None, 4]),
        plots.Line(name="whole", at=at, values=[5, 6, 7, 8]),
    ]
    chart = plots.build_line_chart(series, unit="s", is_unfinished=True)
    page.set_content('<div id="parent"><div class="chart" style="width: 600px"></div></div>')
    page.evaluate(
        """async ([source, data]) => {
            const module = await import("data:text/javascript," + encodeURIComponent(source));
            module.default({ data, parentElement: document.querySelector("#parent") });
        }""",
        [time_chart.SCRIPT, time_chart.encode_chart(chart, "p95 latency")],
    )
    tails = page.get_by_role("img", name="p95 latency").locator("path.tail")
    expect(tails).to_have_count(1)
    expect(tails).to_have_attribute("stroke-dasharray", "2 3")
    expect(page.locator("path.line:not(.tail)")).to_have_count(2)
