"""The five verbs of the product, by clicking: see trends, evaluate, approve, move a canary, roll back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from db.engine import make_engine
from db.tables.evaluations import evaluation
from tests.acceptance.conftest import Console, confirm, wait_until_drawn
from tests.waiting import LIMIT_S, wait_for

USERS = [f"user-{number}" for number in range(2_000)]


@pytest.fixture
def errors(page: Page) -> list[str]:
    """What the browser complained about; a screen of ours gives it no reason."""
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: messages.append(str(error)))
    return messages


@dataclass(frozen=True, kw_only=True)
class Routing:
    """How all users are routed, and by which version of the routing."""

    version: int
    variants: dict[str, str]

    @property
    def canary_users(self) -> set[str]:
        return {user for user, variant in self.variants.items() if variant == "canary"}


def routing(console: Console, application: str, *, after: int = -1) -> Routing:
    """What an application is answered, once it is answered by a later version of the routing than `after`."""
    with httpx.Client(base_url=console.api_url, timeout=LIMIT_S) as client:

        def evaluate(user: str) -> Any:
            return client.post(
                "/ofrep/v1/evaluate/flags/release",
                json={"context": {"targetingKey": user, "application": application}},
            ).json()

        def later_version() -> int:
            version: int = evaluate(USERS[0])["metadata"]["version"]
            return version if version > after else 0

        version = wait_for(later_version)
        return Routing(version=version, variants={user: evaluate(user)["variant"] for user in USERS})


def act_as(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile("^(.*)Acting as")).click()
    field = page.get_by_role("textbox", name="Your name")
    field.fill(name)
    field.press("Enter")
    expect(page.get_by_role("button", name=re.compile(f"Acting as {name}"))).to_be_visible()
    page.keyboard.press("Escape")


def slide_to(page: Page, percent: int) -> None:
    """Move the slider of the rollout with the keyboard, as a person would for an exact value."""
    thumb = page.get_by_role("slider").first
    thumb.focus()

    def is_there() -> bool:
        current = int(thumb.input_value())
        for _ in range(abs(percent - current)):
            thumb.press("ArrowRight" if percent > current else "ArrowLeft")
        return int(thumb.input_value()) == percent

    wait_for(is_there)
    expect(thumb).to_have_value(str(percent))


def test_see_trends(console: Console, page: Page, errors: list[str]) -> None:
    page.goto(console.url)
    for label in ("p95 latency", "Error rate", "Cost", "Traffic split"):
        expect(page.get_by_text(label).first).to_be_visible()
    expect(page.get_by_text("demo").first).to_be_visible()
    page.get_by_role("radio", name="7d").or_(page.get_by_role("button", name="7d")).first.click()
    expect(page).to_have_url(re.compile("window=7d"))
    for screen in ("Quality", "Cost", "Latency", "Traces"):
        page.get_by_role("link", name=re.compile(f"{screen}$")).click()
        expect(page.get_by_role("heading", name=screen, exact=False, level=1)).to_be_visible()
        expect(page.locator(".js-plotly-plot, [data-testid='stDataFrame']").first).to_be_visible()
        wait_until_drawn(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
    assert errors == []


def test_launch_an_evaluation(console: Console, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "policy questions.csv"
    rows = [
        f'"What does rule {n} say?","Rule {n} covers hail.","[""Rule {n} covers hail damage.""]"'
        for n in range(60)
    ]
    file.write_text("\n".join(["Frage,answer,contexts", *rows]))
    page.goto(f"{console.url}/datasets")
    page.set_input_files('[data-testid="stFileUploader"] input[type=file]', file)
    # The column with the question has a name nobody can guess: it is mapped by hand.
    page.get_by_role("combobox", name=re.compile("Input")).click()
    page.get_by_role("option", name="Frage").click()
    expect(page.get_by_text("60 cases").first).to_be_visible()
    wait_until_drawn(page)
    page.get_by_label("Dataset name").fill("policy-questions")
    page.get_by_role("button", name="Import dataset").click()
    expect(page.get_by_text("Imported 60 cases").first).to_be_visible()

    page.goto(f"{console.url}/evaluations")
    page.get_by_role("button", name="New evaluation").click()
    page.get_by_role("combobox", name=re.compile("Dataset")).click()
    page.get_by_role("option", name="policy-questions").click()
    page.get_by_role("radio", name="Custom minimums").click()
    minimum = page.get_by_role("spinbutton", name="Grounding overlap (proxy)")
    minimum.fill("0.5")
    minimum.press("Tab")
    page.get_by_role("button", name="Launch", exact=True).click()
    expect(page.get_by_text("Launched an evaluation of policy-questions").first).to_be_visible()
    wait_for(lambda: latest_verdict(console) == "passed")
    page.reload()
    expect(page.get_by_text("passed").first).to_be_visible()


def latest_verdict(console: Console) -> str:
    engine = make_engine(console.database_url)
    with engine.connect() as connection:
        verdict = connection.execute(
            sa.select(evaluation.c.verdict).where(evaluation.c.dataset == "policy-questions")
        ).scalar()
    engine.dispose()
    return verdict or ""


def open_release(page: Page, address: str) -> None:
    """Screens read through a cache of some seconds, so what the command line made appears a little later."""

    def has_appeared() -> bool:
        page.goto(address)
        expect(page.get_by_role("heading", name="Releases", level=1)).to_be_visible()
        wait_until_drawn(page)
        return page.get_by_role("button", name="Request approval").is_visible()

    wait_for(has_appeared, interval_s=1)


def test_approve_a_release_as_someone_else(console: Console, page: Page) -> None:
    creation = console.command(
        "release",
        "create",
        "--application",
        "returns-bot",
        "--release",
        "v1",
        "--model",
        "amazon.nova-pro-v1:0",
    )
    assert creation.returncode == 0, creation.stderr
    open_release(page, f"{console.url}/releases?application=returns-bot")
    act_as(page, "ada")
    page.get_by_role("button", name="Request approval").click()
    confirm(page, "Request approval", reason="first release")
    page.get_by_role("button", name="Approve", exact=False).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("looks fine to me")
    dialog.get_by_role("button", name="Approve", exact=True).click()
    expect(dialog.get_by_text(re.compile("ada"))).to_be_visible()
    page.keyboard.press("Escape")
    act_as(page, "grace")
    page.get_by_role("button", name="Approve", exact=False).first.click()
    confirm(page, "Approve", reason="read the evaluation")
    expect(page.get_by_text("approved").first).to_be_visible()
    output = console.command("release", "list", "--application", "returns-bot", "--json").stdout
    assert '"state": "approved"' in output


def test_move_the_canary(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/rollouts")
    expect(page.get_by_role("slider").first).to_be_visible()
    before = routing(console, "support-agent")
    assert 0.22 < len(before.canary_users) / len(USERS) < 0.28
    slide_to(page, 60)
    page.get_by_label("Reason").first.fill("looks good so far")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("is at 60 %").first).to_be_visible()
    wait_for(lambda: read_canary_percent(console, "support-agent") == 60)
    after = routing(console, "support-agent", after=before.version)
    assert 0.57 < len(after.canary_users) / len(USERS) < 0.63
    assert before.canary_users <= after.canary_users, "somebody left the canary when it was widened"


def read_canary_percent(console: Console, application: str) -> float:
    rollouts = httpx.get(f"{console.api_url}/api/v1/rollouts", timeout=LIMIT_S).json()["rollouts"]
    return next(rollout["percent"] for rollout in rollouts if rollout["application"] == application)


def test_roll_back(console: Console, page: Page) -> None:
    before = routing(console, "support-agent")
    page.goto(f"{console.url}/incidents?application=support-agent")
    page.get_by_role("button", name="Roll back").first.click()
    confirm(page, "Roll back", reason="answers cite the wrong policy", typed="support-agent")
    expect(page.get_by_text("Rolled support-agent back").first).to_be_visible()
    after = routing(console, "support-agent", after=before.version)
    assert set(after.variants.values()) == {"stable"}
    page.goto(f"{console.url}/audit?application=support-agent")
    expect(page.get_by_role("heading", name="Audit", level=1)).to_be_visible()
    verified = console.command("audit", "verify", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
