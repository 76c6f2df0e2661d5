"""`genaiops`: the root of the command line."""

from __future__ import annotations

import sys

import typer

from genaiops_core.cli import (
    audit,
    database,
    datasets,
    demo,
    evaluations,
    imports,
    releases,
    rollbacks,
    rollouts,
    serve,
)
from genaiops_core.errors import GenAIOpsError

app = typer.Typer(
    name="genaiops",
    help="Measure, evaluate, approve, roll out and roll back systems built on large language models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (serve, demo, database, imports, datasets, evaluations, releases, rollouts, rollbacks, audit):
    module.register(app)


def run() -> None:
    """Entry point: expected errors are one sentence on stderr and exit code 2."""
    try:
        app()
    except GenAIOpsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from error


if __name__ == "__main__":
    run()
