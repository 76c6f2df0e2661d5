"""Page switches of a warm console, compared with those of a bare page with three charts, in Chromium.

A switch lasts from the click in the menu until the screen is complete: its heading and its last element are drawn, the
script has ended, and neither the page nor the main thread of the browser changes any more for `QUIET_MS` (which do not
count). The copy of a table for screen readers, which a timer adds later, does not count either. The switches start on a
screen with little to draw. Each screen has a session of its own, because one screen's window would be the next one's. Its
switches alternate with switches to the bare page, so that both see the same load.

    python -m benchmarks.bench_page_switches [SCREEN ...]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from pages.parts.shared import catalogue
from tests.acceptance.conftest import free_port, launch_chromium, start_console
from tests.waiting import wait_for

ROUNDS = 7
WARM_ROUNDS = 2
TARGET = 1.5
QUIET_MS = 400
TIMEOUT_MS = 300_000
START = "settings"
"""The screen that a switch leaves; its own switch leaves `OTHER_START`."""
OTHER_START = "prompts"

# The time is taken in the page: a round trip to the browser would add to it.
_SWITCH = """
async ([link, title, quiet_ms]) => {
  const app = () => document.querySelector("[data-testid='stApp']");
  const anchor = [...document.querySelectorAll("[data-testid='stSidebar'] [data-testid='stPageLink-NavLink']")]
    .find((candidate) => candidate.textContent.includes(link));
  const begin = performance.now();
  let last = begin;
  const changes = new MutationObserver((entries) => {
    // A table adds its copy for screen readers, inside its canvas, 0.3 s after it is visible: a timer, not work.
    if (entries.some((entry) => !entry.target.parentElement?.closest("canvas") && entry.target.tagName !== "CANVAS")) {
      last = performance.now();
    }
  });
  changes.observe(document.body, {childList: true, subtree: true, characterData: true});
  const tasks = new PerformanceObserver((entries) => {
    for (const entry of entries.getEntries()) last = Math.max(last, entry.startTime + entry.duration);
  });
  tasks.observe({type: "longtask"});
  anchor.click();
  const is_complete = () =>
    app().dataset.testScriptState === "notRunning"
    && document.querySelector("[data-testid='stMain'] h1")?.textContent.includes(title)
    && !document.querySelector("[data-testid='stMain'] [data-testid='stSkeleton'], [data-testid='stMain'] [data-stale='true']")
    && [...document.querySelectorAll("[data-testid='stPlotlyChart']")].every((chart) => chart.querySelector(".main-svg"))
    // The charts of the console are in shadow roots.
    && [...document.querySelectorAll("[data-testid='stBidiComponentIsolated']")]
      .every((chart) => [chart, ...chart.querySelectorAll("*")].some((node) => node.shadowRoot?.querySelector("svg")));
  let complete = null;
  while (true) {
    await new Promise((next) => setTimeout(next, 10));
    if (!is_complete()) { complete = null; continue; }
    complete ??= performance.now();
    if (performance.now() - Math.max(last, complete) > quiet_ms) break;
  }
  changes.disconnect();
  tasks.disconnect();
  return Math.max(last, complete) - begin;
}
"""


@dataclass(frozen=True, kw_only=True)
class Tab:
    """A page of the browser on a running server."""

    page: Page

    def switch_ms(self, link: str, title: str) -> float:
        """Click `link` in the menu; milliseconds until the screen `title` is complete."""
        took_ms: float = self.page.evaluate(_SWITCH, [link, title, QUIET_MS])
        return took_ms


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Switches to one screen and, beside them, to the bare page."""

    screen_ms: list[float] = field(default_factory=list)
    bare_ms: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.screen_ms) / statistics.median(self.bare_ms)


def main() -> None:
    wanted = sys.argv[1:] or [entry.name for entry in catalogue.ENTRIES]
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        launch_chromium(playwright) as browser,
        serve_bare_pages() as bare_url,
    ):
        for console in start_console(Path(folder)):
            report(browser, console.url, bare_url, wanted)


def report(
    browser: Browser, console_url: str, bare_url: str, wanted: list[str], rounds: int = ROUNDS
) -> None:
    """Measure and print a line for each screen."""
    pairs = {name: measure(browser, console_url, bare_url, name, rounds) for name in wanted}
    print(f"load of this machine {os.getloadavg()[0]:.1f}")
    all_bare_ms = statistics.median(took_ms for pair in pairs.values() for took_ms in pair.bare_ms)
    print(f"{'screen':<14}{'ms':>8}{'bare ms':>10}{'ratio':>8}  (bare page: median {all_bare_ms:.0f} ms)")
    for name, pair in sorted(pairs.items(), key=lambda item: -item[1].ratio):
        verdict = "reached" if pair.ratio <= TARGET else "MISSED"
        print(
            f"{name:<14}{statistics.median(pair.screen_ms):>8.0f}{statistics.median(pair.bare_ms):>10.0f}"
            f"{pair.ratio:>8.2f}  (at most {TARGET}: {verdict})",
            flush=True,
        )


def measure(browser: Browser, console_url: str, bare_url: str, name: str, rounds: int) -> Pair:
    """Switch to one screen and to the bare page in turn."""
    pair = Pair()
    with (
        open_tab(browser, f"{console_url}/{find_start(name)}") as console,
        open_tab(browser, f"{bare_url}/text") as bare,
    ):
        # The first rounds load the browser's scripts and fill the caches.
        for number in range(-WARM_ROUNDS, rounds):
            screen_ms, bare_ms = switch_to_screen(console, name), switch_to_bare_page(bare)
            require_content(console.page, name)
            if number >= 0:
                pair.screen_ms.append(screen_ms)
                pair.bare_ms.append(bare_ms)
    return pair


def require_content(page: Page, name: str) -> None:
    """An empty screen would be fast."""
    for sentence in ("in this window", "cannot be read"):
        if page.get_by_test_id("stMain").get_by_text(sentence).count():
            raise SystemExit(f"{name} shows '{sentence}': there is nothing to measure")


def switch_to_screen(console: Tab, name: str) -> float:
    start = catalogue.BY_NAME[find_start(name)].title
    title = catalogue.BY_NAME[name].title
    console.switch_ms(start, start)
    return console.switch_ms(title, title)


def find_start(name: str) -> str:
    return START if name != START else OTHER_START


def switch_to_bare_page(bare: Tab) -> float:
    bare.switch_ms("Text", "Text")
    return bare.switch_ms("Charts", "Charts")


@contextmanager
def open_tab(browser: Browser, url: str) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(url)
    page.locator("[data-testid='stApp'][data-test-script-state='notRunning'] h1").first.wait_for()
    page.locator("[data-testid='stSidebar'] [data-testid='stPageLink-NavLink']").last.wait_for(
        state="attached"
    )
    yield Tab(page=page)
    context.close()


@contextmanager
def serve_bare_pages() -> Iterator[str]:
    """Serve `bare_pages.py` with the framework's defaults."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("bare_pages.py")),
                "--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true",
                "--browser.gatherUsageStats=false", "--server.fileWatcherType=none",
            ],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: answers(f"{url}/_stcore/health"))
            yield url
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    main()
