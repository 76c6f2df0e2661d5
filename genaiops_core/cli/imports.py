"""`genaiops import`: traces, prices and datasets from files."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Annotated

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context
from genaiops_core.errors import BadInput

commands = typer.Typer(help="Import traces, prices and datasets from files.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="One or more files.", metavar="FILE...")]

_GZIP_MAGIC = b"\x1f\x8b"


def register(app: typer.Typer) -> None:
    """Add `import` to the command line."""
    app.add_typer(commands, name="import")
    _add_dataset_command()


@commands.command()
def traces(files: Files, json: output.Json = False) -> None:
    """Import OTLP trace exports: .pb files are protobuf, others JSON; both may be gzipped."""
    import os

    from genaiops_core.telemetry.ingest.ingest import SHARDS, ingest
    from genaiops_core.telemetry.otlp.decode import decode_json, decode_protobuf

    settings = context.settings()
    exports = []
    for file in files:  # every file is read before the first is imported, so that an error imports nothing
        is_protobuf = ".pb" in file.suffixes
        body = read_file(file)
        try:
            exports.append((file, decode_protobuf(body) if is_protobuf else decode_json(body)))
        except BadInput as error:
            raise BadInput(f"{file}: {error}") from error
    engine = context.engine()
    rows = []
    for file, export in exports:
        result = ingest(
            engine,
            export,
            # Parallel imports take different shards and so do not wait for each other's locks.
            shard=os.getpid() % SHARDS,
            model_limit=settings.rollup_model_limit,
            use_stated_cost=settings.use_stated_cost,
        )
        rows.append(
            {
                "file": str(file),
                "spans": result.spans,
                "new": result.new,
                "rejected": result.rejected,
                "problem": result.problem,
            }
        )
    if json:
        output.print_json({"files": rows})
    else:
        output.print_table(rows, ["file", "spans", "new", "rejected", "problem"], empty="")


@commands.command("invocation-logs")
def invocation_logs(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders, s3://BUCKET/PREFIX or logs://LOG-GROUP.", metavar="FILE-or-FOLDER..."
        ),
    ],
    application: Annotated[
        str | None,
        typer.Option(help="Application of the calls; by default from requestMetadata of each entry."),
    ] = None,
    json: output.Json = False,
) -> None:
    """Import Bedrock model invocation logs, gzipped or not; entries already imported are skipped."""
    from genaiops_core.cli.invocation_logs import import_sources

    counts = import_sources(sources, application)
    if json:
        output.print_json(counts)
        return
    columns = ["files", "entries", "new", "known", "joined", "rejected"]
    output.print_table([counts], columns, empty="")
    for sentence in (*counts["problems"], counts["warning"]):
        if sentence:
            output.say(sentence)


@commands.command()
def prices(
    files: Files,
    reason: arguments.Reason = "",
    json: output.Json = False,
) -> None:
    """Import price overrides, USD per million tokens: JSON of model to input and output price, or CSV.

    They apply to calls that arrive from now on; stored calls keep their cost.
    """
    from genaiops_core.pricing.imports import import_prices, read_prices

    contents = [(file, read_prices(read_file(file), file.name)) for file in files]
    engine = context.engine()
    rows = []
    for file, price_rows in contents:
        report = import_prices(
            engine, actor=context.actor(), prices=price_rows, source=file.name, reason=reason
        )
        rows.append(
            {"file": str(file), "prices": report.prices, "models": report.models, "special": report.special}
        )
    if json:
        output.print_json({"files": rows})
        return
    for row in rows:
        output.say(f"{row['prices']} prices of {row['models']} models imported from {row['file']}.")
        if row["special"]:
            output.say(
                f"{row['special']} of them are for one region or tier: they apply to calls whose telemetry names it."
            )
    output.say("They apply to calls that arrive from now on; stored calls keep their cost.")


def read_file(file: Path) -> bytes:
    """Read `file` and decompress it if it is gzip.

    Raises:
        BadInput: the file cannot be read.
    """
    try:
        data = file.read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{file} cannot be read: {error}") from error


def _add_dataset_command() -> None:
    from genaiops_core.cli.datasets import import_dataset_command

    commands.command("dataset")(import_dataset_command)
