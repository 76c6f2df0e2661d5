"""`genaiops retention` and `genaiops user`: delete expired data, and show or delete the data of a user."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import typer

from genaiops_core import output
from genaiops_core.cli import context
from genaiops_core.cli.arguments import AnyApplication
from genaiops_core.output import EXIT_FAILED

retention_app = typer.Typer(help="Delete expired data.", no_args_is_help=True)
user_app = typer.Typer(help="Show or delete the data of a user.", no_args_is_help=True)

User = Annotated[str, typer.Option("--user", help="User id, exactly as in the telemetry.")]


def register(app: typer.Typer) -> None:
    """Add `retention` and `user` to the root."""
    app.add_typer(retention_app, name="retention")
    app.add_typer(user_app, name="user")


@retention_app.command("run")
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; delete nothing.")] = False,
    as_json: output.Json = False,
) -> None:
    """Delete expired data now instead of at the next hourly run; see the GENAIOPS_RETENTION settings."""
    from genaiops_core.clock import now
    from genaiops_core.telemetry.privacy import retention

    settings = context.settings()
    keep = retention.RetentionPeriods(**settings.retention)
    removed = retention.delete_expired(context.engine(), keep, now(), is_dry_run=dry_run)
    if as_json:
        output.print_json({**dataclasses.asdict(removed), "keep": dataclasses.asdict(keep)})
        return
    rows = [{"table": name, "rows": count} for name, count in removed.rows.items()]
    if removed.minutes_joined:
        rows.append({"table": "rollup_minute, joined by hour", "rows": removed.minutes_joined})
    output.print_table(rows, ["table", "rows"], empty="No data has expired.")
    if rows and dry_run:
        output.say("Dry run: nothing was deleted.")


@user_app.command("show")
def show(
    user: User,
    application: AnyApplication = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also search all contents for the id; this is slow.")
    ] = False,
    as_json: output.Json = False,
) -> None:
    """Count the stored data of a user, which `user delete` would delete."""
    from genaiops_core.telemetry.privacy.deletion import find_traces_mentioning_user, preview_deletion

    engine = context.engine()
    preview = preview_deletion(engine, user_id=user, application=application)
    # Traces of other users that mention the id; `user delete` does not delete them.
    others = find_traces_mentioning_user(engine, user_id=user, besides=preview.traces) if deep else None
    if as_json:
        document = {**dataclasses.asdict(preview), "traces": len(preview.traces), "total": preview.total}
        output.print_json(document if others is None else {**document, "mentioned_in": others})
        return
    rows = [{"table": name, "rows": count} for name, count in preview.rows.items()]
    output.print_table(rows, ["table", "rows"], empty="There is no data of this user.")
    if preview.traces:
        output.say(f"{len(preview.traces)} traces in {preview.sessions} sessions.")
    _print_warnings(preview.shared_traces, preview.cases)
    for trace_id in others or ():
        output.say(f"Trace {trace_id} of another user mentions the id.")


@user_app.command("delete")
def delete(
    user: User,
    reason: Annotated[str, typer.Option(help="Reason for the audit log, without the user id.")],
    application: AnyApplication = None,
    as_json: output.Json = False,
) -> None:
    """Delete all data of a user and write a certificate to the audit log; exit 1 when rows remain."""
    from genaiops_core.telemetry.privacy.deletion import delete_user

    certificate = delete_user(
        context.engine(), actor=context.actor(), user_id=user, application=application, reason=reason
    )
    if as_json:
        output.print_json({**dataclasses.asdict(certificate), "is_verified": certificate.is_verified})
    else:
        rows = [{"table": name, "rows": count} for name, count in certificate.rows.items()]
        output.print_table(rows, ["table", "rows"], empty="There was no data of this user.")
        if certificate.is_verified:
            output.say(
                "Verified: no row of this user remains. Rollups keep their sums, which contain no user id."
            )
        else:
            output.say(f"Rows of this user remain: {dict(certificate.left)}. Run this command again.")
        output.say(f"The certificate is entry {certificate.audit_sequence} of the audit log.")
        _print_warnings(certificate.shared_traces, certificate.cases)
        for place, count in certificate.mentions.items():
            output.say(f"{count} rows of {place} still contain the id; check them.")
    # Rows may arrive during the deletion, so success is checked and not assumed.
    if not certificate.is_verified:
        raise typer.Exit(EXIT_FAILED)


def _print_warnings(shared_traces: int, cases: Sequence[str]) -> None:
    if shared_traces:
        output.say(f"{shared_traces} of the traces also belong to another user; each is deleted as a whole.")
    for case in cases:
        output.say(f"Not deleted: test case created from one of the traces: {case}.")
