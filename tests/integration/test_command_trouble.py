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
    ("url", "said"),
    [
        (DOWN, "The database cannot be used: connection failed"),
        ("nonsense", "GENAIOPS_DATABASE_URL is no address of a database"),
        ("mysql://host/name", "names the database 'mysql'"),
    ],
)
def test_a_database_that_cannot_be_had_is_one_sentence(url: str, said: str) -> None:
    done = genaiops("dataset", "list", GENAIOPS_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert "secret-word" not in done.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = genaiops("dataset", "list", GENAIOPS_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 2
    assert "cannot be used" in done.stderr and "Traceback" not in done.stderr


def test_a_fault_of_the_program_is_told_with_its_traceback_and_not_as_a_failed_gate() -> None:
    code = "from genaiops_core.cli import main, metrics\nmain.app.command('burst')(lambda: 1 / 0)\nmain.run()"
    done = subprocess.run([sys.executable, "-c", code, "burst"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "ZeroDivisionError" in done.stderr and "This is a fault of genaiops" in done.stderr
