"""`genaiops rollback`, `genaiops policy check` and `genaiops incident`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from db.transaction import reading
from genaiops_core.cli import arguments, context
from genaiops_core.cli.arguments import AnyApplication, Application
from genaiops_core.cli.operations import operate, print_outcome
from genaiops_core.output import Json, print_json, print_table

policy_app = typer.Typer(help="Validate a rollback policy.", no_args_is_help=True)
incident_app = typer.Typer(help="List and resolve incidents.", no_args_is_help=True)

RequiredReason = Annotated[
    str, typer.Option("--reason", help="Reason, written to the audit log and the incident.")
]


def register(app: typer.Typer) -> None:
    """Add `rollback`, `policy` and `incident` to the root."""
    app.command("rollback")(rollback)
    app.add_typer(policy_app, name="policy")
    app.add_typer(incident_app, name="incident")


def rollback(application: Application, reason: RequiredReason, as_json: Json = False) -> None:
    """Route all traffic to the stable release, or without a canary to the previous release; opens an incident."""
    from genaiops_core.rollbacks import procedure

    result = operate(procedure.roll_back, application=application, reason=reason)
    sentence = (
        f"{result.application}: {result.from_release} was rolled back, {result.to_release} takes all traffic "
        f"(routing version {result.routing_version}, incident {result.incident_id})."
    )
    print_outcome(result, sentence, as_json=as_json)


@policy_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A rollback_policy.yaml.", exists=True, dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Validate FILE and print its triggers and actions."""
    from genaiops_core.rollbacks import policy

    loaded = policy.load(arguments.read_text(file))
    triggers = [dataclasses.asdict(trigger) for trigger in loaded.triggers]
    if as_json:
        print_json({"triggers": triggers, "actions": list(loaded.actions), "steps": list(loaded.steps)})
        return
    rows = [
        {
            "name": trigger.name,
            "metric": trigger.metric,
            "limit": f"{'>' if trigger.comparison == 'greater_than' else '<'} {trigger.threshold:g}",
            "window": f"{trigger.window_min} min",
            "severity": trigger.severity,
        }
        for trigger in loaded.triggers
    ]
    print_table(rows, ("name", "metric", "limit", "window", "severity"), empty="")
    actions = ", ".join(str(action["action"]) for action in loaded.actions)
    typer.echo(f"{file} is a valid policy: {len(triggers)} triggers; actions: {actions}.")


@incident_app.command("list")
def list_incidents(
    application: AnyApplication = None,
    state: Annotated[str | None, typer.Option(help="open or resolved.")] = None,
    as_json: Json = False,
) -> None:
    """List incidents, newest first."""
    from genaiops_core.rollbacks import incidents

    with reading(context.engine()) as connection:
        rows = [
            dataclasses.asdict(incident)
            for incident in incidents.list_incidents(connection, application, state)
        ]
    if as_json:
        print_json({"incidents": rows})
        return
    columns = ("id", "application", "severity", "state", "title", "opened_by", "opened_at")
    print_table(rows, columns, empty="There is no incident.")


@incident_app.command("resolve")
def resolve(
    incident: Annotated[int, typer.Argument(help="Number of the incident.")],
    reason: RequiredReason,
    as_json: Json = False,
) -> None:
    """Resolve an incident; the reason becomes its resolution."""
    from genaiops_core.rollbacks import incidents

    resolved = operate(incidents.resolve, incident_id=incident, reason=reason)
    sentence = f"Incident {resolved.id} of {resolved.application} is resolved by {resolved.resolved_by}."
    print_outcome(resolved, sentence, as_json=as_json)
