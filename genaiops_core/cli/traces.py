"""`genaiops traces`: search requests and export what is found."""

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

commands = typer.Typer(help="Search requests and export what is found.", no_args_is_help=True)

Query = Annotated[
    str, typer.Option("--query", "-q", help="A search, such as: 'status:error latency>3s \"refund policy\"'.")
]
Last = Annotated[str, typer.Option(help="The window that ends now: 1h, 6h, 24h, 7d or 30d.")]
Start = Annotated[str | None, typer.Option(help="ISO 8601, instead of --last; UTC when it names no zone.")]
End = Annotated[str | None, typer.Option(help="ISO 8601, exclusive; now when left out.")]
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
    limit: Annotated[int, typer.Option(help="Requests at most, 1 to 500.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before.")] = None,
    json: output.Json = False,
) -> None:
    """List the requests that a search finds, newest first."""
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
    output.print_table(rows, _COLUMNS, empty="No request of this window was found.")
    if page.searched is not None:
        output.say(f"The messages of {page.searched} requests were read.")
    if page.next_cursor is not None:
        output.say(f"There may be more: --cursor {page.next_cursor}")


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
    limit: Annotated[int | None, typer.Option(help="Requests at most; all when left out.")] = None,
    json: output.Json = False,
) -> None:
    """Write the requests that a search finds to a file; otlp has every span and can be imported again."""
    from genaiops_core.telemetry.search.export import export as pieces_of

    filters = build_filters(last, start, end, application)
    pieces = pieces_of(context.engine(), filters, query, format=format, limit=limit)
    if str(destination) == "-":
        for piece in pieces:
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
    """The window that the options ask for.

    Raises:
        BadInput: a time is none, or an end comes without a start.
    """
    from genaiops_core.clock import now
    from genaiops_core.telemetry.time_window import Filters

    if start is None and end is None:
        return Filters.last(last, application=application)
    if start is None:
        raise BadInput("An --end needs its --start; or use --last.")
    until = now() if end is None else _parse_time("--end", end)
    return Filters(start=_parse_time("--start", start), end=until, application=application)


def _parse_time(option: str, text: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(
            f"{option} '{text}' is no ISO 8601 time; write it like 2026-01-05T00:00:00Z."
        ) from None
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant
