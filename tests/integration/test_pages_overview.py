"""The overview: order by trouble, evidence, changes, the unfinished step, and a database that goes away."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from db.transaction import writing
from genaiops_core.clock import now
from genaiops_core.rollbacks import health as healths
from genaiops_core.rollbacks import incidents, policy
from genaiops_core.rollbacks.health import Health
from genaiops_core.rollbacks.policy_metrics import PolicyFigures
from genaiops_core.telemetry.time_window import Filters
from pages.parts.charts import unfinished
from pages.parts.traffic import overview_view
from tests.integration.screens import open_screen, read_texts

TRIGGERS = {trigger.metric: trigger for trigger in policy.default().triggers}


def build_health(
    name: str, state: healths.State, *, requests: int = 100, breached: tuple[str, ...] = ()
) -> Health:
    return Health(
        application=name,
        state=state,
        breaches=tuple(
            healths.Breach(trigger=TRIGGERS[metric], value=9_000.0, sample=requests)  # type: ignore[index]
            for metric in breached
        ),
        figures=PolicyFigures(
            requests=requests, error_rate=None, p95_latency=None, cost_per_request=None,
            avg_quality_score=None, scores=0,
        ),
        traffic=None,
        open_incidents=int(state == "incident"),
        rollout=None,
    )  # fmt: skip


def test_applications_are_ordered_by_trouble() -> None:
    ordered = [
        build_health("f", "incident"),
        build_health("e", "degraded", breached=("p95_latency", "error_rate")),
        build_health("d", "degraded", breached=("p95_latency",), requests=900),
        build_health("c", "degraded", breached=("p95_latency",), requests=80),
        build_health("b", "healthy"),
        build_health("a", "no traffic", requests=0),
    ]
    assert healths.rank_by_trouble(reversed(ordered)) == ordered


@pytest.mark.parametrize(
    ("health", "screen"),
    [
        (build_health("a", "incident", breached=("p95_latency",)), "incidents"),
        (build_health("a", "degraded", breached=("p95_latency",)), "latency"),
        (build_health("a", "degraded", breached=("cost_per_request",)), "cost"),
        (build_health("a", "degraded", breached=("avg_quality_score",)), "quality"),
        (build_health("a", "degraded", breached=("error_rate",)), "traces"),
        (build_health("a", "healthy"), "traces"),
    ],
)
def test_evidence_is_the_screen_of_the_breach(health: Health, screen: str) -> None:
    name, parameters = overview_view.find_evidence(health)
    assert (name, parameters["application"]) == (screen, "a")


def test_trouble_names_figure_and_threshold() -> None:
    health = build_health("a", "incident", breached=("p95_latency",))
    assert overview_view.describe_trouble(health) == "1 open incident, p95 9.00 s > 5.00 s"


def test_application_with_an_incident_is_first(demo_engine: sa.Engine) -> None:
    with writing(demo_engine) as connection:
        incidents.open_incident(
            connection, actor="ada", application="claims-summarizer", title="wrong sums", severity="high",
            trigger="manual", metrics={},
        )  # fmt: skip
    screen = open_screen("overview")
    table = screen.dataframe[0].value
    assert table["application"][0] == "claims-summarizer"
    assert table["trouble"][0] == "1 open incident"
    assert "p95 latency, claims-summarizer" in read_texts(screen)
    links = {element.proto.label: element.proto.page for element in screen.get("page_link")}
    assert any("1 open incident" in label for label in links)


def test_change_from_few_requests_is_not_shown(demo_engine: sa.Engine) -> None:
    # The demo is a week old, so nothing was received in the 30 days before these 30 days.
    screen = open_screen("overview", window="30d")
    assert all("too few to compare" in metric.delta for metric in screen.metric[1:4] if metric.delta)
    assert not any("%" in str(metric.delta) for metric in screen.metric)


def test_unfinished_step_is_left_out_of_a_trend() -> None:
    at = now()
    values = [1.0, 2.0, 3.0]
    assert unfinished.drop_unfinished(Filters.last("24h", now=at), values, at) == [1.0, 2.0]
    yesterday = Filters.last("24h", now=at - dt.timedelta(days=1))
    assert unfinished.drop_unfinished(yesterday, values, at) == values
