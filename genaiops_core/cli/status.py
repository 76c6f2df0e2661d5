"""`genaiops status`: health, live releases and open incidents of each application."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from db.transaction import reading
from genaiops_core.cli import context
from genaiops_core.cli.arguments import AnyApplication
from genaiops_core.output import Json, print_json, print_table

_COLUMNS = ("application", "state", "requests", "exceeded", "stable", "canary", "open_incidents")


def register(app: typer.Typer) -> None:
    """Add `status` to the root."""
    app.command("status")(status)


def status(
    application: AnyApplication = None,
    last: Annotated[str, typer.Option(help="Window that ends now: 1h, 6h, 24h, 7d or 30d.")] = "24h",
    as_json: Json = False,
) -> None:
    """Show the health of each application by the thresholds of the rollback policy."""
    from genaiops_core.rollbacks import health, policy
    from genaiops_core.telemetry.time_window import Filters

    filters = Filters.last(last, application=application)
    with reading(context.engine()) as connection:
        applications = health.read_health(connection, filters, policy.default())
    if as_json:
        print_json(
            {
                "start": filters.start,
                "end": filters.end,
                "applications": [application_health.as_json() for application_health in applications],
            }
        )
        return
    print_table(
        [_build_row(application_health.as_json()) for application_health in applications],
        _COLUMNS,
        empty="There is no application; point an OTLP exporter at the API, or run `genaiops demo`.",
    )


def _build_row(facts: dict[str, Any]) -> dict[str, Any]:
    canary = f"{facts['canary']} ({facts['canary_percent']:g} %)" if facts["canary"] else ""
    exceeded = ", ".join(
        f"{breach['metric']} {breach['value']:.4g} (threshold {breach['threshold']:g})"
        for breach in facts["breaches"]
    )
    return {**facts, "canary": canary, "exceeded": exceeded, "stable": facts["stable"] or ""}
