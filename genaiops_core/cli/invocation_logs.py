"""The sources of `genaiops import invocation-logs`: files and folders, a bucket, or a log group."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genaiops_core.cli import context
from genaiops_core.errors import BadInput, Conflict


def import_sources(sources: Sequence[str], application: str | None) -> dict[str, Any]:
    """Import every source; return the counts, the first problems and a retention warning.

    Raises:
        BadInput: no entry could be imported, or a source does not exist.
        Conflict: another process is pulling the same source.
    """
    from genaiops_core.jobs.invocation_log_pull import pull_once
    from genaiops_core.telemetry.ingest.ingest import SHARDS
    from genaiops_core.telemetry.invocation_logs.importer import Importer
    from genaiops_core.telemetry.invocation_logs.reader import find_log_files, read_file
    from genaiops_core.telemetry.invocation_logs.sources import is_source, parse_source

    limit = context.settings().rollup_model_limit
    remote = [parse_source(source) for source in sources if is_source(source)]
    # Every file is looked up before the first is imported, so that an error imports nothing.
    files = find_log_files(Path(source) for source in sources if not is_source(source))
    engine = context.engine()
    importer = Importer(engine, application=application, shard=os.getpid() % SHARDS, model_limit=limit)
    for file in files:
        importer.import_entries(read_file(file, application=application))
    counts, objects = importer.counts, len(files)
    for source in remote:
        pulled = pull_once(engine, source, application=application, model_limit=limit)
        if pulled.is_busy:
            raise Conflict(f"A worker is pulling {source.url} now; try again in a minute.")
        counts, objects = counts.add(pulled.counts), objects + pulled.objects
    if counts.rejected and counts.rejected == counts.entries:
        raise BadInput(f"No entry could be imported: {counts.problems[0]}.")
    return {"files": objects, **counts.as_json(), "warning": _warn_of_retention(counts.oldest)}


def _warn_of_retention(oldest: dt.datetime | None) -> str:
    """Warn of imported calls that retention will delete; '' when all are recent enough."""
    from genaiops_core.clock import now

    if oldest is None:
        return ""
    age = (now() - oldest).days
    shorter = {name: days for name, days in context.settings().retention.items() if 0 < days < age}
    # Minutes are joined to hours, so nothing is lost.
    shorter.pop("minute_days", None)
    if not shorter:
        return ""
    settings_text = ", ".join(
        f"GENAIOPS_RETENTION_{name.upper()} is {days}" for name, days in shorter.items()
    )
    return f"The oldest call is from {oldest:%Y-%m-%d}; the worker deletes data past its retention period: {settings_text}."
