"""Budgets of a canary: the cost of the application's whole traffic, and the warning before the limit."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from db.transaction import reading, writing
from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.clock import now
from genaiops_core.evaluation.verdicts import traffic
from tests.integration.evaluating import build_suite
from tests.integration.traffic import Call, write_calls

STAGES = """evaluation_pipeline:
  stages:
    - {name: answers, metrics: {grounding_overlap: 0.5}}
    - {name: cost, max_monthly_budget: %s, alert_threshold: 0.8}
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, engine: sa.Engine) -> None:
    """950 requests of v1 at 0.01 USD and 50 of its canary v2 at 0.05 USD; another application is busier."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", database_url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    monkeypatch.setattr(context, "engine", lambda: engine)
    Path("prices.jsonl").write_bytes(build_suite())
    at = now() - dt.timedelta(hours=3)
    calls = [Call(at=at, release="v1", cost_nano_usd=10_000_000)] * 950
    calls += [Call(at=at, release="v2", cost_nano_usd=50_000_000)] * 50
    calls += [Call(at=at, application="other", release="v2", cost_nano_usd=10_000_000)] * 60
    with writing(engine) as connection:
        write_calls(connection, calls)


def evaluate(budget: float, *arguments: str) -> Result:
    Path("pipeline.yaml").write_text(STAGES % budget)
    options = ("--config", "pipeline.yaml", "--application", "shop", "--release", "v2", "--output", "r.json")
    command = ["evaluate", "--suite", "prices.jsonl", *options, *arguments]
    return CliRunner().invoke(app, command)


def test_figures_know_the_whole_traffic(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        figures = traffic.measure_traffic(connection, "shop", "v2", now())
    assert (figures.requests, figures.application_requests) == (50, 1_000)
    # 2.50 USD in seven days, and 0.05 USD for each of 1,000 requests.
    assert figures.monthly_cost_usd == pytest.approx(2.5 / 7 * 30)
    assert figures.monthly_cost_at_full_traffic_usd == pytest.approx(50 / 7 * 30)
    assert traffic.TrafficFigures.from_json(figures.as_json()) == figures


@pytest.mark.parametrize(
    ("budget", "verdict", "exit_code"),
    # The canary's own share costs 10.71 USD a month, all traffic at its price 214.29.
    [(300, "passed", 0), (250, "warning", 0), (200, "failed", 1), (20, "failed", 1)],
)
def test_budget_of_a_canary_decides_the_exit_code(budget: float, verdict: str, exit_code: int) -> None:
    result = evaluate(budget, "--junit", "r.xml", "--comment", "c.md")
    assert result.exit_code == exit_code, result.output
    body = json.loads(Path("r.json").read_text())
    assert body["verdict"] == verdict
    gate = next(gate for gate in body["gates"] if gate["metric"] == "monthly_cost")
    assert gate["measured"] == pytest.approx(214.29, abs=0.01)
    is_warning = verdict == "warning"
    assert ("Warning: cost.monthly_cost: " in result.stderr) == is_warning
    assert ("**Warning**: cost.monthly_cost: " in Path("c.md").read_text()) == is_warning
    junit = Path("r.xml").read_text()
    assert ("Warning: 214.3 USD" in junit) == is_warning
    assert ("<failure" in junit) == (exit_code == 1)


def test_saved_results_keep_the_warning() -> None:
    evaluate(250)
    result = CliRunner().invoke(app, ["gate", "--results", "r.json", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["verdict"]) == (0, "warning")
    assert "alert: 86% of the budget" in result.stderr
    assert CliRunner().invoke(app, ["pr-comment", "r.json"]).exit_code == 0
    body = json.loads(Path("r.json").read_text())
    # A stopped evaluation lacks cases that might fail.
    Path("r.json").write_text(json.dumps({**body, "partial": True}))
    assert CliRunner().invoke(app, ["gate", "--results", "r.json"]).exit_code == 3
