"""The command line imports only the modules of the called command, and its table of commands matches the modules."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from alembic.config import Config
from alembic.script import ScriptDirectory
from typer.testing import CliRunner

import db.migrate
from genaiops_core import database_url
from genaiops_core.cli import main
from genaiops_core.cli.command_table import COMMANDS
from genaiops_core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CLI = ROOT / "genaiops_core" / "cli"

LIGHT_MODULES = (
    "genaiops_core.api",
    "genaiops_core.demo",
    "genaiops_core.errors",
    "genaiops_core.evaluation.rate_limits",
    "genaiops_core.logs",
    "genaiops_core.output",
    "genaiops_core.rollouts.routing",
    "genaiops_core.telemetry.time_window",
)
HEAVY = {
    "alembic",
    "boto3",
    "dbos",
    "fastapi",
    "httpx",
    "numpy",
    "pandas",
    "pydantic_settings",
    "scipy",
    "structlog",
}


def commands_of(module: str) -> dict[str, typer.core.TyperCommand]:
    app = typer.Typer()
    import_module(f"genaiops_core.cli.{module}").register(app)
    return typer.main.get_group(app).commands


def modules_that_register() -> set[str]:
    """Modules whose `register` takes the root; that of a group takes `commands`."""
    return {
        file.stem
        for file in CLI.glob("*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "register" and node.args.args[0].arg == "app"
    }


def test_table_lists_every_command_module() -> None:
    assert modules_that_register() == {module for _, module, _ in COMMANDS}


@pytest.mark.parametrize("module", sorted({module for _, module, _ in COMMANDS}))
def test_table_has_the_help_of_every_command(module: str) -> None:
    first_lines = {
        name: " ".join((command.help or "").strip().split("\n\n")[0].split())
        for name, command in commands_of(module).items()
    }
    assert first_lines == {name: help for name, of, help in COMMANDS if of == module}


def test_root_help_shows_full_lines() -> None:
    result = CliRunner().invoke(main.app, ["--help"])
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert all(f" {name} {help}" in text for name, _, help in COMMANDS)


def modules_after(statements: str) -> set[str]:
    """The top-level modules that a new interpreter has imported after `statements`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{statements}\nprint(*sys.modules, file=sys.stderr)"],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}


def command(*arguments: str) -> str:
    return f"""
from genaiops_core.cli import main
sys.argv = ["genaiops", *{arguments!r}]
try:
    main.run()
except SystemExit as end:
    assert not end.code, end.code
"""


def test_root_help_imports_no_command() -> None:
    loaded = modules_after(command("--help"))
    assert not loaded & {*HEAVY, "db", "pydantic", "rich", "sqlalchemy"}


def test_list_command_imports_no_heavy_module() -> None:
    subprocess.run(
        [sys.executable, "-m", "genaiops_core.cli.main", "db", "upgrade"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    loaded = modules_after(command("release", "list"))
    assert "sqlalchemy" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_light_modules_stay_light(module: str) -> None:
    assert not modules_after(f"import {module}") & {*HEAVY, "sqlalchemy", "pydantic"}


def test_newest_revision_is_read_without_alembic() -> None:
    config = Config()
    config.set_main_option("script_location", str(db.migrate.MIGRATIONS))
    assert db.migrate._head() == ScriptDirectory.from_config(config).get_current_head()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"GENAIOPS_HOME": "/srv/genaiops"},
        {"GENAIOPS_DATABASE_URL": "sqlite:///relative.db"},
        {"GENAIOPS_DATABASE_URL": "postgresql://ada@db.internal/genaiops"},
        {"genaiops_database_url": "sqlite:////srv/lower.db"},
    ],
)
def test_commands_find_the_database_that_the_settings_name(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENAIOPS_HOME")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert database_url.from_environment() == Settings().url
