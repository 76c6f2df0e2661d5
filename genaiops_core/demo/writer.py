"""Write the demo: three applications with 30 days of traffic, releases, rollouts and evaluations."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from db.tables.evaluations import dataset
from db.tables.releases import release
from db.tables.telemetry import application, feedback
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.demo import claim, evaluations, removal
from genaiops_core.demo.arrivals import generate_arrivals
from genaiops_core.demo.history import HistoryWriter
from genaiops_core.demo.profiles import APPLICATIONS, ENVIRONMENT, JUDGE, NAMES, ApplicationProfile
from genaiops_core.demo.traces import DemoTrace, TraceBuilder, resource
from genaiops_core.errors import Conflict
from genaiops_core.telemetry.ingest.ingest import SHARDS, Ingestor
from genaiops_core.telemetry.otlp.decode import STATUS_ERROR, DecodedExport, RawSpan, SpanGroup
from genaiops_core.telemetry.rollups import closing
from genaiops_core.telemetry.scores import Score, record_scores
from genaiops_core.telemetry.spans import prepare_spans

DEFAULT_SEED = 1
ACTOR = "demo"
_TRACES_A_BATCH = 500
_STATUS_OK = 1


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """Result of `write_demo`; all counts are 0 when the demo existed before."""

    requests: int
    spans: int
    scores: int
    seconds: float
    was_present: bool
    seed: int
    """Seed of the existing demo, which may differ from the requested seed when `was_present`."""
    written_at: str


def is_written(connection: sa.Connection) -> bool:
    """Whether the demo is completely written."""
    return "written_at" in (claim.read(connection) or {})


def write_demo(engine: sa.Engine, now: dt.datetime, seed: int = DEFAULT_SEED) -> DemoReport:
    """Write the demo; a second call changes nothing and returns `was_present`.

    An incomplete demo is removed and written again.

    Args:
        engine: a migrated database.
        now: end of the traffic, with a time zone.
        seed: equal seeds and `now` give equal traffic.

    Raises:
        Conflict: a real application or dataset has a name of the demo.
    """
    started = time.monotonic()
    if not claim.take(engine, seed):
        return _describe_existing_demo(engine)
    try:
        with writing(engine) as connection:
            removal.erase(connection)
            _require_free_names(connection)
            _register(connection, now)
        counts = _Counts()
        for profile in APPLICATIONS:
            _write_traffic(engine, profile, now, seed, counts)
        # After the traffic: the rollback in the history measures it.
        for profile in APPLICATIONS:
            HistoryWriter(engine, profile, now).write()
        evaluations.write(engine, now, seed)
        closing.close_hours(engine, now)
    # Also after Ctrl-C: a part of the demo would look like a finished one.
    except BaseException:
        with writing(engine) as connection:
            removal.erase(connection)
            claim.release_claim(connection)
        raise
    written_at = now.isoformat(timespec="seconds")
    with writing(engine) as connection:
        claim.save(connection, {"seed": seed, "written_at": written_at})
        after = {
            "applications": list(NAMES),
            "requests": counts.requests,
            "spans": counts.spans,
            "seed": seed,
        }
        audit.record(connection, actor=ACTOR, action="demo.write", subject="demo", after=after)
    return DemoReport(
        requests=counts.requests,
        spans=counts.spans,
        scores=counts.scores,
        seconds=round(time.monotonic() - started, 2),
        was_present=False,
        seed=seed,
        written_at=written_at,
    )


@dataclass
class _Counts:
    requests: int = 0
    spans: int = 0
    scores: int = 0


def _describe_existing_demo(engine: sa.Engine) -> DemoReport:
    with reading(engine) as connection:
        value = claim.read(connection) or {}
    return DemoReport(
        requests=0,
        spans=0,
        scores=0,
        seconds=0.0,
        was_present=True,
        seed=value.get("seed", DEFAULT_SEED),
        written_at=value.get("written_at", ""),
    )


def _require_free_names(connection: sa.Connection) -> None:
    """Refuse to mix the demo with real data; the caller has deleted every demo row, so each match is real."""
    for table, column in ((application, application.c.application), (release, release.c.application)):
        taken = connection.execute(
            sa.select(column).select_from(table).where(column.in_(NAMES)).limit(1)
        ).scalar()
        if taken:
            raise Conflict(
                f"The database has an application '{taken}', a name that the demo uses; nothing was written. "
                "Write the demo to another database (GENAIOPS_DATABASE_URL)."
            )
    if connection.execute(sa.select(dataset.c.name).where(dataset.c.name == evaluations.DATASET)).first():
        raise Conflict(
            f"The database has a dataset '{evaluations.DATASET}', a name that the demo uses; nothing was written. "
            "Write the demo to another database (GENAIOPS_DATABASE_URL)."
        )


def _register(connection: sa.Connection, now: dt.datetime) -> None:
    """Register the applications as demo before ingest can register them as real."""
    first_seen_at = now - dt.timedelta(days=30)
    rows = [{"application": name, "is_demo": True, "first_seen_at": first_seen_at} for name in NAMES]
    connection.execute(sa.insert(application), rows)


def _write_traffic(
    engine: sa.Engine, profile: ApplicationProfile, now: dt.datetime, seed: int, counts: _Counts
) -> None:
    """Write the traffic of an application with scores and feedback, in a transaction per batch."""
    # The last shard: API processes take shards from 0 on and do not wait for locks of this one.
    ingestor = Ingestor(shard=SHARDS - 1, is_demo=True)
    for batch in _batches(_generate_traces(profile, now, seed)):
        ingestor.write(engine, [prepare_spans(as_decoded_export(profile.application, batch))])
        scores = _build_scores(batch)
        with writing(engine) as connection:
            record_scores(connection, scores)
            _add_feedback(connection, batch)
            # The heartbeat that makes other writers wait.
            claim.save(connection, {"seed": seed, "beat_at": time.time()})
        counts.requests += len(batch)
        counts.spans += sum(len(trace.spans) for trace in batch)
        counts.scores += len(scores)


def _generate_traces(profile: ApplicationProfile, now: dt.datetime, seed: int) -> Iterator[DemoTrace]:
    builder = TraceBuilder(profile, random.Random(f"{seed}/{profile.application}/traces"))
    releases = {each.release: each for each in profile.releases}
    for arrival in generate_arrivals(profile, now, seed):
        yield builder.build(arrival, releases[arrival.release])


def _batches(traces: Iterator[DemoTrace]) -> Iterator[list[DemoTrace]]:
    while batch := list(islice(traces, _TRACES_A_BATCH)):
        yield batch


def as_decoded_export(name: str, traces: Sequence[DemoTrace]) -> DecodedExport:
    """Convert traces into the form that ingest gets after decoding an export of application `name`."""
    spans = [
        RawSpan(
            trace.trace_id,
            span.span_id,
            span.parent_span_id,
            span.name,
            span.start_ns,
            span.end_ns,
            span.attributes,
            status_code=STATUS_ERROR if span.error else _STATUS_OK,
            status_message=span.error,
        )
        for trace in traces
        for span in trace.spans
    ]
    return DecodedExport(
        groups=[SpanGroup(dict(resource(name)), {"name": "genaiops.demo", "version": ""}, spans)]
    )


def _build_scores(traces: Sequence[DemoTrace]) -> list[Score]:
    return [
        Score(
            application=trace.application,
            trace_id=trace.trace_id,
            metric=score.metric,
            judge=JUDGE,
            value=score.value,
            reason=score.reason,
            start_ns=trace.start_ns,
            environment=ENVIRONMENT,
            release=trace.release,
        )
        for trace in traces
        for score in trace.scores
    ]


def _add_feedback(connection: sa.Connection, traces: Sequence[DemoTrace]) -> None:
    rows = [
        {
            "trace_id": trace.trace_id,
            "user_id": trace.user_id,
            "rating": None,
            "thumb": trace.thumb,
            "comment": "",
            "received_at": dt.datetime.fromtimestamp(trace.spans[0].end_ns / 1e9 + 5, dt.UTC),
        }
        for trace in traces
        if trace.thumb
    ]
    if rows:
        connection.execute(sa.insert(feedback), rows)
