"""The output of commands: tables for users, JSON with `--json`, one message and exit code 2 for errors."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import orjson
import typer

from genaiops_core.printable import printable

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

EXIT_PASSED = 0
EXIT_FAILED = 1
EXIT_ERROR = 2
EXIT_INCONCLUSIVE = 3


def say(text: str, *, nl: bool = True, err: bool = False) -> None:
    """Print a line for users on stdout or stderr."""
    typer.echo(printable(text), nl=nl, err=err)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2).decode() + "\n")


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Print a table of `columns`, or the sentence `empty` when there are no rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not rows:
        console.print(Text(empty))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # Folded, never cut: long names often differ only at their end.
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        # Text, not str: names come from outside and must not be read as markup.
        table.add_row(*[Text(_cell_text(row.get(column))) for column in columns])
    console.print(table)


def shorten(text: str, longest: int = 80) -> str:
    """Cut a text for a cell of a table to `longest` characters, including the dots."""
    return text if len(text) <= longest else text[: longest - 3] + "..."


def fail(message: str) -> typer.Exit:
    """Print a message on stderr and return the exit to raise."""
    say(message.rstrip(), err=True)
    return typer.Exit(EXIT_ERROR)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Decimal):
        return printable(str(value))
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be printed as JSON")


def _cell_text(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, float):
        return f"{value:g}"
    return printable(str(value))
