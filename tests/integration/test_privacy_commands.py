"""The commands `genaiops import invocation-logs`, `retention` and `user`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from db.tables.telemetry import invocation_log_source, request
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.cli import context, imports, privacy
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict
from genaiops_core.telemetry.invocation_logs.sources import claim, parse_source
from tests.bedrock_samples import entry

app = typer.Typer()
app.add_typer(imports.commands, name="import")
privacy.register(app)


def run(*arguments: str, code: int = 0, as_json: bool = True) -> Any:
    command = [*arguments, "--json"] if as_json else list(arguments)
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.output) if as_json else result.output


@pytest.fixture(autouse=True)
def database(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "engine", lambda: engine)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ann")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in (1, 2):
        line = json.dumps(entry(f"request-{number}", requestMetadata={"user": "ada", "sessionId": "s"}))
        (logs / f"{number}.json.gz").write_bytes(gzip.compress(line.encode()))
    recent = entry("request-3", timestamp=now().isoformat())
    (logs / "3.json").write_text(json.dumps(recent) + "\nbroken\n")
    return logs


def requests(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(request)) or 0


def test_folder_import_reports_invalid_lines(engine: sa.Engine, folder: Path) -> None:
    report = run("import", "invocation-logs", str(folder))
    assert {name: report[name] for name in ("files", "entries", "new", "known", "rejected")} == {
        "files": 3,
        "entries": 4,
        "new": 3,
        "known": 0,
        "rejected": 1,
    }
    assert report["problems"][0].startswith(f"{folder}/3.json:2: it is not JSON")
    assert "2026-01-05" in report["warning"]
    assert "GENAIOPS_RETENTION_SPAN_DAYS is 90" in report["warning"]
    assert run("import", "invocation-logs", str(folder))["known"] == 3
    output = run("import", "invocation-logs", str(folder), as_json=False)
    assert "it is not JSON" in output.replace("\n", " ")


def test_application_option_of_an_import(engine: sa.Engine, folder: Path) -> None:
    run("import", "invocation-logs", str(folder / "3.json"), "--application", "shop")
    with reading(engine) as connection:
        assert set(connection.scalars(sa.select(request.c.application))) == {"shop"}


def test_import_without_any_entry_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("one\ntwo\n")
    with pytest.raises(BadInput, match=r"notes\.txt:1: it is not JSON"):
        run("import", "invocation-logs", str(tmp_path / "notes.txt"))
    with pytest.raises(BadInput, match="does not exist"):
        run("import", "invocation-logs", str(tmp_path / "none"))


def test_import_of_a_pulled_source_is_refused(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    claim(engine, parse_source("logs://group"), now())
    with pytest.raises(Conflict, match="A worker is pulling"):
        run("import", "invocation-logs", "logs://group")
    with writing(engine) as connection:
        connection.execute(sa.delete(invocation_log_source))


def test_retention_command_with_and_without_dry_run(engine: sa.Engine, folder: Path) -> None:
    run("import", "invocation-logs", str(folder))
    dry_run = run("retention", "run", "--dry-run")
    assert (dry_run["rows"]["request"], dry_run["is_dry_run"]) == (2, True)
    assert dry_run["keep"]["payload_days"] == 30
    assert requests(engine) == 3
    assert "Dry run" in run("retention", "run", "--dry-run", as_json=False)
    assert run("retention", "run")["rows"]["span"] == 2
    assert requests(engine) == 1
    assert "No data has expired" in run("retention", "run", as_json=False)


def test_retention_periods_come_from_settings(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PAYLOAD", "SPAN", "ROLLUP", "MINUTE"):
        monkeypatch.setenv(f"GENAIOPS_RETENTION_{name}_DAYS", "0")
    assert run("import", "invocation-logs", str(folder))["warning"] == ""
    assert run("retention", "run")["rows"] == {}


def test_user_show_and_delete_commands(engine: sa.Engine, folder: Path) -> None:
    run("import", "invocation-logs", str(folder))
    user_data = run("user", "show", "--user", "ada", "--deep")
    assert (
        user_data["traces"],
        user_data["sessions"],
        user_data["rows"]["payload"],
        user_data["mentioned_in"],
    ) == (2, 1, 2, [])
    assert "2 traces in 1 sessions" in run("user", "show", "--user", "ada", as_json=False)
    certificate = run("user", "delete", "--user", "ada", "--reason", "ticket 7")
    assert (certificate["traces"], certificate["is_verified"], certificate["actor"]) == (2, True, "ann")
    with reading(engine) as connection:
        assert audit.entries(connection, action="user.delete")[0].sequence == certificate["audit_sequence"]
    assert requests(engine) == 1
    output = run("user", "delete", "--user", "ada", "--reason", "again", as_json=False)
    assert "There was no data of this user" in output
