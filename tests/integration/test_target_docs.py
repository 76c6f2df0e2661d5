"""The examples of docs/how-to/targets.md run as documented, with hosts on loopback."""

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
from genaiops_core.cli.targets import build_target_spec
from tests.conftest import JudgeServer

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "targets.md").read_text()
FILES = dict(re.findall(r"`([\w-]+\.(?:yaml|json))`[^\n]*:\n\n```(?:yaml|json)\n(.*?)```", TEXT, re.DOTALL))
COMMANDS = re.findall(r"^genaiops .+$", TEXT, re.MULTILINE)


@pytest.fixture(autouse=True)
def write_documented_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_engine: sa.Engine, judge_server: JudgeServer
) -> None:
    """Write the files of the page into the working folder of its commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "engine", lambda: sqlite_engine)
    for name in ("GENAIOPS_TARGET_TOKEN", "GENAIOPS_TARGET_KEY"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("GENAIOPS_TARGET_HOSTS", "127.0.0.1")
    for name, content in FILES.items():
        Path(name).write_text(replace_hosts(content, judge_server))


def replace_hosts(text: str, server: JudgeServer) -> str:
    return text.replace("https://my.app", server.url).replace("http://gpu:8000", server.url)


def test_page_has_an_example_of_every_kind() -> None:
    assert {yaml.safe_load(text).get("kind", "body") for text in FILES.values()} == {
        "bedrock",
        "openai",
        "http",
        "body",
    }
    assert len(re.findall(r"```(?:yaml|json)", TEXT)) == len(FILES)
    assert len([command for command in COMMANDS if " target try " in command]) == 4


@pytest.mark.parametrize("command", [command for command in COMMANDS if " target try " in command])
def test_documented_command_answers(command: str, judge_server: JudgeServer) -> None:
    result = CliRunner().invoke(app, shlex.split(replace_hosts(command, judge_server))[1:])
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert "How long do refunds take?" in result.stdout


@pytest.mark.parametrize("file", sorted(name for name in FILES if name.endswith(".yaml")))
def test_documented_file_answers(file: str) -> None:
    arguments = ["target", "try", "--target", file, "--input", "Why?", "--context", "One.", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    output = json.loads(result.stdout)
    assert output["answer"] and output["output_tokens"] and output["problem"] == ""


def test_documented_evaluate_options_are_parsed(sqlite_engine: sa.Engine) -> None:
    [command] = [command for command in COMMANDS if " evaluate " in command and "my-app.yaml" in command]
    options = shlex.split(command)
    target = build_target_spec(sqlite_engine, target=options[options.index("--target") + 1], repetitions=3)
    assert target is not None and target["kind"] == "http"
