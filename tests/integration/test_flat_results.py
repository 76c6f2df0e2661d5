"""Scripts of a workflow that read flat fields of results.json: they run unchanged, in a real JavaScript runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from genaiops_core.cli.main import app
from genaiops_core.evaluation.verdicts.flat_fields import build_flat_fields
from genaiops_core.evaluation.verdicts.results_schema import Results
from tests.conftest import JudgeServer
from tests.integration.evaluating import build_suite
from tests.node import run_script
from tests.results_documents import build_results

THRESHOLDS = {
    "faithfulness": 0.85,
    "answer-relevancy": 0.80,
    "context-precision": 0.75,
    "context-recall": 0.75,
}
# The body of an `actions/github-script` step, with GitHub's client in place of the real one.
SCRIPT = """
const github = {rest: {issues: {createComment: async (comment) => console.log(comment.body)}}};
const context = {issue: {number: 12}, repo: {owner: 'shop', repo: 'answers'}};
const core = {setFailed: (message) => console.log(`FAILED ${message}`)};
(async () => {
  const fs = require('fs');
  const results = JSON.parse(fs.readFileSync('results.json', 'utf8'));
  const sign = (passed) => passed ? 'yes' : 'no';
  const body = `## Evaluation
  | metric | score | threshold |
  | faithfulness | ${results.faithfulness.toFixed(3)} | ${sign(results.faithfulness >= 0.85)} |
  | answer relevancy | ${results.answer_relevancy.toFixed(3)} | ${sign(results.answer_relevancy >= 0.80)} |
  | context precision | ${results.context_precision.toFixed(3)} | ${sign(results.context_precision >= 0.75)} |
  | context recall | ${results.context_recall.toFixed(3)} | ${sign(results.context_recall >= 0.75)} |
  | cost | $${results.avg_cost.toFixed(4)} | ${sign(results.avg_cost <= 0.02)} |
  | latency | ${results.p95_latency}ms | ${sign(results.p95_latency <= 3000)} |
  <details><summary>Details</summary>
  - Test cases: ${results.test_case_count}
  - Model: ${results.model_id.split('/').pop()}
  </details>`;
  await github.rest.issues.createComment({...context.repo, issue_number: context.issue.number, body});
  if (!results.all_gates_passed) { core.setFailed('Quality gates failed'); }
})();
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(*arguments: str) -> dict[str, Any]:
    # The option by its other name.
    command = ["evaluate", "--test-suite", "cases.jsonl", "--output", "results.json", *arguments]
    result = CliRunner().invoke(app, command)
    assert result.exit_code in (0, 1, 3), result.output
    body: dict[str, Any] = json.loads(Path("results.json").read_text())
    return body


def read_rows(folder: Path) -> dict[str, tuple[str, str]]:
    """What the script prints: row -> (value, whether it meets its threshold)."""
    printed = run_script(SCRIPT, folder=folder)
    rows = [
        line.strip().strip("|").split("|") for line in printed.splitlines() if line.strip().startswith("|")
    ]
    values = {name.strip(): (value.strip(), sign.strip()) for name, value, sign in rows[1:]}
    for line in printed.splitlines():
        if line.strip().startswith("- "):
            name, value = line.strip().removeprefix("- ").split(": ")
            values[name] = (value, "")
    return {**values, "failed": (str("FAILED" in printed), "")}


def write_cases(number: int = 8) -> None:
    facts = [f"Mountain {at} is {at} metres tall." for at in range(number)]
    cases = [
        {"input": f"How tall is it? {fact}", "answer": fact, "contexts": [fact], "reference": fact}
        for fact in facts
    ]
    Path("cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))


def test_script_reads_measured_results(folder: Path, judge_server: JudgeServer) -> None:
    write_cases()
    minimums = [f"--min-{name}=0.2" for name in THRESHOLDS]
    judge_and_target = (
        "--judge",
        "bedrock:amazon.nova-pro-v1:0",
        "--target",
        "bedrock:amazon.nova-lite-v1:0",
    )
    body = evaluate(*judge_and_target, *minimums)
    assert body["unmeasured"] == []
    rows = read_rows(folder)
    for name in THRESHOLDS:
        mean = body["metrics"][name.replace("-", "_")]["mean"]
        assert rows[name.replace("-", " ")] == (f"{mean:.3f}", "yes" if mean >= THRESHOLDS[name] else "no")
    assert rows["cost"][0] == f"${body['answers']['cost_per_query_usd']['mean']:.4f}"
    assert rows["latency"] == (f"{body['p95_latency']}ms", "yes")
    assert rows["Test cases"][0] == "8"
    assert rows["Model"][0] == "amazon.nova-lite-v1:0"
    assert rows["failed"][0] == str(body["verdict"] != "passed")


def test_unmeasured_figures_are_no_numbers_of_a_measurement(folder: Path) -> None:
    Path("cases.jsonl").write_bytes(build_suite())
    body = evaluate("--min-grounding-overlap", "0.5")
    assert body["unmeasured"] == [
        *("faithfulness", "answer_relevancy", "context_precision", "context_recall"),
        *("avg_cost", "p95_latency"),
    ]
    rows = read_rows(folder)
    assert rows.pop("failed") == ("False", "")
    assert rows == {
        **dict.fromkeys(
            ("faithfulness", "answer relevancy", "context precision", "context recall"), ("-1.000", "no")
        ),
        "cost": ("$1e+99", "no"),
        "latency": ("1e+99ms", "no"),
        "Test cases": ("60", ""),
        "Model": ("unknown", ""),
    }


def test_script_reports_a_failure(folder: Path) -> None:
    Path("cases.jsonl").write_bytes(build_suite())
    assert evaluate("--min-grounding-overlap", "0.99")["all_gates_passed"] is False
    assert read_rows(folder)["failed"] == ("True", "")


def test_model_is_that_of_the_release(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    Path("cases.jsonl").write_bytes(build_suite())
    registered = ("--application", "shop", "--release", "v2")
    created = CliRunner().invoke(app, ["release", "create", *registered, "--model", "acme/large"])
    assert created.exit_code == 0, created.output
    body = evaluate("--min-grounding-overlap", "0.5", *registered)
    assert body["model_id"] == "acme/large"
    assert read_rows(folder)["Model"][0] == "large"
    shown = CliRunner().invoke(app, ["evaluation", "wait", body["evaluation"], "--json"])
    assert json.loads(shown.stdout)["all_gates_passed"] is True
    Results.model_validate_json(json.dumps(body))


@pytest.mark.parametrize(
    ("verdict", "is_partial", "is_passed"),
    [
        ("passed", False, True),
        ("warning", False, True),
        ("inconclusive", False, False),
        ("passed", True, False),
        (None, True, False),
    ],
)
def test_gates_pass_only_with_a_whole_verdict(verdict: str | None, is_partial: bool, is_passed: bool) -> None:
    body = {**build_results([0.9] * 9, metric="faithfulness"), "verdict": verdict, "partial": is_partial}
    fields = build_flat_fields({**body, "cases": 9})
    assert fields["all_gates_passed"] is is_passed
    assert (fields["faithfulness"], fields["test_case_count"]) == (pytest.approx(0.9), 9)


def test_zero_is_a_measurement() -> None:
    traffic = {"requests": 60, "cost_per_query_usd": 0.0, "latency_ms": {"p95": 0.0}}
    fields = build_flat_fields({**build_results([0.0] * 9, metric="faithfulness"), "traffic": traffic})
    assert (fields["faithfulness"], fields["avg_cost"], fields["p95_latency"]) == (0.0, 0.0, 0.0)
    assert fields["unmeasured"] == ["answer_relevancy", "context_precision", "context_recall"]
