"""The worker: runs evaluations, closes hours, watches canaries. Any number of them share one database."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import sqlalchemy as sa
import structlog

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core.clock import now
from genaiops_core.jobs import heartbeat, logs, system
from genaiops_core.jobs.evaluating import Runs
from genaiops_core.jobs.heartbeat import is_beating
from genaiops_core.jobs.periodic import Periodic
from genaiops_core.rollbacks import policy, watch
from genaiops_core.settings import Settings
from genaiops_core.telemetry.closing import close_hours

__all__ = ["is_beating", "run"]

QUEUE_SECONDS = 0.5
REAP_SECONDS = 2.0
ADOPT_SECONDS = 30.0
CLOSE_SECONDS = 30.0
WATCH_SECONDS = 10.0
FORGET_SECONDS = 3600.0

log = structlog.get_logger()


def run(settings: Settings, stopping: threading.Event | None = None) -> None:
    """Work until SIGTERM, SIGINT or `stopping`; returns within five seconds of it.

    Args:
        settings: whose database is worked on.
        stopping: ends the work when set; signals set it too where this is the main thread.
    """
    logs.configure(settings.log_level)
    stopping = stopping or threading.Event()
    if threading.current_thread() is threading.main_thread():
        _stop_on_signals(stopping)
    engine = make_engine(settings.url)
    upgrade(engine)
    executor_id = heartbeat.new_executor_id(now())
    system.configure(settings.url, executor_id)
    runs = Runs(engine)
    # The first beat goes before any work is taken: without it another worker would take the work back.
    heartbeat.beat(engine, executor_id, now())
    system.start()
    tasks = _tasks(engine, executor_id, runs)
    for task in tasks:
        task.start()
    log.info("worker started", executor=executor_id)
    stopping.wait()
    log.info("worker stopping", executor=executor_id)
    for task in tasks:
        task.stop()
    system.stop()
    heartbeat.forget(engine, executor_id)
    engine.dispose()
    log.info("worker stopped", executor=executor_id)


def _tasks(engine: sa.Engine, executor_id: str, runs: Runs) -> list[Periodic]:
    return [
        Periodic("beat", heartbeat.BEAT_SECONDS, lambda: heartbeat.beat(engine, executor_id, now())),
        Periodic("start queued evaluations", QUEUE_SECONDS, runs.start_queued),
        Periodic("reap dead workers", REAP_SECONDS, runs.reap),
        Periodic("adopt evaluations", ADOPT_SECONDS, runs.adopt),
        Periodic("forget old runs", FORGET_SECONDS, runs.forget_old),
        Periodic("close hours", CLOSE_SECONDS, lambda: close_hours(engine, now())),
        Periodic("watch rollouts", WATCH_SECONDS, lambda: _watch(engine)),
    ]


def _watch(engine: sa.Engine) -> None:
    for firing in watch.watch(engine, now(), policy.default()):
        log.warning("rollback policy fired", firing=firing)


def _stop_on_signals(stopping: threading.Event) -> None:
    def _stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
