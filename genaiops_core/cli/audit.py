"""`genaiops audit`: read the audit log, prove that it is whole, take it elsewhere."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from db.transaction import reading
from genaiops_core.cli import context
from genaiops_core.cli.releases import Anywhere
from genaiops_core.output import EXIT_FAILED, Json, print_json, print_table

audit_app = typer.Typer(help="The audit log, a chain of hashes.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `audit` to the root."""
    app.add_typer(audit_app, name="audit")


@audit_app.command("verify")
def verify(as_json: Json = False) -> None:
    """Walk the whole chain; exit 1 when an entry was changed or is missing."""
    from genaiops_core.access import audit

    report = audit.verify(context.engine())
    if as_json:
        print_json({**dataclasses.asdict(report), "is_intact": report.is_intact})
    elif report.is_intact:
        typer.echo(f"The audit log is whole: {report.entries} entries.")
    else:
        typer.echo(f"The audit log is broken at entry {report.broken_at}: {report.problem}.")
    if not report.is_intact:
        raise typer.Exit(EXIT_FAILED)


@audit_app.command("list")
def list_entries(
    application: Anywhere = None,
    actor: Annotated[str | None, typer.Option(help="Only what this actor did.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only actions that begin so, for example release.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """Entries, newest first."""
    from genaiops_core.access import audit

    with reading(context.engine()) as connection:
        found = audit.entries(connection, application=application, actor=actor, action=action, limit=limit)
    rows = [dataclasses.asdict(entry) for entry in found]
    if as_json:
        print_json({"entries": rows})
        return
    columns = ("sequence", "at", "actor", "action", "subject", "reason")
    print_table(rows, columns, empty="The audit log is empty.")


@audit_app.command("export")
def export(
    output: Annotated[Path | None, typer.Option(help="File to write; default is standard output.")] = None,
    application: Anywhere = None,
    as_json: Json = False,
) -> None:
    """Every entry as one line of JSON, oldest first; with --output, --json says how many were written."""
    from genaiops_core.access import audit

    with reading(context.engine()) as connection:
        lines = (
            orjson.dumps(entry).decode() + "\n" for entry in audit.export(connection, application=application)
        )
        if output is None:
            sys.stdout.writelines(lines)
            return
        with output.open("w", encoding="utf-8") as file:
            count = sum(1 for line in lines if file.write(line))
    if as_json:
        print_json({"output": str(output), "entries": count})
    else:
        typer.echo(f"{count} entries were written to {output}.")
