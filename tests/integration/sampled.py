"""Sampled demo requests for tests of judging and reviews."""

from __future__ import annotations

import datetime as dt
import random

import sqlalchemy as sa

from genaiops_core.demo.arrivals import Arrival
from genaiops_core.demo.profiles import SUPPORT_AGENT
from genaiops_core.demo.traces import DemoTrace, TraceBuilder
from genaiops_core.demo.writer import as_decoded_export
from genaiops_core.telemetry.ingest.ingest import ingest
from genaiops_core.telemetry.sampling import selection
from genaiops_core.telemetry.sampling.policy import Policy
from genaiops_core.telemetry.time_window import Filters

START = dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)
DAY = Filters(start=dt.datetime(2026, 1, 5, tzinfo=dt.UTC), end=dt.datetime(2026, 1, 6, tzinfo=dt.UTC))
APPLICATION = SUPPORT_AGENT.application


def traces(count: int, *, users: int = 4, seed: int = 7) -> list[DemoTrace]:
    """Requests that succeeded, a minute apart."""
    release = SUPPORT_AGENT.releases[0]
    builder = TraceBuilder(SUPPORT_AGENT, random.Random(seed))
    start_ns = int(START.timestamp()) * 10**9
    return [
        builder.build(
            Arrival(
                start_ns=start_ns + number * 60 * 10**9,
                user_id=f"user-{number % users}",
                session_id=f"session-{number}",
                release=release.release,
                phase_share=0.5,
            ),
            release,
            fails=False,
        )
        for number in range(count)
    ]


def ingest_and_sample(engine: sa.Engine, requests: list[DemoTrace], *, rate: float = 1.0) -> None:
    """Ingest and sample them."""
    ingest(engine, as_decoded_export(APPLICATION, requests))
    policy = Policy(rate=rate, latency_ms=10**9)
    selection.consider(engine, policy, NOW - dt.timedelta(seconds=20))
    assert selection.consider(engine, policy, NOW).requests == len(requests)
