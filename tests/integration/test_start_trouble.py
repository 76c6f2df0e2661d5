"""Bad databases and bad settings at the start of a process: one sentence, exit 2, no traceback and no secret."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from genaiops_core.cli.errors import explain_error
from genaiops_core.errors import Misconfigured
from genaiops_core.processes.database import open_database
from genaiops_core.settings import Settings, read_settings
from tests.waiting import LIMIT_S

SERVERS = (("api",), ("worker",), ("up",))


def genaiops(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genaiops_core.cli.main", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=LIMIT_S
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("arguments", [*SERVERS, ("release", "list"), ("db", "status")], ids=" ".join)
def test_unusable_database_is_one_sentence(
    arguments: tuple[str, ...], sqlite_template: Path, tmp_path: Path
) -> None:
    corrupt = tmp_path / "corrupt.db"
    corrupt.write_bytes(b"this is no database" * 100)
    done = genaiops(*arguments, GENAIOPS_DATABASE_URL=f"sqlite:///{corrupt}")
    assert_one_sentence(done, "The database cannot be used: file is not a database")
    assert_one_sentence(
        genaiops(*arguments, GENAIOPS_DATABASE_URL="mysql://ada:secret@h/d"), "names the database 'mysql'"
    )
    if arguments == ("db", "status"):
        return
    newer = tmp_path / "newer.db"
    shutil.copyfile(sqlite_template, newer)
    with sqlite3.connect(newer) as connection:
        connection.execute("update alembic_version set version_num = '9042'")
    connection.close()
    done = genaiops(*arguments, GENAIOPS_DATABASE_URL=f"sqlite:///{newer}")
    assert_one_sentence(
        done, "The database has schema '9042', and this version of the program knows schemas up to"
    )


def test_read_only_database_stops_the_start(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "fixed.db")
    with pytest.raises(sa.exc.OperationalError, match="readonly database") as refusal:
        open_database(f"sqlite:///file:{tmp_path}/fixed.db?mode=ro&uri=true")
    assert explain_error(refusal.value).startswith("The database cannot be used: attempt to write a readonly")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GENAIOPS_UI_PORT", "abc", "GENAIOPS_UI_PORT is 'abc': it must be a valid integer"),
        ("GENAIOPS_UI_PORT", "0", "GENAIOPS_UI_PORT is '0': it must be greater than or equal to 1"),
        ("GENAIOPS_SAMPLE_RATE", "5", "GENAIOPS_SAMPLE_RATE is '5': it must be less than or equal to 1"),
        ("GENAIOPS_DEMO", "perhaps", "GENAIOPS_DEMO is 'perhaps': it must be a valid boolean"),
        ("GENAIOPS_LOG_LEVEL", "LOUD", "GENAIOPS_LOG_LEVEL is 'LOUD': it must be DEBUG, INFO, WARNING or ERROR"),
        ("GENAIOPS_API_PROT", "1", "There is no setting GENAIOPS_API_PROT; did you mean GENAIOPS_API_PORT?"),
        ("GENAIOPS_XYZZY", "1", "There is no setting GENAIOPS_XYZZY; genaiops settings lists all settings."),
        ("GENAIOPS_ALLOWED_HOSTS", "http://a", "GENAIOPS_ALLOWED_HOSTS: 'http://a' is not a host"),
        ("GENAIOPS_PRIVATE_HOSTS", "10.0.0.1/8", "GENAIOPS_PRIVATE_HOSTS: '10.0.0.1/8' is neither a host nor a network"),
    ],
)  # fmt: skip
def test_invalid_setting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as refusal:
        read_settings()
    assert message in str(refusal.value)


@pytest.mark.parametrize("command", ["up", "ui", "api", "worker", "settings"])
def test_every_process_refuses_an_invalid_setting(command: str) -> None:
    assert_one_sentence(genaiops(command, GENAIOPS_SAMPLE_RATE="5"), "GENAIOPS_SAMPLE_RATE is '5'")


def test_names_of_others_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("GENAIOPS_TARGET_TOKEN", "s"),
        ("GENAIOPS_SERVICE_HOST", "10.0.0.1"),
        ("GENAIOPS_API_SERVICE_PORT_HTTP", "80"),
        ("GENAIOPS_PORT", "tcp://10.0.0.1:80"),
        ("GENAIOPS_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("genaiops_reviewers", "1"),
    ):
        monkeypatch.setenv(name, value)
    assert read_settings().reviewers == 1
    assert set(Settings().environment()) <= {f"GENAIOPS_{name.upper()}" for name in Settings.model_fields}
