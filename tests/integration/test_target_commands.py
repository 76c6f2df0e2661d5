"""`genaiops target try` and `--target` of `genaiops evaluate`, against loopback models and applications."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from db.transaction import reading
from genaiops_core.cli import context, targets
from genaiops_core.cli.main import app
from genaiops_core.errors import BadInput, GenAIOpsError
from genaiops_core.evaluation import datasets, runs
from genaiops_core.releases import prompts, releases
from tests.conftest import JudgeServer


@pytest.fixture(autouse=True)
def configure_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_engine: sa.Engine) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    monkeypatch.setattr(context, "engine", lambda: sqlite_engine)


def run_try(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["target", "try", *arguments])


def run_try_json(*arguments: str) -> dict[str, Any]:
    result = run_try(*arguments, "--json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    output: dict[str, Any] = json.loads(result.stdout)
    return output


def read_error(*arguments: str) -> str:
    result = run_try(*arguments)
    assert isinstance(result.exception, GenAIOpsError), result.output
    return str(result.exception)


def test_bedrock_try_shows_latency_tokens_and_cost(judge_server: JudgeServer) -> None:
    output = run_try_json("--target", "bedrock:amazon.nova-pro-v1:0", "--input", "Why so?")
    assert (output["target"], output["answer"]) == ("bedrock:amazon.nova-pro-v1:0", "An answer to: Why so?")
    # 2 tokens in at 800, 5 out at 3,200 nano-USD.
    assert (output["input_tokens"], output["output_tokens"], output["cost_usd"]) == (2, 5, "0.0000176")
    assert output["latency_ms"] > 0


def test_unknown_cost_is_printed(judge_server: JudgeServer) -> None:
    target = f"openai@{judge_server.url}/v1"
    result = run_try(
        "--target", target, "--target-model", "my-own", "--target-system", "Be brief.", "--input", "Why?"
    )
    assert result.exit_code == 0
    assert result.stdout.startswith("An answer to: Why?\n")
    assert "cost          unknown" in result.stdout and "output tokens 20" in result.stdout


def test_application_try_uses_template_and_paths(judge_server: JudgeServer) -> None:
    Path("body.json").write_text('{"question": "{input}", "who": "{metadata.user}"}')
    output = run_try_json(
        *("--target", f"http:{judge_server.url}/answer", "--target-template", "body.json", "--input", "Why?"),
        *("--target-reply", "answer=result.text", "--target-reply", "contexts=result.sources"),
        *("--metadata", "user=ada"),
    )
    assert (output["answer"], output["contexts"]) == ("You asked: Why?", ["About Why?"])
    assert judge_server.state()["bodies"] == [{"question": "Why?", "who": "ada"}]
    assert output["cost_usd"] is None


def test_file_describes_a_target(judge_server: JudgeServer) -> None:
    Path("target.yaml").write_text(
        f"kind: openai\nmodel: m\nbase_url: {judge_server.url}/v1\nsystem: |\n  Use {{contexts}}\n"
    )
    output = run_try_json(
        "--target", "target.yaml", "--input", "Why?", "--context", "One.", "--context", "Two."
    )
    assert output["contexts"] == ["One.", "Two."]
    assert judge_server.state()["bodies"][0]["messages"][0]["content"] == "Use One.\n\nTwo.\n"


def test_release_is_called_by_its_manifest(judge_server: JudgeServer, sqlite_engine: sa.Engine) -> None:
    prompts.add(sqlite_engine, actor="ada", application="shop", name="answer", text="Be kind to {question}")
    releases.create(
        sqlite_engine,
        actor="ada",
        application="shop",
        release="r1",
        model="amazon.nova-pro-v1:0",
        prompts=["answer@1"],
        parameters={"max_tokens": 77, "top_k": 3},
    )
    output = run_try_json("--target", "release", "--application", "shop", "--release", "r1", "--input", "me")
    assert output["notes"] == ["Parameter top_k of the release is not sent."]
    [request_body] = judge_server.state()["bodies"]
    assert request_body["messages"][0]["content"][0]["text"] == "Be kind to me"
    assert request_body["inferenceConfig"] == {"maxTokens": 77}


def test_missing_answer_exits_with_1_and_reason(judge_server: JudgeServer) -> None:
    Path("t.json").write_text(json.dumps({"kind": "bedrock", "model": "m", "system": "Use {contexts}"}))
    result = run_try("--target", "t.json", "--input", "Why?")
    assert result.exit_code == 1
    assert "(no answer)" in result.stdout and "requires contexts" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("bedrock",), "--target: model is missing."),
        (("grpc:x",), "--target 'grpc:x' is not a file and not one of bedrock"),
        (("release",), "requires --application and --release"),
        (("release", "--target-model", "m"), "--target-model does not apply to --target release"),
        (("http://h/", "--target-system", "x"), "--target-system does not apply to a target of kind http"),
        (
            ("bedrock:m", "--target-reply", "answer=x"),
            "--target-reply does not apply to a target of kind bedrock",
        ),
        (("http:ftp://h/",), "must be an http or https address"),
        (("http://h/", "--target-reply", "answer"), "--target-reply takes NAME=VALUE, not 'answer'"),
        (("http://h/", "--target-template", "none.json"), "none.json cannot be read: No such file"),
        (("http://h/", "--target-template", "bad.json"), "bad.json is not JSON"),
        (("bedrock:m", "--target-system", "@none.txt"), "none.txt cannot be read"),
        (("bad.yaml",), "bad.yaml is not YAML at line 1"),
        (("list.yaml",), "list.yaml must have fields such as kind and model"),
        (("http://169.254.169.254/",), "link-local or metadata address"),
    ],
)
def test_invalid_options_are_described(arguments: tuple[str, ...], sentence: str) -> None:
    Path("bad.json").write_text("{")
    Path("bad.yaml").write_text("a: [")
    Path("list.yaml").write_text("- a")
    assert sentence in read_error("--input", "Why?", "--target", *arguments)


def test_only_allowed_hosts_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_TARGET_HOSTS", "my.app")
    assert "is not among the hosts" in read_error("--input", "Why?", "--target", "http://127.0.0.1:9/")


def test_no_target_scores_answers_of_the_suite(sqlite_engine: sa.Engine) -> None:
    assert targets.build_target_spec(sqlite_engine) is None
    with pytest.raises(BadInput, match="--target-model has no effect without --target"):
        targets.build_target_spec(sqlite_engine, model="m")


def test_control_characters_are_not_printed(judge_server: JudgeServer) -> None:
    result = run_try("--target", "bedrock:m", "--input", "a\x1b[31mb")
    assert "\x1b" not in result.stdout and "a\ufffd[31mb" in result.stdout


def run_evaluate(*arguments: str) -> Result:
    Path("cases.jsonl").write_text('{"input": "Why?", "reference": "Because."}\n')
    return CliRunner().invoke(app, ["evaluate", "--suite", "cases.jsonl", *arguments])


def test_evaluate_stores_the_target(monkeypatch: pytest.MonkeyPatch, sqlite_engine: sa.Engine) -> None:
    launch_arguments: dict[str, Any] = {}

    def launch(_engine: sa.Engine, **arguments: Any) -> str:
        launch_arguments.update(arguments)
        raise BadInput("stop here")

    monkeypatch.setattr(runs, "launch", launch)
    run_evaluate(
        "--target", "openai:qwen3@http://gpu:8000/v1", "--target-system", "Be brief.", "--repetitions", "3"
    )
    document = {"kind": "openai", "model": "qwen3", "base_url": "http://gpu:8000/v1", "system": "Be brief."}
    assert (launch_arguments["target"], launch_arguments["repetitions"]) == (
        {**document, "timeout_s": 60.0},
        3,
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--repetitions", "3"), "--repetitions has no effect without --target"),
        (("--target", "bedrock:m", "--repetitions", "0"), "must be 1 to 20, not 0"),
        (("--target", "bedrock"), "--target: model is missing"),
    ],
)
def test_evaluate_refuses_target_before_import(
    sqlite_engine: sa.Engine, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run_evaluate(*arguments)
    assert sentence in str(result.exception)
    with reading(sqlite_engine) as connection:
        assert datasets.list_datasets(connection) == []
