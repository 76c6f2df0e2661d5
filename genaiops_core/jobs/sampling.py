"""The worker's part in judging production traffic: choosing requests, and scoring those chosen."""

from __future__ import annotations

import asyncio
import threading
import time

import sqlalchemy as sa

from genaiops_core.clock import now
from genaiops_core.evaluation.judges import create_judge
from genaiops_core.evaluation.production.judging import require_usable
from genaiops_core.evaluation.production.scoring import Limits, has_queued, score_round
from genaiops_core.settings import Settings
from genaiops_core.telemetry.sampling import selection
from genaiops_core.telemetry.sampling.policy import Policy

_SLICE_SECONDS = 5.0
"""An imported history is considered in slices of this time, so that a stop does not wait for all of it."""


def policy_of(settings: Settings) -> Policy:
    """The sampling policy of the settings."""
    return Policy(
        rate=settings.sample_rate, cost_usd=settings.sample_cost_usd, latency_ms=settings.sample_latency_ms
    )


def limits_of(settings: Settings) -> Limits:
    """The limits of production scoring in the settings."""
    return Limits(
        daily_budget_nano_usd=round(settings.sample_daily_budget_usd * 1e9),
        per_minute=settings.sample_per_minute,
    )


class Choosing:
    """Considers new requests, slice by slice."""

    def __init__(self, engine: sa.Engine, settings: Settings, stopping: threading.Event) -> None:
        self._engine = engine
        self._policy = policy_of(settings)
        self._stopping = stopping

    def __call__(self) -> None:
        """Consider requests until none is left or the slice has ended."""
        began = time.monotonic()
        while not self._stopping.is_set() and time.monotonic() - began < _SLICE_SECONDS:
            step_began = time.monotonic()
            if not selection.consider(self._engine, self._policy, now()).has_more:
                return
            # Pause as long as the lock was held, so that ingest gets at least half of the time.
            self._stopping.wait(time.monotonic() - step_began)


class Scoring:
    """Scores the sampled requests."""

    def __init__(self, engine: sa.Engine, settings: Settings, stopping: threading.Event) -> None:
        """Read the settings.

        Raises:
            BadInput: `GENAIOPS_SAMPLE_JUDGE` names no judge, one whose daily budget cannot be kept, or one whose
                metrics need a library that is not installed.
        """
        self._engine = engine
        self._name = settings.sample_judge
        self._limits = limits_of(settings)
        self._stopping = stopping
        require_usable(engine, create_judge(self._name), self._limits.daily_budget_nano_usd)

    def __call__(self) -> None:
        """Score requests until the queue is empty or a limit is reached."""
        if not has_queued(self._engine):
            return
        # Connections of a judge belong to an event loop, so both are created and closed together.
        sample_judge = create_judge(self._name)
        with asyncio.Runner() as runner:
            while not self._stopping.is_set():
                done = score_round(
                    self._engine,
                    sample_judge,
                    self._limits,
                    now(),
                    is_stopping=self._stopping.is_set,
                    runner=runner,
                )
                if not done.scored or done.is_out_of_budget:
                    break
            if sample_judge.model is not None:
                runner.run(sample_judge.model.close())
