"""`genaiops rollout`: start, change, pause, resume, promote and show rollouts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from db.transaction import reading
from genaiops_core.cli import arguments, context
from genaiops_core.cli.arguments import AnyApplication, Application
from genaiops_core.cli.operations import operate, print_outcome
from genaiops_core.cli.releases import ReleaseName
from genaiops_core.output import Json, print_json, print_table

if TYPE_CHECKING:
    from genaiops_core.rollouts.rollouts import Rollout

rollout_app = typer.Typer(help="Shift traffic to an approved release in steps.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `rollout` to the root."""
    app.add_typer(rollout_app, name="rollout")


@rollout_app.command("start")
def start(
    application: Application,
    release: ReleaseName,
    canary: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", help="Initial share of the canary; by default the first step."),
    ] = None,
    step: Annotated[
        list[float] | None,
        typer.Option(metavar="PERCENT", help="A step; repeat it in ascending order. Default 1 5 25 50 100."),
    ] = None,
    reason: arguments.Reason = "",
    as_json: Json = False,
) -> None:
    """Send part of the traffic to an approved release; the first release of an application takes all traffic."""
    from genaiops_core.rollouts import rollouts

    rollout = operate(
        rollouts.start,
        application=application,
        release=release,
        percent=canary,
        steps=step or None,
        reason=reason,
    )
    print_outcome(rollout, _describe_traffic(rollout), as_json=as_json)


@rollout_app.command("set")
def set_canary(
    application: Application,
    canary: Annotated[float, typer.Option(metavar="PERCENT", help="0 to 100, in steps of 0.01.")],
    reason: arguments.Reason = "",
    as_json: Json = False,
) -> None:
    """Set the canary's share of traffic."""
    from genaiops_core.rollouts import rollouts

    rollout = operate(rollouts.set_canary, application=application, percent=canary, reason=reason)
    print_outcome(rollout, _describe_traffic(rollout), as_json=as_json)


@rollout_app.command("pause")
def pause(application: Application, reason: arguments.Reason = "", as_json: Json = False) -> None:
    """Hold the canary at its share until it is resumed."""
    from genaiops_core.rollouts import rollouts

    rollout = operate(rollouts.pause, application=application, reason=reason)
    print_outcome(rollout, _describe_traffic(rollout), as_json=as_json)


@rollout_app.command("resume")
def resume(application: Application, reason: arguments.Reason = "", as_json: Json = False) -> None:
    """Resume a paused rollout."""
    from genaiops_core.rollouts import rollouts

    rollout = operate(rollouts.resume, application=application, reason=reason)
    print_outcome(rollout, _describe_traffic(rollout), as_json=as_json)


@rollout_app.command("promote")
def promote(application: Application, reason: arguments.Reason = "", as_json: Json = False) -> None:
    """Make the canary the stable release for all users."""
    from genaiops_core.rollouts import rollouts

    rollout = operate(rollouts.promote, application=application, reason=reason)
    print_outcome(rollout, _describe_traffic(rollout), as_json=as_json)


@rollout_app.command("status")
def status(application: AnyApplication = None, as_json: Json = False) -> None:
    """Show stable release, canary and rollout step of each application."""
    from genaiops_core.rollouts import rollouts

    with reading(context.engine()) as connection:
        statuses = [dataclasses.asdict(rollout) for rollout in rollouts.status(connection, application)]
    if as_json:
        print_json({"rollouts": statuses})
        return
    columns = ("application", "stable", "canary", "percent", "step", "state", "verdict")
    rows = [{**row, "canary": row["canary"] or "-", "verdict": row["verdict"] or "-"} for row in statuses]
    print_table(rows, columns, empty="No release takes traffic yet; start one with `genaiops rollout start`.")


def _describe_traffic(rollout: Rollout) -> str:
    """Which release takes which share of the traffic, in a sentence."""
    if rollout.canary is None:
        return (
            f"{rollout.application}: {rollout.stable} takes all traffic (routing version {rollout.version})."
        )
    return (
        f"{rollout.application}: canary {rollout.canary} takes {rollout.percent:g} %, {rollout.stable} the rest; "
        f"{rollout.state} at step {rollout.step} of {len(rollout.steps)} (routing version {rollout.version})."
    )
