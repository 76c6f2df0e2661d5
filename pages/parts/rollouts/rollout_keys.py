"""Widget keys of the screens Rollouts and Incidents."""

from __future__ import annotations

ROLLOUT_START = "rollout_start_open"
START_RELEASE = "start_release"
START_PERCENT = "start_percent"

# Incidents.
INCIDENT_TABLE = "incident_table"
ROLLBACK_TABLE = "rollback_table"


def rollout_widget(part: str, application: str) -> str:
    """One widget of the card of one application's rollout."""
    return f"rollout_{part}_{application}"


def rollback_open(application: str) -> str:
    """The button that opens the rollback dialog of an application."""
    return f"rollback_open_{application}"


def incident_resolve(identifier: int) -> str:
    """The button that opens the dialog to resolve an incident."""
    return f"incident_resolve_open_{identifier}"
