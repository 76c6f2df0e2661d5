"""`genaiops up`, `ui`, `api`, `worker` and `settings`: the processes of the console."""

from __future__ import annotations

from typing import Annotated

import typer

from genaiops_core import output
from genaiops_core.access.identity import require_safe_address
from genaiops_core.cli import context
from genaiops_core.settings import Settings

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")]


def register(app: typer.Typer) -> None:
    """Add the process commands to the command line."""
    for command in (up, ui, api, worker, settings):
        app.command()(command)


def up(
    demo: Annotated[bool, typer.Option("--demo", help="Write the demo applications first.")] = False,
    host: Host = None,
    ui_port: Port = None,
    api_port: Port = None,
    json: output.Json = False,
) -> None:
    """Migrate, then run UI, API and worker; Ctrl-C stops all three."""
    from genaiops_core.processes import supervise

    settings_ = _override_settings(host=host, ui_port=ui_port, api_port=api_port, demo=demo or None)
    raise typer.Exit(supervise.run(settings_, json=json))


def ui(host: Host = None, port: Port = None, json: output.Json = False) -> None:
    """Run the console in this process."""
    from genaiops_core.processes import ui as process

    process.run(_override_settings(host=host, ui_port=port))


def api(host: Host = None, port: Port = None, json: output.Json = False) -> None:
    """Run the API: OTLP ingest, OFREP flags, queries and operations."""
    from genaiops_core.processes import api as process

    process.run(_override_settings(host=host, api_port=port))


def worker(json: output.Json = False) -> None:
    """Run the worker: evaluations, rollups and the rollback policy."""
    import os
    import sys

    from genaiops_core.jobs import worker as process

    process.run(context.settings())
    # Every result is in the database. Threads that wait for a slow judge would block a normal exit for minutes.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def settings(json: output.Json = False) -> None:
    """List every setting with its value, default and description; secrets are masked."""
    rows = context.settings().describe()
    if json:
        output.print_json({"settings": rows})
    else:
        output.print_table(rows, ("name", "value", "help"), empty="")


def _override_settings(**overrides: object) -> Settings:
    chosen = context.settings().model_copy(
        update={name: value for name, value in overrides.items() if value is not None}
    )
    # The console has no login, so it must not listen on a public address.
    require_safe_address(chosen.host)
    return chosen
