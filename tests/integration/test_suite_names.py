"""Suites with the same file name in two folders are two datasets, wherever and however they are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from db.transaction import reading
from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets.file_origins import describe_origin
from tests.integration.evaluating import build_suite


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: sa.Engine) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    monkeypatch.setattr(context, "engine", lambda: engine)
    return folder


def write_suite(path: str, cases: int = 9) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(build_suite(cases))
    return file


def evaluate(file: Path | str) -> tuple[str, int]:
    options = ("--min-grounding-overlap", "0.1", "--output", "r.json")
    result = CliRunner().invoke(app, ["evaluate", "--suite", str(file), *options])
    assert result.exit_code in (0, 1, 3), result.output
    body = json.loads(Path("r.json").read_text())
    return body["dataset"], body["version"]


def import_file(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["import", "dataset", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return result


def test_two_folders_are_two_datasets() -> None:
    support, billing = write_suite("support/cases.jsonl"), write_suite("billing/cases.jsonl", 10)
    top = write_suite("cases.jsonl", 11)
    assert evaluate(support) == ("cases", 1)
    assert evaluate(billing) == ("billing-cases", 1)
    assert evaluate(top) == ("shop-cases", 1)
    # Edited files are new versions, whatever the order.
    for number, (file, name) in enumerate(
        [(top, "shop-cases"), (billing, "billing-cases"), (support, "cases")], start=20
    ):
        write_suite(str(file), number)
        assert evaluate(file) == (name, 2)


def test_one_file_is_one_dataset_by_any_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_suite("support/cases.jsonl").resolve()
    assert evaluate("support/cases.jsonl") == ("cases", 1)
    write_suite(str(file), 10)
    assert evaluate(file) == ("cases", 2)
    write_suite(str(file), 11)
    monkeypatch.chdir(file.parent)
    assert evaluate("cases.jsonl") == ("cases", 3)
    write_suite(str(file), 12)
    monkeypatch.chdir("/")
    CliRunner().invoke(app, ["import", "dataset", str(file)])
    with reading(context.engine()) as connection:
        assert datasets.get_version(connection, "cases").version == 4


def test_equal_content_is_the_same_version_in_any_folder() -> None:
    first, copy = write_suite("first/cases.jsonl"), write_suite("copy/cases.jsonl")
    assert evaluate(first) == evaluate(copy) == ("cases", 1)


def test_import_tells_folders_apart_unless_named() -> None:
    write_suite("a/cases.jsonl", 5), write_suite("b/cases.jsonl", 6)
    assert json.loads(import_file("a/cases.jsonl").stdout)["dataset"] == "cases"
    result = import_file("b/cases.jsonl")
    assert json.loads(result.stdout)["dataset"] == "b-cases"
    assert "b/cases.jsonl is dataset b-cases: dataset cases holds the file of another folder" in result.stderr
    result = import_file("b/cases.jsonl", "--name", "cases")
    assert (json.loads(result.stdout)["dataset"], json.loads(result.stdout)["version"]) == ("cases", 2)
    assert result.stderr == ""


def test_uploaded_dataset_takes_versions_of_its_file(engine: sa.Engine) -> None:
    datasets.import_dataset(engine, actor="ada", name="cases", data=build_suite(5), filename="cases.jsonl")
    assert evaluate(write_suite("a/cases.jsonl", 6)) == ("cases", 2)
    assert evaluate(write_suite("b/cases.jsonl", 7)) == ("b-cases", 1)


def test_origin_has_no_folder_above_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "answers"
    file = repository / "evaluation" / "smoke" / "cases.jsonl"
    file.parent.mkdir(parents=True)
    file.touch()
    assert describe_origin(file) == "smoke/cases.jsonl"
    (repository / ".git").mkdir()
    assert describe_origin(file) == "answers/evaluation/smoke/cases.jsonl"
    monkeypatch.chdir(repository / "evaluation")
    assert describe_origin(Path("smoke/cases.jsonl")) == "answers/evaluation/smoke/cases.jsonl"
    assert describe_origin(Path("../other.jsonl")) == "answers/other.jsonl"
