"""Routing is sticky, monotone and fair; every flag tells one user the same."""

import math
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.rollouts.routing import (
    FlagNotFound,
    RoutingTable,
    Target,
    TargetingKeyMissing,
    evaluate,
    is_canary,
)
from genaiops_core.rollouts.shares import DEFAULT_STEPS, check_percent, check_steps, step_of

V1 = Target(release="v1", model_id="m-1", prompts=({"name": "answer", "version": 1, "text": "Answer."},))
V2 = Target(
    release="v2",
    model_id="m-2",
    prompts=(
        {"name": "zeta", "version": 4, "text": "First."},
        {"name": "answer", "version": 2, "text": "Answer well."},
    ),
    parameters={"temperature": 0.2},
)
SPLIT = RoutingTable(application="a", version=7, stable=V1, canary=V2, canary_percent=25.0, salt="a:v2")
WHOLE = RoutingTable(application="a", version=6, stable=V1)
USERS = [f"user-{number}" for number in range(20_000)]

percents = st.integers(0, 10_000).map(lambda grains: grains / 100)


@pytest.mark.parametrize("percent", [0, 0.01, 1, 5, 25, 33.33, 50, 99.99, 100])
def test_the_canary_gets_its_share_of_20_000_users(percent: float) -> None:
    table = replace(SPLIT, canary_percent=percent)
    share = sum(is_canary(table, user) for user in USERS) / len(USERS)
    assert abs(share * 100 - percent) < 1
    assert (percent not in (0, 100)) or share == percent / 100


@given(percents, percents, st.text(min_size=1))
def test_widening_keeps_everybody_in_the_canary(
    first_percent: float, second_percent: float, user: str
) -> None:
    narrow, wide = (
        replace(SPLIT, canary_percent=percent) for percent in sorted((first_percent, second_percent))
    )
    assert is_canary(narrow, user) <= is_canary(wide, user)


@given(percents, st.text(min_size=1))
def test_a_place_below_the_share_is_the_canarys(percent: float, user: str) -> None:
    # The definition, worked with exact integers: place / 2^64 < percent / 100.
    place = int.from_bytes(sha256(b"a:v2:" + user.encode()).digest()[:8], "big")
    expected = place * 10_000 < round(percent * 100) * 2**64
    assert is_canary(replace(SPLIT, canary_percent=percent), user) == expected


@given(percents, st.text(min_size=1))
def test_all_flags_agree_for_one_user(percent: float, user: str) -> None:
    table = replace(SPLIT, canary_percent=percent)
    decisions = [evaluate(table, flag, user) for flag in ("release", "model", "prompt", "prompt:answer")]
    assert len({decision.variant for decision in decisions}) == 1
    assert decisions[0].value["variant"] == decisions[0].variant


def test_a_decision_is_sticky_over_versions_of_one_rollout() -> None:
    later = replace(SPLIT, version=99)
    assert all(is_canary(SPLIT, user) == is_canary(later, user) for user in USERS[:2000])


def test_another_rollout_draws_other_users() -> None:
    other = replace(SPLIT, salt="a:v3")
    both = sum(is_canary(SPLIT, user) and is_canary(other, user) for user in USERS) / len(USERS)
    assert abs(both - 0.25 * 0.25) < 0.01  # as if independent


def test_what_a_canary_user_gets() -> None:
    user = next(user for user in USERS if is_canary(SPLIT, user))
    decision = evaluate(SPLIT, "release", user)
    assert (decision.variant, decision.reason) == ("canary", "SPLIT")
    assert decision.value == {
        "release": "v2",
        "model_id": "m-2",
        "prompts": {
            "zeta": {"version": 4, "text": "First."},
            "answer": {"version": 2, "text": "Answer well."},
        },
        "parameters": {"temperature": 0.2},
        "variant": "canary",
    }
    assert evaluate(SPLIT, "model", user).value == "m-2"
    assert evaluate(SPLIT, "prompt", user).value == "First."
    assert evaluate(SPLIT, "prompt:answer", user).value == "Answer well."


def test_a_stable_user_gets_only_what_the_stable_release_sets() -> None:
    user = next(user for user in USERS if not is_canary(SPLIT, user))
    assert evaluate(SPLIT, "prompt", user).value == "Answer."
    with pytest.raises(FlagNotFound):
        evaluate(SPLIT, "prompt:zeta", user)


def test_without_a_canary_nobody_needs_a_key() -> None:
    decision = evaluate(WHOLE, "model", "")
    assert (decision.value, decision.variant, decision.reason) == ("m-1", "stable", "STATIC")


def test_a_split_needs_a_key() -> None:
    with pytest.raises(TargetingKeyMissing):
        evaluate(SPLIT, "model", "")


def test_unknown_flags_and_unset_models_are_not_found() -> None:
    bare = RoutingTable(application="a", version=1, stable=Target(release="v0"))
    for flag in ("model", "prompt", "colour", ""):
        with pytest.raises(FlagNotFound):
            evaluate(bare, flag, "user")


@pytest.mark.parametrize("percent", [-0.01, 100.01, 0.001, 33.333, math.nan, math.inf, True])
def test_shares_that_cannot_be_routed_are_refused(percent: float) -> None:
    with pytest.raises(BadInput, match="share"):
        check_percent(percent)


@given(percents)
def test_every_grain_is_accepted_as_it_is(percent: float) -> None:
    assert check_percent(percent) == percent


def test_steps_are_counted_from_one() -> None:
    assert [step_of(percent, DEFAULT_STEPS) for percent in (0, 0.5, 1, 24.99, 25, 100)] == [0, 0, 1, 2, 3, 5]


@pytest.mark.parametrize("steps", [[], [0, 50], [5, 5], [50, 25], [1, 101], list(range(1, 52))])
def test_steps_must_rise(steps: list[float]) -> None:
    with pytest.raises(BadInput):
        check_steps(steps)
