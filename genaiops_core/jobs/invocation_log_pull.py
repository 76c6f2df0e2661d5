"""Pulls invocation logs in the worker: reads the settings and builds the AWS client."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import sqlalchemy as sa

from genaiops_core.logs import get_logger
from genaiops_core.settings import Settings
from genaiops_core.telemetry.invocation_logs.pull import PullReport, pull
from genaiops_core.telemetry.invocation_logs.sources import Source, parse_source

log = get_logger()


class InvocationLogPull:
    """One pull, called periodically; when `stopping` is set, it ends after the current object."""

    def __init__(self, engine: sa.Engine, settings: Settings, stopping: threading.Event) -> None:
        """Read the settings.

        Raises:
            BadInput: `GENAIOPS_INVOCATION_LOGS` is not a source.
        """
        self._engine = engine
        self._model_limit = settings.rollup_model_limit
        self._source: Source = parse_source(settings.invocation_logs)
        self._stopping = stopping

    def __call__(self) -> PullReport:
        """Import the new entries."""
        pulled = pull_once(
            self._engine, self._source, model_limit=self._model_limit, is_stopping=self._stopping.is_set
        )
        if pulled.counts.entries:
            counts = pulled.counts.as_json(problems=3)
            log.info("invocation logs were pulled", source=pulled.source, objects=pulled.objects, **counts)
        return pulled


def pull_once(
    engine: sa.Engine,
    source: Source,
    *,
    model_limit: int,
    application: str | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> PullReport:
    """Build the client of `source` from the environment and import the new entries."""
    # A local import: without this setting no process loads the AWS SDK.
    from genaiops_core.aws.clients import client
    from genaiops_core.telemetry.ingest.ingest import SHARDS

    return pull(
        engine,
        source,
        client(source.kind),
        application=application,
        shard=os.getpid() % SHARDS,
        model_limit=model_limit,
        is_stopping=is_stopping,
    )
