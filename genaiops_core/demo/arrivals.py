"""Arrivals of demo requests: time, user and release, as a pure function of a seed."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from genaiops_core.demo.profiles import ApplicationProfile, Phase
from genaiops_core.rollouts.routing import RoutingTable, Target, is_canary

DAYS = 30
_HOUR_NS = 3_600 * 10**9
_SETTLED_NS = 20 * 10**9
"""The last request starts this long before now, so that every span has ended when the demo is written."""

# Traffic by hour of the day (UTC), relative to the busiest hour: low at night, two peaks, a dip at noon.
_HOUR_WEIGHTS = (
    0.08, 0.06, 0.05, 0.05, 0.07, 0.14, 0.32, 0.62, 0.92, 1.00, 0.98, 0.86,
    0.72, 0.88, 0.96, 0.92, 0.82, 0.66, 0.50, 0.40, 0.32, 0.24, 0.16, 0.11,
)  # fmt: skip
_WEEKEND_WEIGHT = 0.35
_NEWEST_HOUR_FLOOR = 0.6
"""Lowest weight of the newest hour, so that the one-hour window has points also at night."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A request: start, user, conversation and release."""

    start_ns: int
    user_id: str
    session_id: str
    release: str
    phase_share: float
    """Elapsed share of its phase (see `Phase`), 0 to 1."""


def generate_arrivals(profile: ApplicationProfile, now: dt.datetime, seed: int) -> Iterator[Arrival]:
    """Generate the requests of the last 30 days, oldest hour first.

    The last 24 hours have `recent_requests`, earlier working days about `requests_per_day`.
    """
    # A generator per subject: a change of one application does not change the others.
    rng = random.Random(f"{seed}/{profile.application}/arrivals")
    now_ns = int(now.timestamp()) * 10**9
    recent = _spread(
        [_hour_weight(now - dt.timedelta(hours=back)) for back in range(24)], profile.recent_requests, rng
    )
    per_hour_weight = profile.requests_per_day / sum(_HOUR_WEIGHTS)
    for back in range(DAYS * 24 - 1, -1, -1):
        start_ns = now_ns - (back + 1) * _HOUR_NS
        if back < 24:
            count = recent[back]
        else:
            count = _round(
                _hour_weight(now - dt.timedelta(hours=back)) * per_hour_weight * rng.uniform(0.8, 1.2), rng
            )
        end_ns = min(start_ns + _HOUR_NS, now_ns - _SETTLED_NS)
        yield from _generate_conversations(
            profile, rng, now_ns=now_ns, start_ns=start_ns, end_ns=end_ns, count=count
        )


def find_phase(profile: ApplicationProfile, days_ago: float) -> tuple[Phase, float]:
    """Find the phase of that time, and its elapsed share (0 to 1)."""
    ends = [*[phase.from_days_ago for phase in profile.phases[1:]], 0.0]
    for phase, end in zip(reversed(profile.phases), reversed(ends), strict=True):
        if days_ago <= phase.from_days_ago:
            return phase, (phase.from_days_ago - days_ago) / (phase.from_days_ago - end)
    return profile.phases[0], 0.0


def _generate_conversations(
    profile: ApplicationProfile, rng: random.Random, *, now_ns: int, start_ns: int, end_ns: int, count: int
) -> Iterator[Arrival]:
    """Generate `count` requests in the hour, in conversations of one to four turns."""
    remaining = count
    while remaining > 0:
        turns = min(remaining, rng.choice((1, 1, 1, 2, 2, 3, 4)))
        remaining -= turns
        # A few users send many requests, most send few.
        user = int(profile.users * rng.random() ** 1.6)
        user_id = f"user-{user:04d}"
        session = f"{rng.getrandbits(64):016x}"
        at_ns = rng.randrange(start_ns, end_ns)
        for _turn in range(turns):
            phase, share = find_phase(profile, (now_ns - at_ns) / (24 * _HOUR_NS))
            yield Arrival(
                start_ns=at_ns,
                user_id=user_id,
                session_id=session,
                release=route_user(profile.application, phase, user_id),
                phase_share=share,
            )
            at_ns = min(at_ns + int(rng.uniform(20, 120) * 1e9), end_ns)


@cache
def route_user(application: str, phase: Phase, user_id: str) -> str:
    """The release of a user in a phase, by the routing of the product."""
    if not phase.canary:
        return phase.stable
    table = RoutingTable(
        application=application,
        version=1,
        stable=Target(release=phase.stable),
        canary=Target(release=phase.canary),
        canary_percent=phase.percent,
        salt=f"{application}:{phase.canary}",
    )
    return phase.canary if is_canary(table, user_id) else phase.stable


def _hour_weight(at: dt.datetime) -> float:
    weight = _HOUR_WEIGHTS[at.hour]
    return weight * _WEEKEND_WEIGHT if at.weekday() >= 5 else weight


def _spread(weights: list[float], total: int, rng: random.Random) -> list[int]:
    """Distribute `total` requests over the hours of the last day, newest first; every hour gets some."""
    raised = [max(weight, 0.12) for weight in weights]
    raised[0] = max(raised[0], _NEWEST_HOUR_FLOOR)
    scale = total / sum(raised)
    return [_round(weight * scale * rng.uniform(0.92, 1.08), rng) for weight in raised]


def _round(value: float, rng: random.Random) -> int:
    """Round up or down at random, so that the mean stays equal."""
    return int(value) + (rng.random() < value % 1)
