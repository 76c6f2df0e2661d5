"""The life of a release: every move that is allowed, and that no other is."""

import itertools

import pytest

from db.tables.releases import RELEASE_STATES
from genaiops_core.errors import Conflict
from genaiops_core.releases.states import MOVES, Event, move


def test_the_usual_life() -> None:
    state = "candidate"
    for event in (Event.REQUEST, Event.APPROVE, Event.START, Event.PROMOTE, Event.REPLACE, Event.RESTORE):
        state = move(state, event, name="a/v1")
    assert state == "stable"


@pytest.mark.parametrize(
    ("state", "event"), [pair for pair in itertools.product(RELEASE_STATES, Event) if pair not in MOVES]
)
def test_every_other_move_is_refused_with_a_way_out(state: str, event: Event) -> None:
    with pytest.raises(Conflict, match=rf"Cannot {event} a/v1: its state is '{state}'; .+\."):
        move(state, event, name="a/v1")


def test_the_table_knows_only_states_of_the_database() -> None:
    assert {state for state, _ in MOVES} | set(MOVES.values()) == set(RELEASE_STATES)


def test_nothing_takes_traffic_without_approval() -> None:
    assert [state for (state, _), after in MOVES.items() if after == "canary"] == ["approved"]
    assert {state for (state, _), after in MOVES.items() if after == "stable"} == {
        "approved",
        "canary",
        "retired",
    }
