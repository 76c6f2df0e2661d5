"""The workflow in examples/ci, its `run` steps really run in bash; GitHub's client is a stand-in on PATH."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from genaiops_core.evaluation.verdicts.comment import MARKER
from tests.integration.evaluating import build_suite
from tests.waiting import LIMIT_S

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "examples" / "ci" / "github-actions.yml"
BASH = shutil.which("bash")

GH = '''#!{python}
"""`gh` as far as the workflow uses it: runs of main and their artefact, comments of a pull request."""
import json, os, pathlib, shutil, sys
state = pathlib.Path(os.environ["GH_STATE"])
arguments = sys.argv[1:]
comments = json.loads((state / "comments.json").read_text())
if arguments[:2] == ["run", "list"]:
    print("7" if (state / "artefact").exists() else "")
elif arguments[:2] == ["run", "download"]:
    shutil.copytree(state / "artefact", arguments[arguments.index("--dir") + 1])
elif arguments[0] == "api" and "--method" in arguments:
    body = pathlib.Path(arguments[arguments.index("-F") + 1].removeprefix("body=@")).read_text()
    path = next(one for one in arguments if one.startswith("repos/"))
    id = path.rsplit("/", 1)[1] if "PATCH" in arguments else str(len(comments) + 1)
    comments[id] = body
    (state / "comments.json").write_text(json.dumps(comments))
elif arguments[0] == "api":
    print("\\n".join(id for id, body in comments.items() if "{marker}" in body))
else:
    sys.exit(f"gh {{arguments}} is not played here")
'''


@dataclass
class Runner:
    """A checkout, a runner's files, and what GitHub remembers."""

    folder: Path

    def __post_init__(self) -> None:
        self.repository, self.state = self.folder / "repository", self.folder / "github"
        for folder in (self.repository / "evaluation", self.state, self.folder / "bin"):
            folder.mkdir(parents=True)
        (self.state / "comments.json").write_text("{}")
        self.program("genaiops", f'#!/bin/sh\nexec "{sys.executable}" -m genaiops_core.cli.main "$@"\n')
        self.program("gh", GH.format(python=sys.executable, marker=MARKER))

    def program(self, name: str, text: str) -> None:
        file = self.folder / "bin" / name
        file.write_text(text)
        file.chmod(0o755)

    @property
    def comments(self) -> dict[str, str]:
        document: dict[str, str] = json.loads((self.state / "comments.json").read_text())
        return document

    def run(self, event: str, cases: bytes, **variables: str) -> int:
        """All `run` steps in order; the exit code of the first that fails, or 0."""
        (self.repository / "evaluation" / "cases.jsonl").write_bytes(cases)
        shutil.rmtree(self.repository / "baseline", ignore_errors=True)
        passed_on, summary = self.folder / "env", self.folder / "summary"
        passed_on.write_text("")
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "GENAIOPS_HOME": str(self.folder / "home"),
            "GENAIOPS_ACTOR": "ci",
            "GH_STATE": str(self.state),
            "GITHUB_ENV": str(passed_on),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_REPOSITORY": "shop/answers",
            "GITHUB_WORKFLOW": "Evaluate answers",
            "SUITE": job()["env"]["SUITE"],
            "JUDGE": "offline",
            "INCONCLUSIVE": "block",
            "IS_FORK": "false",
            "PULL_REQUEST": "12" if event == "pull_request" else "",
            **variables,
        }
        for step in job()["steps"]:
            if "run" not in step:
                continue
            environment |= dict(line.split("=", 1) for line in passed_on.read_text().splitlines())
            # As a runner starts it.
            done = subprocess.run(
                [BASH or "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=self.repository, env=environment, capture_output=True, text=True, timeout=LIMIT_S,
            )  # fmt: skip
            self.output = done.stdout + done.stderr
            if done.returncode:
                return done.returncode
        return 0

    def keep_as_baseline(self) -> None:
        """What uploading the artefact of a passing run of main does."""
        shutil.copytree(self.repository, self.state / "artefact")


def job() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]["evaluate"]
    return document


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_it_runs_on_pull_requests_pushes_and_nightly() -> None:
    # YAML 1.1 reads the key `on` as true.
    triggers = yaml.safe_load(WORKFLOW.read_text())[True]
    assert set(triggers) == {"pull_request", "push", "schedule"}


def test_actions_are_pinned_with_least_permissions() -> None:
    document = yaml.safe_load(WORKFLOW.read_text())
    assert document["permissions"] == {}
    assert "contents" in job()["permissions"] and job()["permissions"]["contents"] == "read"
    for step in job()["steps"]:
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
        assert "${{" not in step.get("run", "")


def test_pass_then_regression_then_fix(runner: Runner) -> None:
    assert runner.run("push", build_suite(60)) == 0, runner.output
    assert runner.comments == {}
    runner.keep_as_baseline()

    worse = build_suite(60).replace(b"costs", b"was sold by pirates for")
    assert runner.run("pull_request", worse) == 1, runner.output
    assert "The evaluation failed" in runner.output
    assert list(runner.comments) == ["1"]
    assert "reference_overlap" in runner.comments["1"] and "60 cases in common" in runner.comments["1"]
    assert (runner.repository / "compare.xml").exists()

    assert runner.run("pull_request", build_suite(60)) == 0, runner.output
    assert list(runner.comments) == ["1"], "the comment is updated in place"
    assert runner.comments["1"].startswith("## ✅ Evaluation passed")


def test_inconclusive_blocks_unless_allowed(runner: Runner) -> None:
    few = build_suite(8)
    assert runner.run("pull_request", few) == 3, runner.output
    assert runner.run("schedule", few, INCONCLUSIVE="warn") == 0, runner.output
    assert "::warning::" in runner.output


def test_fork_gets_offline_judge_without_comment(
    runner: Runner,
) -> None:
    assert runner.run("push", build_suite(60)) == 0, runner.output
    results = runner.repository / "results.json"
    results.write_text(results.read_text().replace('"judge": "offline"', '"judge": "bedrock:some-model"'))
    runner.keep_as_baseline()
    (runner.repository / "compare.xml").unlink(missing_ok=True)
    assert runner.run("pull_request", build_suite(60), JUDGE="bedrock:some-model", IS_FORK="true") == 0, (
        runner.output
    )
    assert runner.comments == {}
    assert not (runner.repository / "compare.xml").exists()


def test_unreadable_suite_stops_the_run(runner: Runner) -> None:
    assert runner.run("push", b"") == 1
    assert "genaiops" not in runner.output or "Traceback" not in runner.output
