"""`genaiops traces`: search and export requests."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genaiops_core import output
from genaiops_core.cli import context
from genaiops_core.errors import BadInput

if TYPE_CHECKING:
    from genaiops_core.telemetry.time_window import Filters

commands = typer.Typer(help="Search and export requests.", no_args_is_help=True)

Query = Annotated[
    str,
    typer.Option(
        "--query", "-q", help="Search query, for example 'status:error latency>3s \"refund policy\"'."
    ),
]
Last = Annotated[str, typer.Option(help="Window that ends now: 1h, 6h, 24h, 7d or 30d.")]
Start = Annotated[str | None, typer.Option(help="ISO 8601 time, instead of --last; UTC without a time zone.")]
End = Annotated[str | None, typer.Option(help="ISO 8601 time, exclusive; by default now.")]
Application = Annotated[str | None, typer.Option(help="Only this application.")]

_COLUMNS = [
    "start",
    "status",
    "name",
    "application",
    "release",
    "duration_ms",
    "cost_usd",
    "user_id",
    "trace_id",
]


def register(app: typer.Typer) -> None:
    """Add `traces` to the command line."""
    app.add_typer(commands, name="traces")


@commands.command()
def search(
    query: Query = "",
    last: Last = "24h",
    start: Start = None,
    end: End = None,
    application: Application = None,
    limit: Annotated[int, typer.Option(help="Largest number of requests, 1 to 500.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the previous page.")] = None,
    json: output.Json = False,
) -> None:
    """List matching requests, newest first."""
    from db.transaction import reading
    from genaiops_core.telemetry.search.search import search as find
    from genaiops_core.telemetry.search.trace_files import COLUMNS

    filters = build_filters(last, start, end, application)
    with reading(context.engine()) as connection:
        page = find(connection, filters, query, limit=limit, cursor=cursor)
    rows = [{name: getattr(row, name) for name in COLUMNS} for row in page.rows]
    if json:
        output.print_json(
            {
                "traces": rows,
                "next_cursor": page.next_cursor,
                "looked_at": page.looked_at,
                "searched": page.searched,
            }
        )
        return
    output.print_table(rows, _COLUMNS, empty="No request of this window matches.")
    if page.searched is not None:
        output.say(f"Searched the messages of {page.searched} requests.")
    if page.next_cursor is not None:
        output.say(f"Next page: --cursor {page.next_cursor}")


@commands.command()
def export(
    destination: Annotated[
        Path, typer.Option("--output", "-o", help="File to write; - for standard output.")
    ],
    format: Annotated[str, typer.Option(help="csv, jsonl, parquet or otlp.")] = "jsonl",
    query: Query = "",
    last: Last = "24h",
    start: Start = None,
    end: End = None,
    application: Application = None,
    limit: Annotated[int | None, typer.Option(help="Largest number of requests; by default all.")] = None,
    json: output.Json = False,
) -> None:
    """Export matching requests to a file; otlp contains every span and can be imported again."""
    from genaiops_core.telemetry.search.export import export as pieces_of

    filters = build_filters(last, start, end, application)
    pieces = pieces_of(context.engine(), filters, query, format=format, limit=limit)
    if str(destination) == "-":
        for piece in pieces:
            # Bytes, because Parquet is no text.
            sys.stdout.buffer.write(piece)
        return
    written = 0
    try:
        with destination.open("wb") as file:
            for piece in pieces:
                written += file.write(piece)
    except OSError as error:
        raise BadInput(f"{destination} cannot be written: {error}") from error
    if json:
        output.print_json({"file": str(destination), "format": format, "bytes": written})
    else:
        output.say(f"{written:,} bytes of {format} written to {destination}.")


def build_filters(last: str, start: str | None, end: str | None, application: str | None) -> Filters:
    """Build the time window from the options.

    Raises:
        BadInput: a time is invalid, or --end comes without --start.
    """
    from genaiops_core.clock import now
    from genaiops_core.telemetry.time_window import Filters

    if start is None and end is None:
        return Filters.last(last, application=application)
    if start is None:
        raise BadInput("--end requires --start; or use --last.")
    until = now() if end is None else _parse_time("--end", end)
    return Filters(start=_parse_time("--start", start), end=until, application=application)


def _parse_time(option: str, text: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(
            f"{option} '{text}' is not a valid ISO 8601 time; write 2026-01-05T00:00:00Z."
        ) from None
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant
