"""Rollouts from start to promotion, on both databases, also when two people act at once."""

import threading

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.releases import prompts, releases
from genaiops_core.rollouts import rollouts, routing_store
from genaiops_core.rollouts.routing_cache import RoutingCache
from tests.integration.operating import APP, canary, create_approved_release, start


def state_of(engine: sa.Engine, release: str) -> str:
    with reading(engine) as connection:
        return releases.get_release(connection, APP, release).state


def status(engine: sa.Engine) -> rollouts.Rollout:
    with reading(engine) as connection:
        (rollout,) = rollouts.status(connection, APP)
    return rollout


def test_the_first_release_takes_all_traffic_at_once(engine: sa.Engine) -> None:
    rollout = start(engine, create_approved_release(engine, "v1"))
    assert (
        rollout.stable,
        rollout.canary,
        rollout.percent,
        rollout.state,
        rollout.verdict,
        rollout.version,
    ) == (
        "v1",
        None,
        0,
        "stable",
        None,
        1,
    )
    assert status(engine) == rollout
    assert state_of(engine, "v1") == "stable"


def test_a_rollout_starts_at_its_first_step(engine: sa.Engine) -> None:
    start(engine, create_approved_release(engine, "v1"))
    rollout = start(engine, create_approved_release(engine, "v2"))
    assert (rollout.stable, rollout.canary, rollout.percent, rollout.step) == ("v1", "v2", 1, 1)
    assert (rollout.state, rollout.verdict, rollout.started_by) == ("running", "inconclusive", "linus")
    assert status(engine) == rollout
    assert state_of(engine, "v2") == "canary"


def test_promotion(engine: sa.Engine) -> None:
    canary(engine)
    rollout = rollouts.promote(engine, actor="linus", application=APP, reason="better")
    assert (rollout.stable, rollout.canary, rollout.percent, rollout.step, rollout.state) == (
        "v2",
        None,
        0,
        0,
        "promoted",
    )
    assert rollout.ended_at is not None
    assert (state_of(engine, "v1"), state_of(engine, "v2")) == ("retired", "stable")
    with reading(engine) as connection:
        (table,) = routing_store.load(connection)
        (entry,) = audit.entries(connection, action="rollout.promote")
    assert (table.stable.model_id, table.canary, table.version) == ("model-of-v2", None, 3)
    assert entry.before == {"version": 2, "stable": "v1", "canary": "v2", "canary_percent": 5}
    assert entry.after == {"version": 3, "stable": "v2", "canary": None, "canary_percent": 0}


def test_the_share_moves_and_each_move_is_a_version(engine: sa.Engine) -> None:
    canary(engine)
    shares = [
        rollouts.set_canary(engine, actor="linus", application=APP, percent=percent)
        for percent in (25, 12.34, 0, 100)
    ]
    assert [(share.percent, share.step, share.version) for share in shares] == [
        (25, 3, 3),
        (12.34, 2, 4),
        (0, 0, 5),
        (100, 5, 6),
    ]


def test_a_paused_rollout_may_only_shrink(engine: sa.Engine) -> None:
    canary(engine, percent=25)
    paused = rollouts.pause(engine, actor="linus", application=APP)
    assert (paused.state, paused.percent) == ("paused", 25)
    with pytest.raises(Conflict, match="is paused, so its share can only decrease"):
        rollouts.set_canary(engine, actor="linus", application=APP, percent=50)
    with pytest.raises(Conflict, match="is paused; resume it"):
        rollouts.promote(engine, actor="linus", application=APP)
    with pytest.raises(Conflict, match="is paused, not running"):
        rollouts.pause(engine, actor="linus", application=APP)
    assert rollouts.set_canary(engine, actor="linus", application=APP, percent=5).percent == 5
    assert rollouts.resume(engine, actor="linus", application=APP).state == "running"
    assert rollouts.set_canary(engine, actor="linus", application=APP, percent=50).percent == 50


def test_one_live_rollout_at_a_time(engine: sa.Engine) -> None:
    canary(engine)
    with pytest.raises(Conflict, match=r"live already \(canary v2\)"):
        start(engine, create_approved_release(engine, "v3"))
    assert state_of(engine, "v3") == "approved"


def test_only_an_approved_release_takes_traffic(engine: sa.Engine) -> None:
    releases.create(engine, actor="ada", application=APP, release="v1")
    with pytest.raises(Conflict, match="its state is 'candidate'; request its approval first"):
        start(engine, "v1")
    with reading(engine) as connection:
        assert rollouts.status(connection) == []
        assert routing_store.load(connection) == []


@pytest.mark.parametrize("percent", [-1, 101, 0.001, float("nan")])
def test_impossible_shares(engine: sa.Engine, percent: float) -> None:
    canary(engine)
    with pytest.raises(BadInput):
        rollouts.set_canary(engine, actor="linus", application=APP, percent=percent)
    assert status(engine).version == 2


def test_without_a_live_rollout_there_is_nothing_to_move(engine: sa.Engine) -> None:
    for act in (rollouts.pause, rollouts.resume, rollouts.promote):
        with pytest.raises(NotFound, match="takes traffic yet"):
            act(engine, actor="linus", application=APP)
    start(engine, create_approved_release(engine, "v1"))
    with pytest.raises(Conflict, match="all its traffic goes to v1"):
        rollouts.set_canary(engine, actor="linus", application=APP, percent=5)


def test_a_stale_screen_is_told(engine: sa.Engine) -> None:
    seen = canary(engine)
    rollouts.set_canary(engine, actor="linus", application=APP, percent=25)
    with pytest.raises(Conflict, match="has changed"):
        rollouts.set_canary(engine, actor="grace", application=APP, percent=6, expected_version=seen.version)


def test_changes_at_once_are_all_kept(engine: sa.Engine) -> None:
    canary(engine)
    problems: list[Exception] = []

    def move(percent: float) -> None:
        try:
            rollouts.set_canary(engine, actor="linus", application=APP, percent=percent)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=move, args=(percent,)) for percent in range(10, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert status(engine).version == 2 + 8
    with reading(engine) as connection:
        entries = audit.entries(connection, action="rollout.set")
    versions = [entry.after["version"] for entry in entries if entry.after]
    assert sorted(versions) == list(range(3, 11))
    # Each started from what the one before had left.
    assert all(
        entry.before and entry.after and entry.after["version"] == entry.before["version"] + 1
        for entry in entries
    )
    assert audit.verify(engine).is_intact


def test_two_first_releases_at_once(engine: sa.Engine) -> None:
    names = [create_approved_release(engine, "v1"), create_approved_release(engine, "v2")]
    outcomes: list[object] = []

    def begin(name: str) -> None:
        try:
            outcomes.append(start(engine, name))
        except Conflict as error:
            outcomes.append(error)

    threads = [threading.Thread(target=begin, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One is stable, the other its canary: neither was lost.
    assert sorted(state_of(engine, name) for name in names) == ["canary", "stable"], outcomes
    assert status(engine).version == 2


def test_the_first_prompt_stays_first(engine: sa.Engine) -> None:
    # JSONB sorts the keys of objects; the order of prompts must not depend on it.
    for name in ("zeta", "beta", "a-longer-name"):
        prompts.add(engine, actor="ada", application=APP, name=name, text=f"Text of {name}.")
    start(engine, create_approved_release(engine, "v1", prompts=["zeta@1", "a-longer-name@1", "beta@1"]))
    with reading(engine) as connection:
        (table,) = routing_store.load(connection)
    assert [prompt["name"] for prompt in table.stable.prompts] == ["zeta", "a-longer-name", "beta"]
    assert table.decisions["prompt"][0].value == "Text of zeta."  # type: ignore[union-attr]


def test_a_follower_sees_changes_and_removals(engine: sa.Engine) -> None:
    follower = RoutingCache(engine, lambda table: (table.version, table.canary_percent))
    follower.refresh()
    assert dict(follower.by_application) == {}
    canary(engine)
    follower.refresh()
    assert dict(follower.by_application) == {APP: (2, 5)}
    rollouts.set_canary(engine, actor="linus", application=APP, percent=25)
    follower.refresh()
    assert dict(follower.by_application) == {APP: (3, 25)}
    with engine.begin() as connection:
        connection.execute(sa.delete(routing_store.routing_table))
    follower.refresh()
    assert dict(follower.by_application) == {}
