"""`genaiops evaluate` with a model as judge: metrics, options, pace, and the end of a run that reached its limit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.errors import BadInput
from tests.conftest import JudgeServer
from tests.integration.evaluating import build_suite

JUDGE = "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.fixture(autouse=True)
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_engine: sa.Engine, judge_server: JudgeServer
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    monkeypatch.setattr(context, "engine", lambda: sqlite_engine)
    Path("prices.jsonl").write_bytes(build_suite(12))


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["evaluate", "--suite", "prices.jsonl", "--judge", JUDGE, *arguments, "--json"]
    )


def test_model_judge_measures_gate_metrics() -> None:
    result = evaluate("--min-faithfulness", "0.2", "--judge-option", "max-tokens=500", "--concurrency", "4")
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    assert list(body["metrics"]) == ["faithfulness"]
    assert float(body["cost_usd"]) > 0


def test_named_metrics_are_measured() -> None:
    body = json.loads(evaluate("--metric", "context-recall", "--metric", "rouge_l").stdout)
    assert set(body["metrics"]) == {"context_recall", "rouge_l"}


def test_run_at_spend_limit_exits_3_with_the_reason() -> None:
    result = evaluate("--min-faithfulness", "0.2", "--spend-limit", "0.03", "--concurrency", "1")
    assert result.exit_code == 3, result.output
    body = json.loads(result.stdout)
    assert (body["state"], body["partial"], body["verdict"]) == ("paused", True, None)
    assert "of the spend limit is left; resume the run with a higher limit" in body["problem"]
    assert 0 < float(body["cost_usd"]) <= 0.03


def test_run_without_verdict_names_the_next_command() -> None:
    arguments = ["evaluate", "--suite", "prices.jsonl", "--judge", JUDGE, "--spend-limit", "0.0001"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 3
    assert "Evaluation paused; no verdict. The next call may cost" in result.stdout
    assert "To continue: genaiops evaluation resume " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metric", "nonsense"), "cannot measure 'nonsense'"),
        (("--judge-option", "region"), "takes KEY=VALUE"),
        (("--judge-option", "colour=red"), "There is no judge option 'colour'; options are"),
        (("--judge-option", "max_tokens=many"), "max_tokens must be a number, not 'many'"),
        (("--concurrency", "0"), "The concurrency must be 1 to 256, not 0"),
        (("--calls-per-minute", "0"), "at least 1, not 0"),
        (("--unit-timeout", "0"), "must be above 0 s and at most 86,400 s, not 0"),
        (("--unit-timeout", "inf"), "at most 86,400 s, not inf"),
        (("--spend-limit", "nan"), "at most 1,000,000,000 USD, not nan"),
        (("--spend-limit", "1e300"), "at most 1,000,000,000 USD, not 1e+300"),
        (("--repetitions", "2"), "--repetitions has no effect without --target"),
    ],
)
def test_mistakes_are_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    result = evaluate(*arguments)
    assert isinstance(result.exception, BadInput)
    assert message in str(result.exception)
