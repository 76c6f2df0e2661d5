"""Rollbacks, incidents and the watch that rolls back by itself, on both databases."""

import datetime as dt
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.releases import releases
from genaiops_core.rollbacks import incidents, policy, procedure
from genaiops_core.rollbacks.watch import watch
from genaiops_core.rollouts import rollouts, routing_store
from tests.integration.operating import APP, canary, create_approved_release, scores, start, traffic


def roll_back(engine: sa.Engine, reason: str = "wrong answers") -> procedure.Rollback:
    return procedure.roll_back(engine, actor="linus", application=APP, reason=reason)


def states(engine: sa.Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return {release.release: release.state for release in releases.list_releases(connection, APP)}


def status(engine: sa.Engine) -> rollouts.Rollout:
    with reading(engine) as connection:
        (rollout,) = rollouts.status(connection, APP)
    return rollout


def open_incidents(engine: sa.Engine) -> list[incidents.Incident]:
    with reading(engine) as connection:
        return incidents.list_incidents(connection, APP, "open")


def test_a_canary_is_taken_out_of_traffic(engine: sa.Engine) -> None:
    canary(engine, percent=25)
    traffic(
        engine,
        "v2",
        at=now() - dt.timedelta(minutes=2),
        requests=40,
        errors=10,
        latency_ms=1500,
        cost_usd=0.02,
    )
    done = roll_back(engine)
    assert (done.from_release, done.to_release, done.trigger, done.routing_version) == (
        "v2",
        "v1",
        "manual",
        3,
    )
    after = status(engine)
    assert (after.stable, after.canary, after.percent, after.state) == ("v1", None, 0, "rolled_back")
    assert after.verdict == "inconclusive"  # a person decided, no evidence did
    assert states(engine) == {"v1": "stable", "v2": "rolled_back"}
    with reading(engine) as connection:
        assert procedure.list_rollbacks(connection, APP) == [done]
        entry = audit.entries(connection, action="rollback")[0]
    assert (entry.actor, entry.reason, entry.subject) == ("linus", "wrong answers", f"{APP}/v2")
    assert entry.before == {"version": 2, "stable": "v1", "canary": "v2", "canary_percent": 25}
    assert entry.after == {
        "version": 3,
        "stable": "v1",
        "canary": None,
        "canary_percent": 0,
        "trigger": "manual",
    }


def test_the_incident_keeps_the_figures_of_that_time(engine: sa.Engine) -> None:
    canary(engine)
    traffic(
        engine,
        "v2",
        at=now() - dt.timedelta(minutes=2),
        requests=40,
        errors=10,
        latency_ms=1500,
        cost_usd=0.02,
    )
    done = roll_back(engine)
    (incident,) = open_incidents(engine)
    assert (incident.id, incident.rollback_id, incident.severity) == (done.incident_id, done.id, "high")
    assert incident.title == "v2 was rolled back to v1: wrong answers"
    figures = incident.metrics["canary"]
    assert figures["p95_latency"] == pytest.approx(1500, rel=0.01)
    assert {name: value for name, value in figures.items() if name != "p95_latency"} == {
        "release": "v2",
        "requests": 40,
        "error_rate": 0.25,
        "cost_per_request": 0.02,
        "scores": 0,
        "avg_quality_score": None,
    }
    unknown = incident.metrics["stable"]
    assert (unknown["requests"], unknown["error_rate"], unknown["p95_latency"]) == (0, None, None)
    assert [(step["step"], step["state"]) for step in incident.steps] == [
        ("verify_previous_version_exists", "done"),
        ("stop_new_version_traffic", "done"),
        ("route_100_percent_to_previous", "done"),
        ("validate_metrics_improved", "pending"),
        ("send_postmortem_template", "pending"),
    ]


def test_without_a_canary_the_stable_release_before_comes_back(engine: sa.Engine) -> None:
    canary(engine)
    rollouts.promote(engine, actor="linus", application=APP)
    start(engine, create_approved_release(engine, "v3"))
    rollouts.promote(engine, actor="linus", application=APP)
    assert roll_back(engine).to_release == "v2"
    assert states(engine) == {"v1": "retired", "v2": "stable", "v3": "rolled_back"}
    assert (status(engine).stable, status(engine).state) == ("v2", "rolled_back")
    assert roll_back(engine).to_release == "v1"
    with pytest.raises(Conflict, match="no previous stable release to restore; v1 is the only one"):
        roll_back(engine)
    # And forward again.
    assert start(engine, create_approved_release(engine, "v4")).canary == "v4"


def test_the_restored_release_answers_with_its_own_content(engine: sa.Engine) -> None:
    canary(engine)
    rollouts.promote(engine, actor="linus", application=APP)
    roll_back(engine)
    with reading(engine) as connection:
        (table,) = routing_store.load(connection)
    assert (table.stable.release, table.stable.model_id, table.version) == ("v1", "model-of-v1", 4)


def test_a_paused_rollout_can_be_rolled_back(engine: sa.Engine) -> None:
    canary(engine)
    rollouts.pause(engine, actor="linus", application=APP)
    roll_back(engine)
    assert status(engine).state == "rolled_back"


def test_a_reason_is_required(engine: sa.Engine) -> None:
    canary(engine)
    for reason in ("", "  ", "no"):
        with pytest.raises(BadInput, match="at least 3 characters"):
            roll_back(engine, reason)
    assert status(engine).canary == "v2"


def test_an_unknown_application(engine: sa.Engine) -> None:
    with pytest.raises(NotFound, match="nothing to roll back"):
        roll_back(engine)


def test_two_rollbacks_at_once_are_one_when_both_name_the_canary(engine: sa.Engine) -> None:
    canary(engine)
    rollouts.promote(engine, actor="linus", application=APP)
    start(engine, create_approved_release(engine, "v3"))
    outcomes: list[str] = []

    def act() -> None:
        try:
            procedure.roll_back(engine, actor="policy", application=APP, reason="too slow", canary="v3")
            outcomes.append("done")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused", "refused", "refused"]
    assert status(engine).stable == "v2"


def test_an_incident_is_resolved_with_a_reason(engine: sa.Engine) -> None:
    canary(engine)
    number = roll_back(engine).incident_id
    assert number is not None
    with pytest.raises(BadInput, match="how incident"):
        incidents.resolve(engine, actor="linus", incident_id=number, reason="")
    resolved = incidents.resolve(engine, actor="grace", incident_id=number, reason="index rebuilt")
    assert (resolved.state, resolved.resolved_by, resolved.resolution) == (
        "resolved",
        "grace",
        "index rebuilt",
    )
    with pytest.raises(Conflict, match="resolved already by grace"):
        incidents.resolve(engine, actor="linus", incident_id=number, reason="again")
    with pytest.raises(NotFound, match="no incident 999"):
        incidents.resolve(engine, actor="linus", incident_id=999, reason="what")
    assert open_incidents(engine) == []


def test_the_policy_rolls_a_failing_canary_back(engine: sa.Engine) -> None:
    canary(engine)
    at = now()
    traffic(engine, "v2", at=at - dt.timedelta(minutes=2), requests=60, errors=6)
    traffic(engine, "v1", at=at - dt.timedelta(minutes=2), requests=900, errors=1)
    (firing,) = watch(engine, at, policy.default())
    assert (firing.release, firing.trigger.name, firing.value) == ("v2", "high_error_rate", 0.1)
    assert (status(engine).state, status(engine).verdict) == ("rolled_back", "failed")
    (incident,) = open_incidents(engine)
    assert (incident.severity, incident.trigger, incident.opened_by) == (
        "critical",
        "high_error_rate",
        "policy",
    )
    with reading(engine) as connection:
        assert procedure.list_rollbacks(connection, APP)[0].actor == "policy"
    # The next look finds a healthy stable release and does nothing.
    assert watch(engine, at, policy.default()) == []


def test_quality_rolls_back_with_enough_scores(engine: sa.Engine) -> None:
    canary(engine)
    at = now()
    traffic(engine, "v2", at=at - dt.timedelta(minutes=8), requests=60)
    scores(engine, "v2", at=at - dt.timedelta(minutes=8), values=[0.9] * 9 + [0.5] * 10 + [None] * 5)
    assert watch(engine, at, policy.default()) == []  # 19 scores
    scores(engine, "v2 ", at=at, values=[0.0])  # another release's
    with engine.begin() as connection:
        connection.execute(sa.text("update score set value = 0.5 where trace_id = 'v2-19'"))
    (firing,) = watch(engine, at, policy.default())
    # (9 x 0.9 + 11 x 0.5) / 20
    assert (firing.trigger.name, firing.sample, firing.value) == (
        "quality_degradation",
        20,
        pytest.approx(0.68),
    )


def test_old_or_little_traffic_is_no_evidence(engine: sa.Engine) -> None:
    canary(engine)
    at = now()
    traffic(engine, "v2", at=at - dt.timedelta(minutes=7), requests=500, errors=500)
    traffic(engine, "v2", at=at - dt.timedelta(minutes=2), requests=49, errors=49)
    assert watch(engine, at, policy.default()) == []
    assert status(engine).canary == "v2"


def test_a_failing_stable_release_opens_one_incident_only(engine: sa.Engine) -> None:
    canary(engine)
    rollouts.promote(engine, actor="linus", application=APP)
    at = now()
    traffic(engine, "v2", at=at - dt.timedelta(minutes=1), requests=60, errors=30, latency_ms=9000)
    assert [firing.trigger.name for firing in watch(engine, at, policy.default())] == [
        "high_error_rate",
        "latency_spike",
    ]
    assert watch(engine, at, policy.default()) == []
    assert status(engine).stable == "v2"
    opened = open_incidents(engine)
    assert [(incident.trigger, incident.rollback_id) for incident in opened] == [
        ("latency_spike", None),
        ("high_error_rate", None),
    ]
    incidents.resolve(engine, actor="grace", incident_id=opened[1].id, reason="looking into it")
    assert [firing.trigger.name for firing in watch(engine, at, policy.default())] == ["high_error_rate"]


def test_a_policy_without_rollback_only_reports(engine: sa.Engine) -> None:
    canary(engine)
    at = now()
    traffic(engine, "v2", at=at - dt.timedelta(minutes=1), requests=60, errors=30)
    reporting = replace(policy.default(), actions=({"action": "create_incident"},))
    assert len(watch(engine, at, reporting)) == 1
    assert status(engine).canary == "v2"
    assert len(open_incidents(engine)) == 1


def test_two_workers_watching_roll_back_once(engine: sa.Engine) -> None:
    canary(engine)
    rollouts.promote(engine, actor="linus", application=APP)
    start(engine, create_approved_release(engine, "v3"))
    at = now()
    traffic(engine, "v3", at=at - dt.timedelta(minutes=1), requests=60, errors=30)
    acted: list[int] = []
    threads = [
        threading.Thread(target=lambda: acted.append(len(watch(engine, at, policy.default()))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(acted) == [0, 0, 1]
    assert status(engine).stable == "v2"
    assert len(open_incidents(engine)) == 1
