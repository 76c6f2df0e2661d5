"""Rollbacks: until OFREP and the read API answer with the stable release."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import sqlalchemy as sa

from benchmarks.bench_routing import APP, _start_canary
from benchmarks.reactions.processes import POLL_S, measure_s
from genaiops_core.rollbacks import procedure
from genaiops_core.rollouts.routing_cache import POLL_S as ROUTING_POLL_S
from tests.waiting import wait_for

# The commit comes at a random moment of the poll.
_random_moment = random.Random(7).uniform


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """Seconds since the commit of a rollback by another process, and of one request of each kind before it."""

    ofrep_s: float
    reads_s: float
    one_ofrep_s: float
    one_read_s: float


def start_stable(engine: sa.Engine) -> None:
    """The first release of the application."""
    _start_canary(engine, "v1")


def roll_back(engine: sa.Engine, api: httpx.Client, release: str) -> Rollback:
    """Start `release` as canary, and roll back with a transaction of this process."""
    user = _start(engine, api, release)
    one_ofrep_s = measure_s(lambda: _is_stable(api, user))
    one_read_s = measure_s(lambda: _are_reads_stable(api))
    time.sleep(_random_moment(0, ROUTING_POLL_S))
    procedure.roll_back(engine, actor="bench", application=APP, reason="benchmark")
    committed_at = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        reads = pool.submit(_wait_s, lambda: _are_reads_stable(api), committed_at)
        ofrep_s = _wait_s(lambda: _is_stable(api, user), committed_at)
        return Rollback(
            ofrep_s=ofrep_s, reads_s=reads.result(), one_ofrep_s=one_ofrep_s, one_read_s=one_read_s
        )


def roll_back_over_http(engine: sa.Engine, api: httpx.Client, release: str) -> float:
    """The same over HTTP; seconds from the answer until OFREP and reads of the same process are stable."""
    user = _start(engine, api, release)
    api.post(f"/api/v1/rollouts/{APP}/rollback", json={"reason": "benchmark"}).raise_for_status()
    return _wait_s(lambda: _is_stable(api, user) and _are_reads_stable(api), time.perf_counter())


def _start(engine: sa.Engine, api: httpx.Client, release: str) -> str:
    """Start a canary; returns a user who gets it."""
    _start_canary(engine, release)
    return wait_for(lambda: _find_canary_user(api), interval_s=POLL_S)


def _find_canary_user(api: httpx.Client) -> str:
    """A user whose release is the canary; '' while there is no canary."""
    users = (f"user-{number}" for number in range(100))
    return next((user for user in users if _fetch_variant(api, user) == "canary"), "")


def _is_stable(api: httpx.Client, user: str) -> bool:
    return _fetch_variant(api, user) == "stable"


def _fetch_variant(api: httpx.Client, user: str) -> str:
    context = {"application": APP, "targetingKey": user}
    answer = api.post("/ofrep/v1/evaluate/flags/release", json={"context": context}).json()
    return str(answer.get("variant"))


def _are_reads_stable(api: httpx.Client) -> bool:
    rollouts = api.get("/api/v1/rollouts", params={"application": APP}).json()["rollouts"]
    applications = api.get("/api/v1/applications", params={"application": APP}).json()["applications"]
    return [row["canary"] for row in (*rollouts, *applications)] == [None, None]


def _wait_s(is_done: Callable[[], bool], since: float) -> float:
    """Seconds from `since` until `is_done`."""
    wait_for(is_done, interval_s=POLL_S)
    return time.perf_counter() - since
