"""From a messy file to a verdict, by clicking, with a judge that speaks Bedrock's Converse on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from db.engine import make_engine
from db.transaction import reading
from genaiops_core.evaluation import runs
from tests.acceptance.conftest import Console, confirm, start_console
from tests.conftest import JudgeServer
from tests.waiting import wait_for

CASES = 30
MODEL = "amazon.nova-lite-v1:0"
METRICS = ("Faithfulness", "Answer relevancy", "Context precision", "Context recall")


@pytest.fixture
def console(judge_server: JudgeServer, tmp_path: Path) -> Iterator[Console]:
    """A console without the demo, whose AWS endpoint is the loopback judge."""
    yield from start_console(tmp_path / "home", demo=False)


def messy_file(folder: Path) -> Path:
    """As spreadsheets leave it: semicolons, an encoding of yesterday, a head that nobody can guess."""
    rows = [
        f'Rule {n} covers hail damage to Gärten?;Rule {n} covers hail damage.;"[""Rule {n} covers hail damage.""]";'
        f"Rule {n} covers hail damage."
        for n in range(CASES)
    ]
    file = folder / "rules für hail.csv"
    file.write_bytes("\r\n".join(["Frage;answer;contexts;ground_truth", *rows]).encode("cp1252"))
    return file


def state(console: Console) -> runs.Evaluation | None:
    engine = make_engine(console.database_url)
    with reading(engine) as connection:
        evaluations = runs.list_evaluations(connection)
    engine.dispose()
    return evaluations[0] if evaluations else None


def is_at(console: Console, *states: str) -> bool:
    run = state(console)
    return run is not None and run.state in states


def import_file(page: Page, console: Console, file: Path) -> None:
    page.goto(f"{console.url}/datasets")
    page.set_input_files('[data-testid="stFileUploader"] input[type=file]', file)
    page.get_by_role("combobox", name=re.compile("Input")).click()
    page.get_by_role("option", name="Frage").click()
    expect(page.get_by_text(f"{CASES} cases").first).to_be_visible()
    page.get_by_label("Dataset name").fill("hail")
    page.get_by_role("button", name="Import dataset").click()
    expect(page.get_by_text(f"Imported {CASES} cases").first).to_be_visible()


def launch(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/evaluations")
    page.get_by_role("button", name="New evaluation").click()
    page.get_by_role("radiogroup", name="Judge").get_by_role("radio", name="Bedrock model").click()
    model = page.get_by_role("combobox", name=re.compile("Model"), exact=False).first
    model.click()
    model.fill(MODEL)
    model.press("Enter")
    page.get_by_role("radio", name="Custom minimums").click()
    # Thirty cases cannot decide the proposed minimum of safety.
    for title, value in ((METRICS[0], "0.3"), (METRICS[1], "0.3"), ("Safety", "")):
        minimum = page.get_by_role("spinbutton", name=title)
        minimum.fill(value)
        minimum.press("Tab")
    at_once = page.get_by_role("spinbutton", name="Concurrent calls")
    at_once.fill("2")
    at_once.press("Tab")
    expect(page.get_by_text("Maximum judge calls")).to_be_visible()
    page.get_by_role("button", name="Launch", exact=True).click()


def test_from_a_messy_file_to_a_verdict(
    console: Console, page: Page, judge_server: JudgeServer, tmp_path: Path
) -> None:
    # Slow enough that the run is under way for as long as the slowest browser needs to cancel it.
    judge_server.set(delay_s=1.0)
    import_file(page, console, messy_file(tmp_path))
    launch(page, console)
    # Watched without a reload: the panel moves by itself.
    expect(page.get_by_text(re.compile(r"Running: [1-9]\d* of \d+ scores"))).to_be_visible()
    expect(page.get_by_text("Partial:")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    confirm(page, "Cancel evaluation", reason="wrong hour")
    wait_for(lambda: is_at(console, "cancelled"))
    judge_server.set(delay_s=0.0)
    page.get_by_role("button", name="Resume", exact=True).click()
    confirm(page, "Resume evaluation", reason="now it is right")
    wait_for(lambda: is_at(console, "finished"))
    assert judge_server.state()["repeated"] == 0, "a finished call was paid again"

    run = state(console)
    assert run is not None and run.verdict == "passed" and run.results is not None
    faithfulness = run.results["metrics"]["faithfulness"]
    expect(page.get_by_text("verdict passed")).to_be_visible()
    interval = f"{faithfulness['low']:.3f} to {faithfulness['high']:.3f}"
    expect(page.get_by_text(interval).first).to_be_visible()
    page.get_by_role("tab", name="Spend").click()
    expect(page.get_by_text(re.compile("calls")).first).to_be_visible()

    # The pipeline says the same, with the exit code that blocks or lets pass.
    output = tmp_path / "results.json"
    pipeline = console.command(
        *("evaluate", "--suite", "hail", "--judge", f"bedrock:{MODEL}"),
        *("--min-faithfulness", "0.3", "--min-relevancy", "0.3", "--output", str(output)),
    )
    assert pipeline.returncode == 0, pipeline.stdout + pipeline.stderr
    assert json.loads(output.read_text())["verdict"] == "passed"

    # The newer run beside the first: the same answers, so no difference that matters.
    page.goto(f"{console.url}/evaluations?evaluation_tab=Compare")
    expect(page.get_by_text(f"{CASES} cases in both evaluations").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
