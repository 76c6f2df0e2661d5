"""Datasets on the command line: compare, tag, split, review, delete, fill from traffic; all of it as JSON too."""

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
from genaiops_core.cli.main import app
from genaiops_core.demo.writer import decoded
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.cases import Case
from genaiops_core.telemetry.ingest import ingest
from tests.integration.evaluating import imported
from tests.integration.sampled import APPLICATION, traces

Run = Callable[..., Result]


@pytest.fixture
def genaiops(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", database_url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    return lambda *arguments, **more: CliRunner().invoke(app, list(arguments), **more)


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_versions_are_compared_tagged_and_exported_by_tag(engine: sa.Engine, genaiops: Run) -> None:
    imported(engine, 3)
    imported(engine, 4)
    assert told(genaiops("dataset", "tag", "prices@1", "golden", "--json"))["before"] is None
    assert "moved from version 1" in genaiops("dataset", "tag", "prices", "golden").stdout
    genaiops("dataset", "tag", "prices@v1", "first")
    found = told(genaiops("dataset", "diff", "prices", "first", "2", "--json"))
    assert (found["unchanged"], [case["reference"] for case in found["added"]]) == (3, ["12 coins"])
    assert "+ What does item 4 cost?" in genaiops("dataset", "diff", "prices", "1", "2").stdout
    lines = genaiops("dataset", "export", "prices@first").stdout.splitlines()
    assert len(lines) == 3
    assert told(genaiops("dataset", "show", "prices@golden", "--json"))["tags"] == ["golden"]
    missing = genaiops("dataset", "export", "prices@silver")
    assert (missing.exit_code, "there are: first, golden" in missing.stderr) == (2, True)


def test_a_dataset_is_split_and_deleted(engine: sa.Engine, genaiops: Run) -> None:
    imported(engine, 20)
    found = told(genaiops("dataset", "split", "prices", "dev=1", "test=1", "--json"))
    assert (found["version"], sum(found["splits"].values())) == (2, 20)
    assert genaiops("dataset", "split", "prices", "dev").exit_code == 2
    assert genaiops("dataset", "delete", "prices", "--json").exit_code == 2
    assert genaiops("dataset", "delete", "prices", input="price\n").exit_code == 2
    assert told(genaiops("dataset", "delete", "prices", "--yes", "prices", "--json"))["deleted"] is True
    with reading(engine) as connection:
        assert datasets.list_datasets(connection) == []


def test_pending_cases_are_listed_accepted_and_left_out(engine: sa.Engine, genaiops: Run) -> None:
    cases = [Case(input=f"q{number}", metadata={"review": "pending"}) for number in range(3)]
    datasets.add_cases(engine, actor="ada", name="new", cases=cases, source="test")
    assert [one["case"] for one in told(genaiops("dataset", "review", "new", "--json"))["pending"]] == [
        1,
        2,
        3,
    ]
    made = told(genaiops("dataset", "review", "new", "--accept-all", "--reject", "2", "--json"))
    assert (made["accepted"], made["rejected"], made["pending"], made["cases"]) == (2, 1, 0, 2)
    assert "No case waits" in genaiops("dataset", "review", "new").stdout


def test_requests_become_cases_with_counts_of_what_was_left_out(engine: sa.Engine, genaiops: Run) -> None:
    ingest(engine, decoded(APPLICATION, traces(6)))
    window = ("--start", "2026-01-05", "--end", "2026-01-06")
    made = told(genaiops("dataset", "from-traces", "real", "--application", APPLICATION, *window, "--json"))
    assert made["found"] == 6 == made["added"] + sum(made["skipped"].values())
    assert (made["version"], made["cases"]) == (1, made["added"])
    again = genaiops("dataset", "from-traces", "real", *window)
    assert "Nothing was added; 6 requests were found." in again.stdout
    refused = genaiops("dataset", "from-traces", "real", "--below", "0.5")
    assert (refused.exit_code, "both a metric and a bound" in refused.stderr) == (2, True)


def test_the_sheet_of_a_workbook_is_named(engine: sa.Engine, genaiops: Run, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("spring", "autumn"):
        sheet = book.create_sheet(name)
        sheet.append(["question"])
        sheet.append([f"Why {name}?"])
    book.save(tmp_path / "suite.xlsx")
    imported_ = genaiops("import", "dataset", str(tmp_path / "suite.xlsx"), "--sheet", "autumn", "--json")
    assert told(imported_)["dataset"] == "suite"
    assert json.loads(genaiops("dataset", "export", "suite").stdout)["input"] == "Why autumn?"
