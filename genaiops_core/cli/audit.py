"""`genaiops audit`: list, verify and export the audit log."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from db.transaction import reading
from genaiops_core.cli import context
from genaiops_core.cli.arguments import AnyApplication
from genaiops_core.output import EXIT_FAILED, Json, print_json, print_table

audit_app = typer.Typer(
    help="List, verify and export the audit log, a chain of hashes.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add `audit` to the root."""
    app.add_typer(audit_app, name="audit")


@audit_app.command("verify")
def verify(as_json: Json = False) -> None:
    """Verify every entry of the chain; exit 1 when an entry was changed or is missing."""
    from genaiops_core.access import audit

    report = audit.verify(context.engine())
    if as_json:
        print_json({**dataclasses.asdict(report), "is_intact": report.is_intact})
    elif report.is_intact:
        typer.echo(f"Audit log verified: {report.entries} entries.")
    else:
        typer.echo(f"The audit log is broken at entry {report.broken_at}: {report.problem}.")
    if not report.is_intact:
        raise typer.Exit(EXIT_FAILED)


@audit_app.command("list")
def list_entries(
    application: AnyApplication = None,
    actor: Annotated[str | None, typer.Option(help="Only entries of this actor.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only actions with this prefix, for example release.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Largest number of entries.", min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """List entries, newest first."""
    from genaiops_core.access import audit

    with reading(context.engine()) as connection:
        entries = audit.entries(connection, application=application, actor=actor, action=action, limit=limit)
    rows = [dataclasses.asdict(entry) for entry in entries]
    if as_json:
        print_json({"entries": rows})
        return
    columns = ("sequence", "at", "actor", "action", "subject", "reason")
    print_table(rows, columns, empty="The audit log is empty.")


@audit_app.command("export")
def export(
    output: Annotated[Path | None, typer.Option(help="File to write; default is standard output.")] = None,
    application: AnyApplication = None,
    as_json: Json = False,
) -> None:
    """Write every entry as a line of JSON, oldest first; with --output, --json prints the number of entries."""
    from genaiops_core.access import audit

    # Streamed within one snapshot: a log may be larger than the memory.
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
        typer.echo(f"Wrote {count} entries to {output}.")
