"""Baselines, JUnit and comments on the command line, and what comes out of `compare`."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.evaluation.verdicts.comment import MARKER
from tests.integration.evaluating import build_suite
from tests.integration.operating import create_approved_release, start

OLD_GATE = ("name", "stage", "metric", "threshold", "measured", "verdict", "why")
OLD_ROW = ("case", "input_sha256", "input", "scores", "reasons")
PASSING = ("--min-grounding-overlap", "0.5")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, engine: sa.Engine) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", database_url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    monkeypatch.setattr(context, "engine", lambda: engine)
    Path("prices.jsonl").write_bytes(build_suite())
    Path("worse.jsonl").write_bytes(build_suite().replace(b"costs", b"was sold by pirates for"))


def genaiops(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def evaluate(*arguments: str, of: str = "prices.jsonl", output: str = "results.json") -> Result:
    return genaiops("evaluate", "--suite", of, "--output", output, *arguments)


def read(file: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(Path(file).read_text())
    return body


def test_baseline_file_decides_and_is_stored() -> None:
    evaluate(*PASSING, output="baseline.json")
    assert evaluate("--baseline", "baseline.json", "--max-degradation", "0.05").exit_code == 0
    result = evaluate(
        *PASSING,
        "--baseline",
        "baseline.json",
        "--max-degradation",
        "0.05",
        of="worse.jsonl",
        output="w.json",
    )
    assert result.exit_code == 1, result.output
    gates = {gate["name"]: gate["verdict"] for gate in read("w.json")["gates"]}
    assert gates["regression.reference_overlap"] == "failed"
    assert gates["minimums.grounding_overlap"] == "passed"
    assert genaiops("gate", "--results", read("w.json")["evaluation"]).exit_code == 1


def test_production_is_the_default_baseline(engine: sa.Engine) -> None:
    start(engine, create_approved_release(engine, "v1", application="shop", model="m"), application="shop")
    of = ("--application", "shop", "--release")
    evaluate(*PASSING, *of, "v1", output="v1.json")
    assert evaluate(*of, "v2", "--max-degradation", "0.05").exit_code == 0
    assert read("results.json")["baseline"]["evaluation"] == read("v1.json")["evaluation"]
    compared = genaiops("compare", "--baseline", "production", "--current", "results.json", "--json")
    assert compared.exit_code == 0, compared.output
    assert json.loads(compared.stdout)["baseline"]["release"] == "v1"


def test_missing_production_baseline_never_passes() -> None:
    result = evaluate(*PASSING, "--baseline", "production", "--max-degradation", "0.05")
    assert result.exit_code == 3
    assert "There is no production baseline, so nothing is compared" in result.stderr


def test_compare_lists_dropped_cases_by_page() -> None:
    evaluate(*PASSING, output="a.json")
    evaluate(*PASSING, of="worse.jsonl", output="b.json")
    arguments = ("compare", "--baseline", "a.json", "--current", "b.json", "--json")
    comparison = json.loads(genaiops(*arguments, "--cases", "3").stdout)
    assert comparison["regressed_cases"] == 60
    first = comparison["regressions"][0]
    assert first["current"] < first["baseline"]
    assert "costs" in first["baseline_answer"] and "pirates" in first["current_answer"]
    assert (
        json.loads(genaiops(*arguments, "--cases", "2", "--skip", "1").stdout)["regressions"]
        == (comparison["regressions"][1:])
    )
    result = genaiops(*arguments[:-1])
    assert "Largest regressions" in result.stdout
    assert "Bonferroni" in result.stdout


def test_compare_takes_evaluations_and_another_method() -> None:
    evaluate(*PASSING, output="a.json")
    id = read("a.json")["evaluation"]
    result = genaiops("compare", "--baseline", id, "--current", id, "--method", "permutation", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["method"] == "permutation"
    assert genaiops("pr-comment", id).exit_code == 0


def test_unmatched_cases_are_counted_and_listed() -> None:
    evaluate(*PASSING, output="a.json")
    evaluate(*PASSING, "--sample-size", "40", output="b.json")
    comparison = json.loads(
        genaiops("compare", "--baseline", "a.json", "--current", "b.json", "--json").stdout
    )
    assert (comparison["cases"], comparison["only_in_baseline"], comparison["only_in_current"]) == (40, 20, 0)
    assert len(comparison["cases_only_in_baseline"]) == 10


def test_junit_and_comment_are_written() -> None:
    evaluate(*PASSING, output="a.json")
    result = evaluate(
        *PASSING, "--junit", "out/e.xml", "--comment", "out/c.md", of="worse.jsonl", output="b.json"
    )
    assert result.exit_code == 0, result.output
    assert ET.parse("out/e.xml").getroot().attrib["failures"] == "0"
    assert Path("out/c.md").read_text().rstrip().endswith(MARKER)
    genaiops("gate", "--results", "b.json", "--min-question-overlap", "0.99", "--junit", "g.xml")
    assert ET.parse("g.xml").getroot().attrib["failures"] == "1"
    genaiops("compare", "--baseline", "a.json", "--current", "b.json", "--junit", "c.xml")
    root = ET.parse("c.xml").getroot()
    output_element = root.find("testsuite/testcase[@name='reference_overlap']/system-out")
    assert output_element is not None and "What does item" in (output_element.text or "")


def test_comment_shows_changes_from_baseline() -> None:
    evaluate(*PASSING, output="a.json")
    result = genaiops("pr-comment", "a.json", "--baseline", "a.json", "--output", "c.md")
    assert result.exit_code == 0, result.output
    assert "+0.000 (+0.000 to +0.000)" in Path("c.md").read_text()


def test_results_of_an_older_version_still_load() -> None:
    evaluate(*PASSING, output="a.json")
    body = read("a.json")
    metric = {"title": "G", "mean": 1.0, "low": 0.9, "high": 1.0, "n": 54, "undefined": 6, "is_proxy": True}
    gates = [{name: body["gates"][0][name] for name in OLD_GATE}]
    rows = [{name: row[name] for name in OLD_ROW} for row in body["details"]]
    old = {"schema": 1, "verdict": "passed", "judge": "offline", "cases": 60, "cases_total": 60}
    old |= {"metrics": {"grounding_overlap": metric}, "gates": gates, "details": rows, "cost_usd": "0"}
    Path("old.json").write_text(json.dumps(old))
    assert genaiops("gate", "--results", "old.json").exit_code == 0
    assert genaiops("gate", "--results", "old.json", "--min-grounding-overlap", "0.7").exit_code == 0
    assert genaiops("pr-comment", "old.json").exit_code == 0
    assert genaiops("compare", "--baseline", "old.json", "--current", "a.json").exit_code == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "upgrade genaiops"),
        ({"details": [{"case": 1}]}, "row 1 of 'details'"),
        ({"gates": "none"}, "'gates'"),
        ({"answers": {"answers": 1}}, "'answers' is invalid"),
        ({"judging": "free"}, "'judging' is invalid"),
        ({"comparison": 5}, "'comparison' is invalid"),
        ({"verdict": "superb"}, "'verdict' is invalid"),
        (
            {"gates": [{"name": "g", "metric": "m", "verdict": "fine", "why": ""}]},
            "'verdict' in row 1 of 'gates'",
        ),
    ],
)
def test_invalid_results_are_rejected_in_a_sentence(changes: dict[str, Any], message: str) -> None:
    Path("r.json").write_text(json.dumps({"metrics": {}, **changes}))
    result = genaiops("gate", "--results", "r.json")
    assert isinstance(result.exception, BadInput)
    assert message in str(result.exception)


def test_unknown_evaluation_is_not_found() -> None:
    result = genaiops("compare", "--baseline", "00000000-0000-7000-8000-000000000000", "--current", "x.json")
    assert isinstance(result.exception, BadInput)  # x.json is read first
    result = genaiops("gate", "--results", "00000000-0000-7000-8000-000000000000")
    assert isinstance(result.exception, NotFound)
