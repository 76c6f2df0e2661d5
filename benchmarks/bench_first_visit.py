"""The first visit to a console that has just become ready, compared with later visits, in Chromium.

A visit uses a new browser context (empty cache). It lasts from the request of the URL until the script has ended and the
charts are rendered. Each screen is visited first on a newly started console, then `LATER` more times with a pause of
`PAUSE_S`, so that no cache of the previous visit is valid.
The browser itself is warmed up on a console that does not count.

    python -m benchmarks.bench_first_visit
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.acceptance.conftest import launch_chromium, start_console

SCREENS = ("overview", "cost", "quality", "rollouts")
LATER = 3
PAUSE_S = 11
TARGET = 1.5
TIMEOUT_MS = 300_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        with launch_chromium(playwright) as browser:
            # This console also writes the demo for the measured consoles.
            with running(home) as url:
                for screen in SCREENS:
                    visit_ms(browser, f"{url}/{screen}")
            print(f"load of this machine {os.getloadavg()[0]:.1f}")
            print(f"{'screen':<12}{'first ms':>10}{'later ms':>10}{'ratio':>8}")
            for screen in SCREENS:
                report(browser, home, screen)


def report(browser: Browser, home: Path, screen: str) -> None:
    with running(home) as url:
        first_ms = visit_ms(browser, f"{url}/{screen}")
        later_ms = []
        for _ in range(LATER):
            time.sleep(PAUSE_S)
            later_ms.append(visit_ms(browser, f"{url}/{screen}"))
    ratio = first_ms / statistics.median(later_ms)
    verdict = "reached" if ratio <= TARGET else "MISSED"
    print(
        f"{screen:<12}{first_ms:>10.0f}{statistics.median(later_ms):>10.0f}{ratio:>8.2f}"
        f"  (at most {TARGET}: {verdict})",
        flush=True,
    )


@contextmanager
def running(home: Path) -> Iterator[str]:
    """Start a console with the demo and without earlier visits."""
    for console in start_console(home):
        yield console.url


def visit_ms(browser: Browser, address: str) -> float:
    """Milliseconds until the screen is complete."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    started = time.perf_counter()
    page.goto(address)
    page.locator("[data-testid='stApp'][data-test-script-state='notRunning'] .chart svg").first.wait_for()
    took_ms = (time.perf_counter() - started) * 1000
    context.close()
    return took_ms


if __name__ == "__main__":
    main()
