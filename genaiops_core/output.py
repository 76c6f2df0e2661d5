"""The output of commands: tables for users, JSON with `--json`, one message and exit code 2 for errors."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import shutil
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
    from genaiops_core.text_tables import render_table

    if not rows:
        say(empty)
        return
    headers = [column.replace("_", " ") for column in columns]
    cells = [[_cell_text(row.get(column)) for column in columns] for row in rows]
    for line in render_table(headers, cells, _find_width()):
        typer.echo(line)


def _find_width() -> int | None:
    """The width of the terminal; None where the output is a pipe or a file, unless `COLUMNS` gives one."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


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
