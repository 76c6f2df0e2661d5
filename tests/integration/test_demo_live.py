"""The live application and the example application against a real server."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from db.transaction import reading
from genaiops_core.cli.main import app
from genaiops_core.clock import now
from genaiops_core.demo import live, profiles, writer
from genaiops_core.demo.live import LiveApplication
from genaiops_core.demo.writer import write_demo
from genaiops_core.errors import NotFound, Unavailable
from genaiops_core.rollbacks import policy, procedure, watch
from genaiops_core.rollouts import rollouts
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic import queries
from tests.integration.routing_server import run_server, wait_until_routed
from tests.waiting import LIMIT_S

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    applications = tuple(
        replace(profile, requests_per_day=1, recent_requests=24) for profile in profiles.APPLICATIONS
    )
    monkeypatch.setattr(writer, "APPLICATIONS", applications)


@pytest.fixture
def address(sqlite_engine: sa.Engine) -> Iterator[str]:
    """A server on a database that holds the demo."""
    write_demo(sqlite_engine, now())
    with run_server(sqlite_engine.url.render_as_string(hide_password=False)) as url:
        yield url


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=LIMIT_S) as opened:
        yield opened


class Clock:
    """Seconds that pass only when somebody sleeps, so that a minute of traffic takes no minute."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def run(application: LiveApplication, seconds: float) -> list[live.LiveSecond]:
    clock = Clock()
    return list(application.run(seconds, clock=clock, sleep=clock.sleep))


def test_live_traffic_follows_canary_share_and_rollback(
    sqlite_engine: sa.Engine, client: httpx.Client
) -> None:
    application = LiveApplication(client, rng=random.Random(1))
    seconds = run(application, 20)
    share = sum(each.canary_requests for each in seconds) / sum(each.routed for each in seconds)
    assert share == pytest.approx(0.25, abs=0.12)
    assert {each.canary for each in seconds} <= {"v15", ""}

    wide = rollouts.set_canary(sqlite_engine, actor="linus", application="support-agent", percent=100)
    wait_until_routed(client, wide.version, application="support-agent")
    assert all(each.canary_requests == each.routed for each in run(application, 2))

    back = procedure.roll_back(
        sqlite_engine, actor="linus", application="support-agent", reason="it is worse"
    )
    wait_until_routed(client, back.routing_version, application="support-agent")
    assert all(each.canary_requests == 0 for each in run(application, 2))


def test_live_spans_count_once_and_show_a_worse_canary(
    sqlite_engine: sa.Engine, client: httpx.Client
) -> None:
    started = now()
    sent = sum(each.requests for each in run(LiveApplication(client), 40))
    # A second run must not look like a repetition of the first.
    sent += sum(each.requests for each in run(LiveApplication(client), 20))
    window = {"start": started - dt.timedelta(minutes=2), "end": now() + dt.timedelta(minutes=1)}
    with reading(sqlite_engine) as connection:
        all_of_it = queries.read_summary(connection, Filters(**window)).requests
        stable = queries.read_summary(
            connection, Filters(**window, application="support-agent", release="v14")
        )
        canary = queries.read_summary(
            connection, Filters(**window, application="support-agent", release="v15")
        )
    assert sent <= all_of_it <= sent + 24
    assert stable.latency_ms["p50"] and canary.latency_ms["p50"]
    assert canary.latency_ms["p50"] > 1.2 * stable.latency_ms["p50"]


def test_only_an_outage_fires_a_trigger_on_the_live_canary(
    sqlite_engine: sa.Engine, client: httpx.Client
) -> None:
    rules = policy.default()
    application = LiveApplication(client, rng=random.Random(2))
    for _ in range(12):
        run(application, 5)
        assert watch.watch(sqlite_engine, now(), rules) == []

    run(LiveApplication(client, is_outage=True), 60)
    (firing,) = watch.watch(sqlite_engine, now(), rules)
    assert (firing.application, firing.release, firing.trigger.name) == (
        "support-agent",
        "v15",
        "high_error_rate",
    )


def test_an_unknown_release_behaves_like_the_stable_one() -> None:
    known = live._find_release_profile(profiles.SUPPORT_AGENT, {"release": "v15"})
    unknown = live._find_release_profile(
        profiles.SUPPORT_AGENT, {"release": "v99", "model_id": "amazon.nova-lite-v1:0"}
    )
    assert known.error_share == 0.03
    assert (unknown.release, unknown.model) == ("v99", "amazon.nova-lite-v1:0")
    assert unknown.error_share == profiles.SUPPORT_AGENT.release("v14").error_share


def test_missing_demo_names_the_next_command(sqlite_engine: sa.Engine) -> None:
    with (
        run_server(sqlite_engine.url.render_as_string(hide_password=False)) as url,
        httpx.Client(base_url=url, timeout=LIMIT_S) as client,
        pytest.raises(NotFound, match="genaiops demo"),
    ):
        run(LiveApplication(client), 1)


def test_unavailable_api_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([503, 503, 200])

    def handler(request: httpx.Request) -> httpx.Response:
        status = next(answers, 200)
        headers = {"Retry-After": "0"} if status == 503 else {}
        value = {"release": "v14", "model_id": "m", "prompts": {}, "parameters": {}, "variant": "stable"}
        return httpx.Response(status, headers=headers, json={"value": value})

    with httpx.Client(transport=httpx.MockTransport(handler), base_url="http://api") as client:
        assert [each.requests for each in run(LiveApplication(client), 1)] == [live.REQUESTS_PER_SECOND]

    monkeypatch.setattr(live, "_RETRY_TIMEOUT_S", 0.0)
    with (
        httpx.Client(base_url="http://127.0.0.1:9") as client,
        pytest.raises(Unavailable, match="genaiops up"),
    ):
        run(LiveApplication(client), 1)


def test_ctrl_c_ends_the_command_cleanly(sqlite_engine: sa.Engine, address: str) -> None:
    environment = {
        **os.environ,
        "GENAIOPS_DATABASE_URL": sqlite_engine.url.render_as_string(hide_password=False),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "genaiops_core.cli.main", "demo", "--live", "60", "--api", address],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "support-agent" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    printed, problems = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert "requests sent" in printed
    assert problems == ""


def test_demo_command_reports_its_result() -> None:
    cli = CliRunner()
    assert "Wrote the demo" in cli.invoke(app, ["demo"]).output
    assert "already exists" in cli.invoke(app, ["demo", "--seed", "7"]).output
    assert '"was_present": true' in cli.invoke(app, ["demo", "--json"]).output
    assert "Removed the demo" in cli.invoke(app, ["demo", "--remove"]).output
    assert "There is no demo" in cli.invoke(app, ["demo", "--remove"]).output
    assert cli.invoke(app, ["demo", "--remove", "--live", "1"]).exit_code != 0
    assert cli.invoke(app, ["demo", "--outage"]).exit_code != 0


def test_example_application_follows_its_flag(sqlite_engine: sa.Engine, address: str) -> None:
    started = now()
    for name in ("support-agent", "rag-example"):
        done = subprocess.run(
            [
                sys.executable,
                ROOT / "examples" / "rag_app.py",
                "--api",
                address,
                "--application",
                name,
                "--requests",
                "20",
            ],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 20
        with reading(sqlite_engine) as connection:
            window = Filters(start=started, end=now() + dt.timedelta(minutes=1), application=name)
            rows = queries.read_breakdown(connection, window, by=("release",))
            seen = {row.keys["release"]: row.figures for row in rows}
        releases = {line.split()[1] for line in done.stdout.splitlines()}
        assert releases <= set(seen)
        assert sum(seen[release].requests for release in releases) >= 20
        assert all(figures.unpriced_calls == 0 and figures.latency_ms["p50"] for figures in seen.values())
    assert releases == {"unrouted"}
