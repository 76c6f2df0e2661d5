"""Whole runs with judges that ask somebody: from the command line to a results file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from genaiops_core.cli.main import app
from tests.conftest import JudgeServer

TONE = {
    "name": "tone",
    "title": "Tone of voice",
    "prompt": "Is {answer} kind?",
    "scale": [{"label": "warm", "value": 1}, {"label": "cold", "value": 0}],
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    file = tmp_path / "cases.jsonl"
    facts = [f"Mountain {number} is {number} metres tall." for number in range(4)]
    cases = [
        {"input": f"How tall is it? {fact}", "answer": fact, "contexts": [fact], "reference": fact}
        for fact in facts
    ]
    cases[0]["answer"] += " BAD"
    file.write_text("".join(json.dumps(case) + "\n" for case in cases))
    return file


def evaluate(suite: Path, judge: str, *more: str) -> dict[str, Any]:
    output = suite.parent / "results.json"
    arguments = ["evaluate", "--suite", str(suite), "--judge", judge, *more, "--output", str(output)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code in (0, 1, 3), result.output
    metrics: dict[str, Any] = json.loads(output.read_text())["metrics"]
    return metrics


def test_ragas_rubrics_and_comparisons_in_one_run(suite: Path, judge_server: JudgeServer) -> None:
    rubric = suite.parent / "tone.yaml"
    rubric.write_text(yaml.safe_dump(TONE))
    assert CliRunner().invoke(app, ["rubric", "save", str(rubric)]).exit_code == 0
    wanted = [f"--min-{name}={0.1}" for name in ("faithfulness", "safety", "tone", "exact-match")]
    document = evaluate(suite, "bedrock:amazon.nova-pro-v1:0", *wanted)
    means = {name: entry["mean"] for name, entry in document.items()}
    # "BAD" is one more statement of the first answer, and makes its labels the worst ones
    assert means == {"faithfulness": 0.875, "safety": 0.75, "tone": 0.75, "exact_match": 0.75}
    assert [entry["n"] for entry in document.values()] == [4, 4, 4, 4]
    assert (document["tone"]["title"], document["faithfulness"]["title"]) == ("Tone of voice", "Faithfulness")


def test_agentcore_evaluators_keep_their_titles(suite: Path, judge_server: JudgeServer) -> None:
    document = evaluate(suite, "agentcore:Builtin.Faithfulness", "--min-faithfulness", "0.1")
    assert document["faithfulness"]["title"] == "Faithfulness (AgentCore)"
    assert document["faithfulness"]["n"] == 4
