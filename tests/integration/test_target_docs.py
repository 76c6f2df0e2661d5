"""The examples of docs/how-to/targets.md, run as they are written, with hosts on loopback."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from typer.testing import CliRunner

from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.cli.targets import target_of
from tests.conftest import JudgeServer

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "targets.md").read_text()
FILES = dict(re.findall(r"`([\w-]+\.(?:yaml|json))`[^\n]*:\n\n```(?:yaml|json)\n(.*?)```", TEXT, re.DOTALL))
COMMANDS = re.findall(r"^genaiops .+$", TEXT, re.MULTILINE)


@pytest.fixture(autouse=True)
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_engine: sa.Engine, judge_server: JudgeServer
) -> None:
    """The files that the page names, in the folder where its commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "engine", lambda: sqlite_engine)
    for name in ("GENAIOPS_TARGET_TOKEN", "GENAIOPS_TARGET_KEY"):
        monkeypatch.setenv(name, "s3cret")
    for name, content in FILES.items():
        Path(name).write_text(on_loopback(content, judge_server))


def on_loopback(text: str, server: JudgeServer) -> str:
    return text.replace("https://my.app", server.url).replace("http://gpu:8000", server.url)


def test_the_page_has_an_example_of_every_kind() -> None:
    assert {yaml.safe_load(text).get("kind", "body") for text in FILES.values()} == {
        "bedrock",
        "openai",
        "http",
        "body",
    }
    assert len(re.findall(r"```(?:yaml|json)", TEXT)) == len(FILES)
    assert len([one for one in COMMANDS if " target try " in one]) == 4


@pytest.mark.parametrize("command", [one for one in COMMANDS if " target try " in one])
def test_a_command_answers(command: str, judge_server: JudgeServer) -> None:
    result = CliRunner().invoke(app, shlex.split(on_loopback(command, judge_server))[1:])
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert "How long do refunds take?" in result.stdout


@pytest.mark.parametrize("file", sorted(name for name in FILES if name.endswith(".yaml")))
def test_a_file_answers(file: str) -> None:
    arguments = ["target", "try", "--target", file, "--input", "Why?", "--context", "One.", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    told = json.loads(result.stdout)
    assert told["answer"] and told["output_tokens"] and told["problem"] == ""


def test_the_options_of_evaluate_are_read(sqlite_engine: sa.Engine) -> None:
    [command] = [one for one in COMMANDS if " evaluate " in one and "my-app.yaml" in one]
    options = shlex.split(command)
    found = target_of(sqlite_engine, target=options[options.index("--target") + 1], repetitions=3)
    assert found is not None and found["kind"] == "http"
