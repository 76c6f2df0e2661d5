"""Files with test cases as users of other tools have them: imported and exported by commands, compared with right cases.

The recorded files lie beside the project and are skipped where they are absent; the generated ones are of the same
kinds, with cases worked by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from genaiops_core.cli import context
from genaiops_core.cli.main import app
from genaiops_core.errors import BadInput
from tests.conftest import SHARED_DATA
from tests.upload_cases import UPLOADS

RECORDED = SHARED_DATA / "field" / "uploads"
EVALUATION = SHARED_DATA / "field" / "evaluation"
NOT_YET: dict[str, str] = {}
"""Recorded file -> what is wrong with its cases today."""

ARCHIVED = {"08_langfuse_items.csv": "Old question?"}
"""Recorded file -> the input of an item that is archived: it is left out, and the import says so."""

Run = Callable[..., Result]


@pytest.fixture
def genaiops(database_url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run commands with the engine of the test."""
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", database_url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ada")
    monkeypatch.setattr(context, "engine", lambda: engine)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def import_file(genaiops: Run, file: Path, name: str = "suite") -> dict[str, Any]:
    result = genaiops("import", "dataset", str(file), "--name", name, "--json")
    assert result.exit_code == 0, result.exception
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def export_cases(genaiops: Run, name: str = "suite") -> list[dict[str, Any]]:
    return [json.loads(line) for line in genaiops("dataset", "export", name).stdout.split("\n") if line]


def list_recorded() -> list[Any]:
    expected = RECORDED / "expected.json"
    recorded = json.loads(expected.read_text()) if expected.is_file() else {}
    return [
        pytest.param(
            name,
            recorded[name],
            id=name.partition(".")[0],
            marks=pytest.mark.xfail(reason=NOT_YET[name], strict=True) if name in NOT_YET else (),
        )
        for name in recorded
    ] or [pytest.param(None, None, marks=pytest.mark.skip(reason="no recorded files beside the project"))]


def assert_fields(case: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        if name.endswith("~"):
            assert value in case[name.removesuffix("~")]
        else:
            assert (case[name] or []) == value if name == "contexts" else case[name] == value, name


@pytest.mark.parametrize(("name", "expected"), list_recorded())
def test_recorded_uploads(genaiops: Run, name: str, expected: dict[str, Any]) -> None:
    if expected["want"] == "reject":
        assert isinstance(genaiops("import", "dataset", str(RECORDED / name)).exception, BadInput)
        return
    report = import_file(genaiops, RECORDED / name)
    rows = [row for row in expected["rows"] if row.get("input") != ARCHIVED.get(name, ())]
    cases = export_cases(genaiops)
    assert len(cases) == len(rows), report["problems"]
    for case, row in zip(cases, rows, strict=True):
        assert_fields(case, row)
    assert (name in ARCHIVED) == any("rchived" in problem["problem"] for problem in report["problems"])


@pytest.mark.parametrize("name", UPLOADS)
def test_generated_uploads(genaiops: Run, tmp_path: Path, name: str) -> None:
    upload = UPLOADS[name]
    file = tmp_path / upload.filename
    file.write_bytes(upload.data)
    result = genaiops("import", "dataset", str(file), "--name", "suite")
    assert result.exit_code == 0, result.exception
    cases = [
        (case["input"], case["answer"], case["contexts"] or None, case["reference"])
        for case in export_cases(genaiops)
    ]
    assert cases == upload.cases
    for sentence in upload.sentences:
        assert sentence in result.stdout


def test_goldens_keep_contexts_of_turns(genaiops: Run, tmp_path: Path) -> None:
    (tmp_path / "goldens.json").write_bytes(UPLOADS["conversational goldens"].data)
    import_file(genaiops, tmp_path / "goldens.json")
    assert export_cases(genaiops)[0]["metadata"]["message_contexts"] == ["Ask for the number."]


def find_evaluation_case(number: str) -> Path:
    """Find the folder of a recorded case; the test is skipped where the recorded cases are absent."""
    folders = sorted(EVALUATION.glob(f"{number}-*")) if EVALUATION.is_dir() else []
    if not folders:
        pytest.skip("no recorded cases beside the project")
    return folders[0]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_recorded_export_comes_back(genaiops: Run, tmp_path: Path, form: str) -> None:
    import_file(genaiops, find_evaluation_case("06") / "cases.jsonl")
    exported = tmp_path / f"cases.{form}"
    assert genaiops("dataset", "export", "suite", "--format", form, "--output", str(exported)).exit_code == 0
    import_file(genaiops, exported, "again")
    assert export_cases(genaiops, "again") == export_cases(genaiops)


def test_recorded_line_separators(genaiops: Run) -> None:
    folder = find_evaluation_case("07")
    expected = json.loads((folder / "expected.json").read_text())
    report = import_file(genaiops, folder / "cases.jsonl")
    assert (report["cases"], report["rejected"]) == (expected["cases"], expected["rejected"])
    assert export_cases(genaiops)[0]["input"] == expected["input0"]


def test_recorded_references_may_be_null(genaiops: Run) -> None:
    report = import_file(genaiops, find_evaluation_case("09") / "cases.jsonl")
    assert report["columns"]["reference"] == "expected_output"
    assert {case["reference"] for case in export_cases(genaiops)} == {None}


def test_recorded_numbers_stay_as_written(genaiops: Run) -> None:
    folder = find_evaluation_case("10")
    import_file(genaiops, folder / "cases.csv")
    rows = [[case["input"], case["answer"], case["reference"]] for case in export_cases(genaiops)]
    assert rows == json.loads((folder / "expected.json").read_text())["rows"]
