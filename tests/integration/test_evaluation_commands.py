"""`genaiops evaluate`, `gate`, `compare`, `pr-comment`, `import dataset`, `dataset`: flags, output, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.errors import GenAIOpsError
from tests.integration.evaluating import build_suite


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, engine: sa.Engine) -> None:
    """A folder with a suite; commands use the test's engine, which a process would close by ending."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", database_url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    monkeypatch.setattr(context, "engine", lambda: engine)
    Path("prices.jsonl").write_bytes(build_suite())


def genaiops(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def evaluate(*arguments: str, output: str = "results.json") -> Result:
    return genaiops("evaluate", "--suite", "prices.jsonl", "--output", output, *arguments)


@pytest.mark.parametrize(
    ("minimum", "code", "verdict"),
    [
        (("--min-grounding-overlap", "0.5"), 0, "passed"),
        (("--min-question-overlap", "0.99"), 1, "failed"),
        (("--min-faithfulness", "0.85", "--min-relevancy", "0.8"), 3, "inconclusive"),
        ((), 3, "inconclusive"),
    ],
)
def test_evaluate_without_worker_exits_with_the_verdict(
    minimum: tuple[str, ...], code: int, verdict: str
) -> None:
    result = evaluate(*minimum, "--json")
    assert result.exit_code == code, result.output
    printed, written = json.loads(result.stdout), json.loads(Path("results.json").read_text())
    assert printed["verdict"] == written["verdict"] == verdict
    assert (written["schema"], written["cases"], written["judge"]) == (1, 60, "offline")
    assert {"mean", "low", "high", "n", "undefined", "method", "is_proxy"} <= set(
        written["metrics"]["grounding_overlap"]
    )
    assert len(written["details"]) == 60
    assert written["details"][0]["scores"]["reference_overlap"] > 0


def test_evaluate_prints_scores_gates_and_verdict() -> None:
    result = evaluate("--min-grounding-overlap", "0.5", "--sample-size", "40")
    assert result.exit_code == 0
    assert "grounding_overlap" in result.stdout
    assert "Verdict: passed on 40 of 60 cases." in result.stdout


def test_custom_config_decides() -> None:
    Path("gates.yaml").write_text(
        "evaluation_pipeline: {stages: [{name: s, sample_size: 30, metrics: {grounding_overlap: {threshold: 0.4}}}]}"
    )
    result = evaluate("--config", "gates.yaml", "--json")
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    assert (body["cases"], body["cases_total"], body["sample_size"]) == (30, 60, 30)
    assert body["stages"][0]["score"] == 1.0


def test_gate_decides_again_or_repeats_saved_verdict() -> None:
    evaluate("--min-grounding-overlap", "0.5")
    assert genaiops("gate", "--results", "results.json").exit_code == 0
    assert genaiops("gate", "--results", "results.json", "--min-grounding-overlap", "0.6").exit_code == 0
    assert genaiops("gate", "--results", "results.json", "--min-question-overlap", "0.99").exit_code == 1
    assert genaiops("gate", "--results", "results.json", "--min-faithfulness", "0.1").exit_code == 3
    assert genaiops("gate", "--results", "results.json", "--max-cost-per-query", "0.02").exit_code == 3


def test_partial_or_gateless_results_never_pass() -> None:
    evaluate("--min-grounding-overlap", "0.5")
    body = json.loads(Path("results.json").read_text())
    Path("partial.json").write_text(json.dumps({**body, "partial": True}))
    Path("gateless.json").write_text(json.dumps({**body, "gates": [], "verdict": "passed"}))
    assert genaiops("gate", "--results", "partial.json").exit_code == 3
    assert genaiops("gate", "--results", "gateless.json").exit_code == 3


def test_compare_passes_equal_and_fails_worse_results() -> None:
    evaluate("--min-grounding-overlap", "0.5")
    Path("worse.jsonl").write_bytes(build_suite().replace(b"costs", b"was sold by pirates for"))
    genaiops("evaluate", "--suite", "worse.jsonl", "--min-grounding-overlap", "0.1", "--output", "worse.json")
    same = genaiops(
        "compare", "--baseline", "results.json", "--current", "results.json", "--max-degradation", "0.05"
    )
    assert same.exit_code == 0, same.output
    worse = genaiops("compare", "--baseline", "results.json", "--current", "worse.json", "--json")
    assert worse.exit_code == 1
    rows = {row["metric"]: row for row in json.loads(worse.stdout)["metrics"]}
    assert rows["reference_overlap"]["verdict"] == "failed"
    assert rows["reference_overlap"]["n"] == 60
    assert "bootstrap" in rows["reference_overlap"]["method"]


def test_pr_comment_exits_with_the_verdict_code() -> None:
    evaluate("--min-question-overlap", "0.99")
    result = genaiops("pr-comment", "results.json")
    assert result.exit_code == 1
    assert result.stdout.startswith("## ❌ Evaluation failed\n")
    assert json.loads(genaiops("pr-comment", "results.json", "--json").stdout)["verdict"] == "failed"


def test_dataset_is_imported_and_exported_by_command() -> None:
    Path("q.csv").write_text("Frage;Antwort\nWas?;Das\n;leer\n", encoding="cp1252")
    arguments = (
        "import",
        "dataset",
        "q.csv",
        "--name",
        "fragen",
        "--map",
        "input=Frage",
        "--map",
        "answer=Antwort",
    )
    result = genaiops(*arguments, "--json")
    assert result.exit_code == 0, result.output
    stored = json.loads(result.stdout)
    assert {key: stored[key] for key in ("dataset", "version", "cases", "rejected")} == {
        "dataset": "fragen",
        "version": 1,
        "cases": 1,
        "rejected": 1,
    }
    assert stored["columns"] == {"input": "Frage", "answer": "Antwort"}
    assert stored["problems"] == [
        {"row": 3, "column": "Frage", "problem": "is empty; a case requires an input"}
    ]
    exported = genaiops("dataset", "export", "fragen", "--format", "jsonl").stdout
    assert [json.loads(line) for line in exported.splitlines()] == [
        {"input": "Was?", "answer": "Das", "contexts": None, "reference": None, "metadata": {}}
    ]
    assert json.loads(genaiops("dataset", "list", "--json").stdout)["datasets"][0]["dataset"] == "fragen"
    assert json.loads(genaiops("dataset", "show", "fragen@1", "--json").stdout)["first"][0]["input"] == "Was?"


def test_one_map_may_be_followed_by_several_pairs() -> None:
    Path("q.csv").write_text("Frage;Antwort\nWas?;Das\n")
    result = genaiops("import", "dataset", "q.csv", "--map", "input=Frage", "answer=Antwort", "--json")
    assert json.loads(result.stdout)["columns"] == {"input": "Frage", "answer": "Antwort"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "dataset", "missing.csv"), "missing.csv cannot be read"),
        (("import", "dataset", "prices.jsonl", "--map", "question"), "FIELD=COLUMN"),
        (("evaluate", "--suite", "missing.csv"), "missing.csv does not exist"),
        (("evaluate", "--suite", "nothing"), "Dataset 'nothing' does not exist"),
        (("evaluate", "--suite", "prices.jsonl", "--mni-x", "1"), "'--mni-x' is not a valid option"),
        (("evaluate", "--suite", "prices.jsonl", "--config", "none.yaml"), "none.yaml does not exist"),
        (("gate", "--results", "prices.jsonl"), "cannot be read as results"),
        (("compare", "--baseline", "none.json", "--current", "none.json"), "none.json does not exist"),
        (("dataset", "export", "nothing"), "Dataset 'nothing' does not exist"),
    ],
)
def test_mistakes_are_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    result = genaiops(*arguments)
    assert isinstance(result.exception, GenAIOpsError)  # the root prints it and exits 2
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


def test_suite_is_selected_by_tag() -> None:
    genaiops("import", "dataset", "prices.jsonl", "--name", "prices")
    assert genaiops("dataset", "tag", "prices@1", "golden").exit_code == 0
    result = genaiops("evaluate", "--suite", "prices@golden", "--min-grounding-overlap", "0.5", "--json")
    assert result.exit_code == 0, result.output
    assert (json.loads(result.stdout)["dataset"], json.loads(result.stdout)["version"]) == ("prices", 1)
