"""The rollback dialog: the same from every screen, because it is opened in a hurry."""

from __future__ import annotations

from genaiops_core.rollbacks import procedure
from genaiops_core.rollouts.rollouts import Rollout
from pages.parts.reads import cache
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen


def ask(screen: Screen, one: Rollout) -> None:
    """Say what will happen, take the reason and the name of the application, then roll back."""

    def act(reason: str) -> str:
        done = procedure.roll_back(
            screen.engine, actor=screen.actor, application=one.application, reason=reason
        )
        cache.invalidate("rollouts", "incidents", "releases")
        return f"Rolled {done.application} back from {done.from_release} to {done.to_release}."

    if one.canary:
        sentence = (
            f"All traffic of **{units.escape_markdown(one.application)}** goes to the stable release "
            f"**{units.escape_markdown(one.stable)}**. The canary **{units.escape_markdown(one.canary)}** leaves traffic at once."
        )
    else:
        sentence = (
            f"No canary is live. All traffic of **{units.escape_markdown(one.application)}** goes from "
            f"**{units.escape_markdown(one.stable)}** back to the stable release before it."
        )
    confirm.open_dialog(
        "rollback",
        title=f"Roll back {units.escape_markdown(one.application)}",
        icon=":material/undo:",
        button="Roll back",
        act=act,
        sentence=f"{sentence} An incident is opened with the figures of this moment.",
        type_to_confirm=one.application,
    )
