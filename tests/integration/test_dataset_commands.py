"""Dataset commands: diff, tag, split, review, delete, from-traces, synthesise; with JSON output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from db.transaction import reading
from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.demo.writer import as_decoded_export
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.protocol import CallFailed
from genaiops_core.telemetry.ingest.ingest import ingest
from tests.conftest import JudgeServer
from tests.integration.evaluating import import_prices
from tests.integration.sampled import APPLICATION, traces

Run = Callable[..., Result]


@pytest.fixture
def genaiops(database_url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run commands with the engine of the test."""
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", database_url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    monkeypatch.setattr(context, "engine", lambda: engine)
    return lambda *arguments, **options: CliRunner().invoke(app, list(arguments), **options)


def parse_output(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    output: dict[str, Any] = json.loads(result.stdout)
    return output


def read_error(result: Result) -> str:
    """Return the error message of a command; a process prints it and exits with 2."""
    assert isinstance(result.exception, BadInput | NotFound), result.output
    return str(result.exception)


def test_versions_are_compared_tagged_and_exported_by_tag(engine: sa.Engine, genaiops: Run) -> None:
    import_prices(engine, 3)
    import_prices(engine, 4)
    assert parse_output(genaiops("dataset", "tag", "prices@1", "golden", "--json"))["before"] is None
    assert "moved from version 1" in genaiops("dataset", "tag", "prices", "golden").stdout
    genaiops("dataset", "tag", "prices@v1", "first")
    diff = parse_output(genaiops("dataset", "diff", "prices", "first", "2", "--json"))
    assert (diff["unchanged"], [case["reference"] for case in diff["added"]]) == (3, ["12 coins"])
    assert "+ What does item 4 cost?" in genaiops("dataset", "diff", "prices", "1", "2").stdout
    lines = genaiops("dataset", "export", "prices@first").stdout.splitlines()
    assert len(lines) == 3
    assert parse_output(genaiops("dataset", "show", "prices@golden", "--json"))["tags"] == ["golden"]
    assert "there are: first, golden" in read_error(genaiops("dataset", "export", "prices@silver"))


def test_dataset_is_split_and_deleted(engine: sa.Engine, genaiops: Run) -> None:
    import_prices(engine, 20)
    output = parse_output(genaiops("dataset", "split", "prices", "dev=1", "test=1", "--json"))
    assert (output["version"], sum(output["splits"].values())) == (2, 20)
    assert "NAME=SHARE" in read_error(genaiops("dataset", "split", "prices", "dev"))
    assert "--yes prices" in read_error(genaiops("dataset", "delete", "prices", "--json"))
    assert "Nothing was deleted" in read_error(genaiops("dataset", "delete", "prices", input="price\n"))
    assert (
        parse_output(genaiops("dataset", "delete", "prices", "--yes", "prices", "--json"))["deleted"] is True
    )
    with reading(engine) as connection:
        assert datasets.list_datasets(connection) == []


def test_pending_cases_are_listed_and_reviewed(engine: sa.Engine, genaiops: Run) -> None:
    cases = [Case(input=f"q{number}", metadata={"review": "pending"}) for number in range(3)]
    datasets.add_cases(engine, actor="ada", name="new", cases=cases, source="test")
    assert [
        case["case"] for case in parse_output(genaiops("dataset", "review", "new", "--json"))["pending"]
    ] == [
        1,
        2,
        3,
    ]
    output = parse_output(genaiops("dataset", "review", "new", "--accept-all", "--reject", "2", "--json"))
    assert (output["accepted"], output["rejected"], output["pending"], output["cases"]) == (2, 1, 0, 2)
    assert "No case is pending review" in genaiops("dataset", "review", "new").stdout


def test_requests_become_cases_and_skips_are_counted(engine: sa.Engine, genaiops: Run) -> None:
    ingest(engine, as_decoded_export(APPLICATION, traces(6)))
    window = ("--start", "2026-01-05", "--end", "2026-01-06")
    output = parse_output(
        genaiops("dataset", "from-traces", "real", "--application", APPLICATION, *window, "--json")
    )
    assert output["found"] == 6 == output["added"] + sum(output["skipped"].values())
    assert (output["version"], output["cases"]) == (1, output["added"])
    second_result = genaiops("dataset", "from-traces", "real", *window)
    assert "No case was added; 6 requests match." in second_result.stdout
    assert "a metric and a threshold" in read_error(
        genaiops("dataset", "from-traces", "real", "--below", "0.5")
    )


def test_sheet_of_a_workbook_is_selected(engine: sa.Engine, genaiops: Run, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("spring", "autumn"):
        sheet = book.create_sheet(name)
        sheet.append(["question"])
        sheet.append([f"Why {name}?"])
    book.save(tmp_path / "suite.xlsx")
    result = genaiops("import", "dataset", str(tmp_path / "suite.xlsx"), "--sheet", "autumn", "--json")
    assert parse_output(result)["dataset"] == "suite"
    assert json.loads(genaiops("dataset", "export", "suite").stdout)["input"] == "Why autumn?"


@pytest.fixture
def documents(tmp_path: Path) -> list[str]:
    rules = [
        f"Rule {number} is about parcels. " + "It holds for all of them, always. " * 4 for number in range(4)
    ]
    (tmp_path / "post.md").write_text("# Post\n\n" + "\n\n# More\n\n".join(rules))
    return [str(tmp_path / "post.md")]


@pytest.mark.parametrize("kind", ["bedrock", "openai"])
def test_generated_questions_await_review(
    kind: str, documents: list[str], genaiops: Run, judge_server: JudgeServer
) -> None:
    judge = "bedrock:amazon.nova-pro-v1:0" if kind == "bedrock" else f"openai:m@{judge_server.url}/v1"
    judge_server.set(malformed_every=4)
    options = ("--name", "post", "--judge", judge, "--cases", "4", "--json")
    output = parse_output(genaiops("dataset", "synthesise", *documents, *options))
    assert (output["added"], output["skipped"], output["passages"]) == (4, {}, 4)
    assert (output["cost_usd"] is None) == (kind == "openai")  # nobody knows what m costs
    pending = parse_output(genaiops("dataset", "review", "post", "--json"))["pending"]
    assert pending[0]["input"] == "Is it so that Rule 0 is about parcels."
    assert pending[1]["metadata"]["kind"] == "explanation"
    assert pending[1]["contexts"][0].startswith("Rule 1")
    assert "show" in genaiops("dataset", "--help").stdout


def test_spend_limit_stops_generation(documents: list[str], genaiops: Run, judge_server: JudgeServer) -> None:
    options = ("--name", "post", "--judge", "bedrock:amazon.nova-pro-v1:0", "--spend-limit", "0.000001")
    result = genaiops("dataset", "synthesise", *documents, *options)
    assert isinstance(result.exception, CallFailed)
    assert "of the spend limit remain" in str(result.exception)
    assert judge_server.state()["calls"] == 0
    assert "uses no model" in read_error(
        genaiops("dataset", "synthesise", *documents, "--name", "post", "--judge", "offline")
    )
