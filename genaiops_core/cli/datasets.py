"""`genaiops dataset` and `genaiops import dataset`: import, list, show and export test cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context
from genaiops_core.errors import BadInput

commands = typer.Typer(help="List, show, export and change datasets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the dataset, NAME@VERSION or NAME@TAG.")]
MAP_HELP = "FIELD=COLUMN; fields: input, answer, contexts, reference, metadata. Repeatable."

_VERSION = re.compile(r"(?P<name>.+)@v?(?P<version>\d+)")


def register(app: typer.Typer) -> None:
    """Add `dataset` to the command line."""
    from genaiops_core.cli import dataset_changes, dataset_sources

    dataset_changes.register(commands)
    dataset_sources.register(commands)
    app.add_typer(commands, name="dataset")


@commands.command("list")
def list_datasets(json: output.Json = False) -> None:
    """List the datasets with their newest versions."""
    from db.transaction import reading
    from genaiops_core.evaluation import datasets

    with reading(context.engine()) as connection:
        rows = [dict(vars(item)) for item in datasets.list_datasets(connection)]
    if json:
        output.print_json({"datasets": rows})
    else:
        columns = ["dataset", "version", "cases", "source", "created_by", "created_at"]
        output.print_table(
            rows, columns, empty="There is no dataset; import one with genaiops import dataset FILE."
        )


@commands.command()
def show(name: Name, json: output.Json = False) -> None:
    """Show a version of a dataset: columns, problems, how its file was read, and the first cases."""
    from db.transaction import reading
    from genaiops_core.evaluation import datasets
    from genaiops_core.evaluation.datasets import changes, search

    with reading(context.engine()) as connection:
        version = changes.find_version(connection, name)
        tags = [
            tag for tag, at in changes.list_tags(connection, version.dataset).items() if at == version.version
        ]
        facets = search.count_facets(connection, version.dataset, version.version)
        first_cases = datasets.list_cases(connection, version.dataset, version.version, limit=10)
    if json:
        cases = [{"case": number, **case.as_json()} for number, case in first_cases]
        output.print_json(
            {
                **vars(version),
                "problems": [item.as_json() for item in version.problems],
                "tags": tags,
                "splits": facets.splits,
                "reviews": facets.reviews,
                "first": cases,
            }
        )
        return
    output.say(
        f"{version.dataset} version {version.version}: {version.cases} cases, {version.rejected} rows rejected."
    )
    for note in version.notes:
        output.say(note)
    if tags:
        output.say(f"Tags: {', '.join(tags)}")
    for label, counts in (("Splits", facets.splits), ("Review", facets.reviews)):
        if set(counts) - {""}:
            output.say(
                f"{label}: " + ", ".join(f"{value or 'none'} {count}" for value, count in counts.items())
            )
    rows = [
        {"case": number, **{k: _short(v) for k, v in case.as_json().items()}} for number, case in first_cases
    ]
    output.print_table(rows, ["case", "input", "answer", "contexts", "reference"], empty="")


@commands.command()
def export(
    name: Name,
    format: Annotated[str, typer.Option(help="jsonl (a case per line) or csv (for spreadsheets).")] = "jsonl",
    output_file: Annotated[
        Path | None, typer.Option("--output", help="File to write; standard output by default.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Export the cases of a dataset: input, answer, contexts, reference, metadata."""
    import sys

    from db.transaction import reading
    from genaiops_core.evaluation import datasets
    from genaiops_core.evaluation.datasets import changes, exports

    with reading(context.engine()) as connection:
        version = changes.find_version(connection, name)
        lines = exports.write_cases(
            datasets.export_cases(connection, version.dataset, version.version), format
        )
        # Within the snapshot, because the cases are read while they are written.
        if output_file is None:
            sys.stdout.buffer.writelines(lines)
            return
        try:
            with output_file.open("wb") as target:
                target.writelines(lines)
        except OSError as error:
            raise BadInput(f"{output_file} cannot be written: {error.strerror}.") from error
    if json:
        output.print_json(
            {
                "dataset": version.dataset,
                "version": version.version,
                "cases": version.cases,
                "file": str(output_file),
            }
        )


def import_dataset_command(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, TSV, JSON, JSONL, XLSX, XLS, ODS or Parquet.", metavar="FILE..."),
    ],
    name: Annotated[str, typer.Option(help="Name of the dataset; the file name by default.")] = "",
    map: Annotated[list[str] | None, typer.Option(help=MAP_HELP)] = None,
    sheet: Annotated[
        str | None, typer.Option(help="Sheet of a workbook; by default the first with recognised columns.")
    ] = None,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Import test cases; valid rows are imported, rejected rows are listed by row and column."""
    from genaiops_core.evaluation import datasets
    from genaiops_core.evaluation.datasets import file_origins

    files, more = _split_mappings(files)
    mapping = parse_mapping([*(map or []), *more])
    # Every file is read before the first import, so that a missing file imports nothing.
    contents = [(file, arguments.read_file(file)) for file in files]
    engine = context.engine()
    rows: list[dict[str, Any]] = []
    for file, data in contents:
        stored = datasets.import_dataset(
            engine,
            actor=context.actor(),
            name=name or file.stem,
            data=data,
            filename=file.name,
            origin=file_origins.describe_origin(file),
            is_named_by_file=not name,
            mapping=mapping,
            sheet=sheet,
            reason=reason,
        )
        note_other_name(file, name or file.stem, stored.dataset)
        rows.append(
            {
                "dataset": stored.dataset,
                "version": stored.version,
                "is_new": stored.is_new,
                "cases": stored.cases,
                "rejected": stored.rejected,
                "columns": stored.columns,
                "problems": [problem.as_json() for problem in stored.problems],
                "notes": stored.notes,
            }
        )
    if json:
        output.print_json(rows[0] if len(rows) == 1 else {"datasets": rows})
        return
    for row in rows:
        _print_import(row)


def split_version(text: str) -> tuple[str, int | None]:
    """Split NAME@3 into (NAME, 3), and NAME into (NAME, None)."""
    match = _VERSION.fullmatch(text)
    return (match["name"], int(match["version"])) if match else (text, None)


def parse_mapping(pairs: list[str]) -> dict[str, str]:
    """Parse FIELD=COLUMN pairs.

    Raises:
        BadInput: a pair has no '='.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        field, column = arguments.split_pair(
            pair, f"--map takes FIELD=COLUMN, for example input=question, not '{pair}'."
        )
        mapping[field] = column
    return mapping


def note_other_name(file: Path, name: str, dataset: str) -> None:
    """Say on stderr that a dataset is not named after its file alone, because another folder has such a file."""
    if dataset != name.strip():
        output.say(
            f"{file} is dataset {dataset}: dataset {name} holds the file of another folder. --name chooses a name "
            "in genaiops import dataset.",
            err=True,
        )


def _split_mappings(files: list[Path]) -> tuple[list[Path], list[str]]:
    """Separate mappings from files: the parser takes the second pair of `--map input=a answer=b` for a file."""
    pairs = [str(file) for file in files if "=" in str(file) and not file.exists()]
    return [file for file in files if str(file) not in pairs], pairs


def _print_import(row: dict[str, Any]) -> None:
    known = "" if row["is_new"] else " (already imported)"
    output.say(
        f"{row['dataset']} version {row['version']}{known}: {row['cases']} cases, {row['rejected']} rows rejected."
    )
    output.say("Columns: " + ", ".join(f"{field} from {column}" for field, column in row["columns"].items()))
    for note in row["notes"]:
        output.say(note)
    print_problems(row["problems"])


def print_problems(problems: Sequence[Mapping[str, Any]]) -> None:
    """Print the first 20 problems of a file, each as `Problem.as_json` returns it, and the number of the others."""
    for problem in problems[:20]:
        where = f"row {problem['row']}" if problem["row"] is not None else "the file"
        column = f", column {problem['column']}" if problem["column"] else ""
        output.say(f"  {where}{column}: {problem['problem']}")
    if len(problems) > 20:
        output.say(f"  and {len(problems) - 20} more; --json lists them")


def _short(value: Any) -> str | None:
    text = value if isinstance(value, str) or value is None else orjson.dumps(value).decode()
    return None if text is None else output.shorten(text)
