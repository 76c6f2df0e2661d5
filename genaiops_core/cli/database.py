"""`genaiops db`: the schema, backups and restores."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import typer

from genaiops_core import output
from genaiops_core.cli import context
from genaiops_core.errors import BadInput

commands = typer.Typer(help="Upgrade, inspect, back up and restore the database.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `db` to the command line."""
    app.add_typer(commands, name="db")


@commands.command()
def upgrade(json: output.Json = False) -> None:
    """Migrate the schema to the version of this program."""
    from db import migrate

    status = migrate.status(context.engine())
    if json:
        output.print_json({"current": status.current, "head": status.head})
    else:
        typer.echo(f"The database is at schema {status.current}.")


@commands.command()
def status(json: output.Json = False) -> None:
    """Show the schema version without changing anything; exit 1 when an upgrade is needed."""
    import sqlalchemy as sa

    from db import migrate
    from db.engine import make_engine

    url = sa.make_url(context.settings().url)
    # Not `context.engine()`, which migrates.
    state = migrate.status(make_engine(url))
    facts = {
        "database": url.render_as_string(hide_password=True),
        "current": state.current,
        "head": state.head,
        "is_current": state.is_current,
    }
    if json:
        output.print_json(facts)
    else:
        output.print_table([facts], list(facts), empty="")
    if not state.is_current:
        raise typer.Exit(1)


@commands.command()
def backup(file: Path, json: output.Json = False) -> None:
    """Back up every table to FILE; SQLite and PostgreSQL can both restore it."""
    from db.backup import backup as write_backup

    report = write_backup(context.engine(), file)
    if json:
        output.print_json({"file": str(file), **dataclasses.asdict(report)})
    else:
        typer.echo(f"{report.rows} rows of {report.tables} tables written to {file}.")


@commands.command()
def restore(file: Path, json: output.Json = False) -> None:
    """Restore FILE into an empty database; use this to move from SQLite to PostgreSQL."""
    from db.backup import BackupError
    from db.backup import restore as read_backup

    if not file.is_file():
        raise BadInput(f"{file} does not exist; write a backup with genaiops db backup FILE.")
    try:
        report = read_backup(context.engine(), file)
    except BackupError as error:
        raise BadInput(str(error)) from error
    if not report.has_checksum:
        output.say(
            f"{file} has no checksums, because an older version wrote it: "
            "damage that leaves a valid file cannot be detected.",
            err=True,
        )
    if json:
        output.print_json({"file": str(file), **dataclasses.asdict(report)})
    else:
        typer.echo(f"{report.rows} rows of {report.tables} tables restored from {file}.")
