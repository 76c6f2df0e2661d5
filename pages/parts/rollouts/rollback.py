"""The rollback dialog, which several screens open."""

from __future__ import annotations

from genaiops_core.rollbacks import procedure
from genaiops_core.rollouts.rollouts import Rollout
from pages.parts.reads import cache
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen


def open_dialog(screen: Screen, rollout: Rollout) -> None:
    """Open the dialog: it states the consequence, takes a reason and the typed name, then rolls back."""

    def act(reason: str) -> str:
        rolled_back = procedure.roll_back(
            screen.engine, actor=screen.actor, application=rollout.application, reason=reason
        )
        cache.invalidate("rollouts", "incidents", "releases")
        return f"Rolled {rolled_back.application} back from {rolled_back.from_release} to {rolled_back.to_release}."

    if rollout.canary:
        sentence = (
            f"All traffic of **{units.escape_markdown(rollout.application)}** goes to the stable release "
            f"**{units.escape_markdown(rollout.stable)}**. The canary **{units.escape_markdown(rollout.canary)}** receives no traffic from then on."
        )
    else:
        sentence = (
            f"No canary is live. All traffic of **{units.escape_markdown(rollout.application)}** goes from "
            f"**{units.escape_markdown(rollout.stable)}** to the previous stable release."
        )
    confirm.open_dialog(
        "rollback",
        title=f"Roll back {units.escape_markdown(rollout.application)}",
        icon=":material/undo:",
        button="Roll back",
        act=act,
        sentence=f"{sentence} An incident is opened with the current figures.",
        type_to_confirm=rollout.application,
    )
