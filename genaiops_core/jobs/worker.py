"""The worker: runs evaluations, closes hours, watches canaries. Any number of them share one database."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
from types import FrameType

import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core import logs
from genaiops_core.clock import now
from genaiops_core.evaluation.runs.session_pool import SessionPool
from genaiops_core.jobs import evaluation_workflows, heartbeat
from genaiops_core.jobs.evaluating import Runs
from genaiops_core.jobs.heartbeat import is_beating
from genaiops_core.jobs.invocation_log_pull import InvocationLogPull
from genaiops_core.jobs.periodic import Periodic
from genaiops_core.jobs.retention import RetentionRun
from genaiops_core.jobs.sampling import Choosing, Scoring
from genaiops_core.jobs.system import JobEngine
from genaiops_core.logs import get_logger
from genaiops_core.rollbacks import policy, watch
from genaiops_core.settings import Settings
from genaiops_core.telemetry.ingest.entry_spans.late_entries import settle_requests
from genaiops_core.telemetry.ingest.ingest import SHARDS
from genaiops_core.telemetry.invocation_logs.sources import parse_source
from genaiops_core.telemetry.rollups.closing import close_hours
from genaiops_core.telemetry.rollups.usage import close_days

__all__ = ["is_beating", "run"]

QUEUE_SECONDS = 0.5
REAP_SECONDS = 2.0
PAUSE_CHECK_SECONDS = 10.0
ADOPT_SECONDS = 30.0
CLOSE_SECONDS = 30.0
SETTLE_SECONDS = 5.0
WATCH_SECONDS = 10.0
FORGET_SECONDS = 3600.0
RETENTION_SECONDS = 60.0
SAMPLE_SECONDS = 2.0
STOP_SECONDS = 2.5
"""Maximum time for running calls to end when the worker stops."""

log = get_logger()


def run(settings: Settings, stopping: threading.Event | None = None) -> None:
    """Work until SIGTERM, SIGINT or `stopping`; returns within five seconds of it.

    Args:
        settings: with the database.
        stopping: stops the worker when set; in the main thread signals set it too.
    """
    logs.configure(settings.log_level)
    stopping = stopping or threading.Event()
    if threading.current_thread() is threading.main_thread():
        _stop_on_signals(stopping)
    if settings.invocation_logs:
        parse_source(settings.invocation_logs)  # an invalid setting is reported before any work is taken
    engine = make_engine(settings.url)
    upgrade(engine)
    executor_id = heartbeat.new_executor_id(now())
    jobs = JobEngine(settings.url, executor_id)
    sessions = SessionPool(engine, executor_id, lambda connection: heartbeat.alive_workers(connection, now()))
    runs = Runs(engine, jobs, evaluation_workflows.register(engine, sessions))
    # The first heartbeat precedes any work: without it another worker would take the work over.
    heartbeat.beat(engine, executor_id, now())
    jobs.start()
    tasks = _tasks(engine, executor_id, runs, settings, stopping)
    for task in tasks:
        task.start()
    threading.Thread(target=runs.load_libraries, name="load libraries", daemon=True).start()
    log.info("worker started", executor=executor_id)
    stopping.wait()
    log.info("worker stopping", executor=executor_id)
    for task in tasks:
        task.stop()
    # After the tasks, which use the job engine.
    jobs.stop()
    # After the job engine: the unfinished work of a session must not be recorded as done.
    sessions.stop(STOP_SECONDS)
    heartbeat.forget(engine, executor_id)
    engine.dispose()
    log.info("worker stopped", executor=executor_id)


def _tasks(
    engine: sa.Engine, executor_id: str, runs: Runs, settings: Settings, stopping: threading.Event
) -> list[Periodic]:
    tasks = [
        Periodic("beat", heartbeat.BEAT_SECONDS, lambda: heartbeat.beat(engine, executor_id, now())),
        Periodic("start queued evaluations", QUEUE_SECONDS, runs.start_queued),
        Periodic("reap dead workers", REAP_SECONDS, runs.reap),
        Periodic("pause the job engine", PAUSE_CHECK_SECONDS, runs.pause_when_idle),
        Periodic("adopt evaluations", ADOPT_SECONDS, runs.adopt),
        Periodic("forget old runs", FORGET_SECONDS, runs.forget_old),
        Periodic("settle requests", SETTLE_SECONDS, lambda: _settle(engine, settings)),
        Periodic("close hours", CLOSE_SECONDS, lambda: close_hours(engine, now())),
        Periodic("add up users' days", CLOSE_SECONDS, lambda: close_days(engine, now())),
        Periodic("watch rollouts", WATCH_SECONDS, lambda: _watch(engine)),
        Periodic("delete old data", RETENTION_SECONDS, RetentionRun(engine, settings, stopping)),
        Periodic("choose samples", SAMPLE_SECONDS, Choosing(engine, settings, stopping)),
    ]
    if settings.sample_judge:
        tasks.append(Periodic("score samples", SAMPLE_SECONDS, Scoring(engine, settings, stopping)))
    if settings.invocation_logs:
        every_s = settings.invocation_logs_interval_s
        tasks.append(Periodic("pull invocation logs", every_s, InvocationLogPull(engine, settings, stopping)))
    return tasks


def _settle(engine: sa.Engine, settings: Settings) -> None:
    grace = dt.timedelta(seconds=settings.root_span_grace_s)
    settle_requests(engine, now(), grace=grace, shard=os.getpid() % SHARDS)


def _watch(engine: sa.Engine) -> None:
    for firing in watch.watch(engine, now(), policy.default()):
        log.warning("rollback policy fired", firing=firing)


def _stop_on_signals(stopping: threading.Event) -> None:
    def _stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
