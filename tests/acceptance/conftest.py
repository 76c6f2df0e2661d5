"""The whole console, started as its README says, and a real browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.waiting import LIMIT_S, wait_for

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "test-artifacts"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIMIT_MS = LIMIT_S * 1000

expect.set_options(timeout=LIMIT_MS)


@dataclass(frozen=True, kw_only=True)
class Console:
    """A running console."""

    url: str
    api_url: str
    environment: dict[str, str]

    @property
    def database_url(self) -> str:
        home = self.environment["GENAIOPS_HOME"]
        return self.environment["GENAIOPS_DATABASE_URL"] or f"sqlite:///{home}/genaiops.db"

    def command(self, *arguments: str, actor: str = "ada") -> subprocess.CompletedProcess[str]:
        """Run `genaiops` against the same database."""
        return subprocess.run(
            [sys.executable, "-m", "genaiops_core.cli.main", *arguments],
            env={**self.environment, "GENAIOPS_ACTOR": actor},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_console(home: Path, *, database_url: str = "", demo: bool = True) -> Iterator[Console]:
    """`genaiops up`, waited for until it is ready, and stopped as Ctrl-C would."""
    ui_port, api_port = free_port(), free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GENAIOPS_")}
    environment |= {
        "GENAIOPS_HOME": str(home),
        "GENAIOPS_DATABASE_URL": database_url,
        "PYTHONWARNINGS": "default",
    }
    home.mkdir(parents=True, exist_ok=True)
    log = (home / "up.log").open("wb")
    arguments = [sys.executable, "-m", "genaiops_core.cli.main", "up", *(["--demo"] if demo else [])]
    process = subprocess.Popen(
        [*arguments, "--ui-port", str(ui_port), "--api-port", str(api_port)],
        env=environment, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    console = Console(
        url=f"http://127.0.0.1:{ui_port}", api_url=f"http://127.0.0.1:{api_port}", environment=environment
    )
    try:
        wait_until_ready(console, process, home / "up.log")
        yield console
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def wait_until_ready(console: Console, process: subprocess.Popen[bytes], log: Path) -> None:
    answers = [""]

    def is_ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            answer = httpx.get(f"{console.api_url}/readyz", timeout=LIMIT_S)
        except httpx.HTTPError:
            return False
        answers.append(answer.text)
        return answer.is_success

    try:
        wait_for(is_ready)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{answers[-1]}\n{log.read_text()[-4000:]}") from None


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def console(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One console with the demo, on each database, for all tests of this folder; it ends before others begin."""
    home = tmp_path_factory.mktemp(f"console-{request.param}")
    url = ""
    if request.param == "postgresql":
        server: sa.URL = request.getfixturevalue("postgres_server")
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql("create database console")
        admin.dispose()
        url = server.set(database="console").render_as_string(hide_password=False)
    yield from start_console(home, database_url=url)


def launch_chromium(playwright: Playwright) -> Browser:
    """The system's Chromium or Chrome."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    channel = None if program else "chrome"
    return playwright.chromium.launch(executable_path=program, channel=channel, args=CHROMIUM_ARGUMENTS)


# Not for the whole session: while it is open its event loop runs in this thread, and runs of evaluations want their own.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


def wait_until_drawn(page: Page) -> None:
    """Until the script of the screen has ended."""
    page.locator("[data-testid='stApp'][data-test-script-state='notRunning']").wait_for()


def confirm(page: Page, button: str, *, reason: str, typed: str | None = None) -> None:
    """Fill the open dialog and press its one button."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    if typed is not None:
        dialog.get_by_label(re.compile("to confirm")).fill(typed)
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(dialog).to_be_hidden()


@pytest.fixture(scope="package")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """One for all tests, so that the scripts of the framework are loaded and compiled once."""
    opened = chromium.new_context(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    opened.set_default_timeout(LIMIT_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A session of its own."""
    opened = context.new_page()
    yield opened
    ARTIFACTS.mkdir(exist_ok=True)
    opened.screenshot(path=ARTIFACTS / f"{request.node.name}.png", full_page=True)
    opened.close()
