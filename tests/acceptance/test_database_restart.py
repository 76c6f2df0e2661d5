"""An open screen while PostgreSQL is stopped and started."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.acceptance.conftest import LIMIT_MS, start_console, wait_until_drawn
from tests.own_postgresql import run_own_postgres


def test_open_screens_name_an_outage_and_recover(chromium: Browser, tmp_path: Path) -> None:
    with run_own_postgres() as server:
        for console in start_console(tmp_path, database_url=server.url, demo=False):
            page = chromium.new_context().new_page()
            page.set_default_timeout(LIMIT_MS)
            page.goto(f"{console.url}/releases")
            heading = page.get_by_role("heading", level=1).first
            expect(heading).to_be_visible()
            wait_until_drawn(page)
            server.stop()
            # Nobody touches the screen from here on.
            expect(page.get_by_text("The database does not answer").first).to_be_visible()
            server.start()
            expect(page.get_by_text("The database does not answer")).to_have_count(0)
            expect(page.get_by_text("cannot be read")).to_have_count(0)
            expect(heading).to_be_visible()
            page.context.close()
