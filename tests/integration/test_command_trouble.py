"""The command line in trouble: one sentence on stderr and exit 2, never 1, which means failed gates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DOWN = "postgresql://ada:secret-word@127.0.0.1:1/nothing"


def genaiops(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genaiops_core.cli.main", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (DOWN, "The database cannot be used: connection failed"),
        ("nonsense", "GENAIOPS_DATABASE_URL is not a valid database URL"),
        ("mysql://host/name", "names the database 'mysql'"),
    ],
)
def test_unusable_database_is_one_sentence(url: str, message: str) -> None:
    done = genaiops("dataset", "list", GENAIOPS_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert "secret-word" not in done.stderr


def test_error_names_unusable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = genaiops("dataset", "list", GENAIOPS_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 2
    assert "cannot be used" in done.stderr and "Traceback" not in done.stderr


def test_bug_prints_traceback_and_exits_with_two() -> None:
    code = "from genaiops_core.cli import main, metrics\nmain.app.command('burst')(lambda: 1 / 0)\nmain.run()"
    done = subprocess.run([sys.executable, "-c", code, "burst"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "ZeroDivisionError" in done.stderr and "This is a bug in genaiops" in done.stderr
