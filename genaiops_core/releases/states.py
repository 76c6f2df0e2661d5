"""The states of a release, as one table of transitions.

    candidate -> pending -> approved -> canary -> stable -> retired

Approval of a rejected release may be requested again. After a rollback of a stable release the retired release before
it is stable again. The first release of an application goes from approved to stable at once.
"""

from __future__ import annotations

from enum import StrEnum

from genaiops_core.errors import Conflict


class Event(StrEnum):
    """An event that changes the state of a release."""

    REQUEST = "request approval of"
    APPROVE = "approve"
    REJECT = "reject"
    START = "start a rollout of"
    ADOPT = "make stable"  # the first release of an application: nothing to compare with
    PROMOTE = "promote"
    REPLACE = "retire"
    ROLL_BACK = "roll back"
    RESTORE = "restore"


MOVES: dict[tuple[str, Event], str] = {
    ("candidate", Event.REQUEST): "pending",
    ("rejected", Event.REQUEST): "pending",  # the content cannot change, but the evidence for it can
    ("pending", Event.APPROVE): "approved",
    ("pending", Event.REJECT): "rejected",
    ("approved", Event.START): "canary",
    ("approved", Event.ADOPT): "stable",
    ("canary", Event.PROMOTE): "stable",
    ("canary", Event.ROLL_BACK): "rolled_back",
    ("stable", Event.REPLACE): "retired",
    ("stable", Event.ROLL_BACK): "rolled_back",
    ("retired", Event.RESTORE): "stable",
}

_NEXT = {
    "candidate": "request its approval first",
    "pending": "it waits for a decision: approve or reject it first",
    "approved": "it is approved: start its rollout",
    "rejected": "request its approval again or register a changed release under a new name",
    "canary": "it takes canary traffic: promote it or roll it back",
    "stable": "it is the stable release already",
    "retired": "it was replaced; only a rollback can restore it",
    "rolled_back": "register a changed release under a new name",
}


def move(state: str, event: Event, *, name: str) -> str:
    """The state after `event`.

    Args:
        state: one of db.tables.releases.RELEASE_STATES.
        event: the event.
        name: `application/release`, for the error message.

    Raises:
        Conflict: the state does not allow the event; the message has the next step.
    """
    after = MOVES.get((state, event))
    if after is None:
        raise Conflict(f"Cannot {event} {name}: its state is '{state}'; {_NEXT[state]}.")
    return after
