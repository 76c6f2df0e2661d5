"""Selects new requests to be judged. Each request is considered exactly once, also across restarts."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.engine import is_sqlite
from db.tables.reviews import sample, sample_cursor, sample_rollup_hour, sample_waiting
from db.tables.telemetry import feedback, request
from db.transaction import insert, reading, writing
from genaiops_core.telemetry.sampling import feedback_scores
from genaiops_core.telemetry.sampling.policy import Decision, Policy, RequestFacts, decide
from genaiops_core.telemetry.scores import NS_PER_HOUR, Score, replace_scores

SETTLING_TIME = dt.timedelta(seconds=10)
"""Wait after the arrival of a request, because later spans may still change its cost."""

MAX_WAIT = dt.timedelta(hours=6)
"""Maximum wait for a missing root span; after it the request is not sampled."""

CURSOR = "production"
_REQUESTS_PER_TRANSACTION = 1_000
_COLUMNS = (
    "id",
    "application",
    "trace_id",
    "start_ns",
    "duration_ns",
    "environment",
    "release",
    "cost_nano_usd",
)


@dataclass(frozen=True, kw_only=True)
class SelectionStep:
    """The result of one call of `consider`."""

    requests: int
    """Number of decisions."""
    sampled: int
    has_more: bool
    """Whether more requests are ready to be considered."""


def consider(
    engine: sa.Engine, policy: Policy, now: dt.datetime, *, limit: int = _REQUESTS_PER_TRANSACTION
) -> SelectionStep:
    """Decide on the next requests and queue those to be judged, in one transaction.

    Requests are considered in order of id, up to a mark that is at least `SETTLING_TIME` old. On PostgreSQL ids become
    visible out of order. The mark is used only after every transaction that was open when it was set has ended, so
    that no lower id can appear later. Requests without a root span wait in table `sample_waiting`.
    """
    with reading(engine) as connection:
        if not _has_work(connection):
            return SelectionStep(requests=0, sampled=0, has_more=False)
    with writing(engine) as connection:
        cursor = _lock_cursor(connection)
        rows: list[Any] = []
        has_more = False
        if cursor.mark_request_id > cursor.request_id and _has_settled(connection, cursor, now):
            is_new = request.c.id > cursor.request_id
            new_rows = connection.execute(
                _select_facts(sa.and_(is_new, request.c.id <= cursor.mark_request_id)).limit(limit)
            ).all()
            has_more = len(new_rows) == limit
            last_id = new_rows[-1].id if has_more else cursor.mark_request_id
            _update_cursor(connection, request_id=last_id)
            # The cursor passes requests without a root span, too; `sample_waiting` remembers them.
            rows += [row for row in new_rows if row.duration_ns is not None]
            _add_waiting(connection, [row for row in new_rows if row.duration_ns is None], now)
        if not has_more:
            _set_mark(connection, cursor, now)
            rows += _take_completed(connection, now, limit)
        sampled = _decide_and_store(connection, rows, policy, now)
    return SelectionStep(requests=len(rows), sampled=sampled, has_more=has_more)


def _has_work(connection: sa.Connection) -> bool:
    """Whether a request came since the last one decided on, or one waits; without the write lock."""
    if connection.scalar(sa.select(sample_waiting.c.request_id).limit(1)) is not None:
        return True
    decided = connection.scalar(sa.select(sample_cursor.c.request_id).where(sample_cursor.c.name == CURSOR))
    newest = connection.scalar(sa.select(sa.func.max(request.c.id)))
    return (newest or 0) > (decided or 0)


def lock_considered_position(connection: sa.Connection) -> int:
    """The last considered request id. A shared row lock stops `consider` until the transaction ends."""
    query = sa.select(sample_cursor.c.request_id).where(sample_cursor.c.name == CURSOR)
    return connection.scalar(query.with_for_update(read=True)) or 0


def count_considered(connection: sa.Connection, counts: Counter[tuple[str, int, str, str, int]]) -> None:
    """Add to `sample_rollup_hour`.

    Args:
        connection: of a `writing` transaction.
        counts: requests by (application, hour, environment, release, rate in millionths); may be negative. Rows are
            written in order of key, so that concurrent writers cannot deadlock.
    """
    if not counts:
        return
    names = ("application", "bucket", "environment", "release", "rate_ppm")
    statement = insert(connection, sample_rollup_hour)
    statement = statement.on_conflict_do_update(
        index_elements=names,
        set_={"requests": sample_rollup_hour.c.requests + statement.excluded.requests},
    )
    rows = [dict(zip(names, key, strict=True)) | {"requests": counts[key]} for key in sorted(counts)]
    connection.execute(statement, rows)


def build_sample_row(row: Any, decision: Decision, now: dt.datetime) -> dict[str, Any]:
    """The row of table `sample` for a request."""
    return {
        "application": row.application,
        "trace_id": row.trace_id,
        "reason": decision.reason,
        "priority": decision.priority,
        "rate_ppm": decision.rate_ppm,
        "state": "queued",
        "start_ns": row.start_ns,
        "environment": row.environment,
        "release": row.release,
        "selected_at": now,
        "cost_nano_usd": 0,
        "note": "",
    }


def _decide_and_store(
    connection: sa.Connection, rows: Sequence[Any], policy: Policy, now: dt.datetime
) -> int:
    if not rows:
        return 0
    feedback_by_trace = _read_feedback(connection, [row.trace_id for row in rows])
    counts: Counter[tuple[str, int, str, str, int]] = Counter()
    chosen: list[dict[str, Any]] = []
    scores: list[Score] = []
    for row in rows:
        trace_feedback = feedback_by_trace.get(row.trace_id, [])
        decision = decide(
            RequestFacts(
                trace_id=row.trace_id,
                cost_nano_usd=row.cost_nano_usd,
                duration_ns=row.duration_ns,
                is_new_user=bool(row.is_new_user),
                has_negative_feedback=any(entry.is_negative for entry in trace_feedback),
            ),
            policy,
        )
        hour = row.start_ns // NS_PER_HOUR
        counts[row.application, hour, row.environment, row.release, decision.rate_ppm] += 1
        if decision.should_evaluate:
            chosen.append(build_sample_row(row, decision, now))
        if trace_feedback:
            scores.append(feedback_scores.score_feedback(row, trace_feedback))
    # In the transaction that moves the cursor, so that each request is counted exactly once.
    count_considered(connection, counts)
    if chosen:
        connection.execute(insert(connection, sample).on_conflict_do_nothing(), chosen)
    replace_scores(connection, scores)
    return len(chosen)


def _read_feedback(
    connection: sa.Connection, traces: Sequence[str]
) -> dict[str, list[feedback_scores.Feedback]]:
    feedback_by_trace: dict[str, list[feedback_scores.Feedback]] = defaultdict(list)
    rows = connection.execute(sa.select(feedback).where(feedback.c.trace_id.in_(traces)))
    for row in rows:
        feedback_by_trace[row.trace_id].append(feedback_scores.build_feedback(row))
    return feedback_by_trace


def _select_facts(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Requests in order of id, with whether each is the first of its user in its application."""
    earlier = request.alias("earlier")
    is_earlier = sa.or_(
        earlier.c.start_ns < request.c.start_ns,
        sa.and_(earlier.c.start_ns == request.c.start_ns, earlier.c.trace_id < request.c.trace_id),
    )
    has_earlier_request = sa.exists().where(
        earlier.c.user_id == request.c.user_id,
        # Implied by `is_earlier`, but a range that the index on user and start can use.
        earlier.c.start_ns <= request.c.start_ns,
        earlier.c.application == request.c.application,
        is_earlier,
    )
    is_new_user = sa.and_(request.c.user_id != "", sa.not_(has_earlier_request)).label("is_new_user")
    return (
        sa.select(*[request.c[name] for name in _COLUMNS], is_new_user)
        .where(condition)
        .order_by(request.c.id)
    )


def _lock_cursor(connection: sa.Connection) -> Any:
    connection.execute(
        insert(connection, sample_cursor)
        .values(name=CURSOR, request_id=0, mark_request_id=0, mark_transaction=0)
        .on_conflict_do_nothing()
    )
    query = sa.select(sample_cursor).where(sample_cursor.c.name == CURSOR).with_for_update()
    return connection.execute(query).one()


def _update_cursor(connection: sa.Connection, **values: Any) -> None:
    connection.execute(sa.update(sample_cursor).where(sample_cursor.c.name == CURSOR).values(**values))


def _set_mark(connection: sa.Connection, cursor: Any, now: dt.datetime) -> None:
    """Store the newest request id as the mark up to which the next calls consider requests."""
    if cursor.mark_request_id > cursor.request_id and not _has_settled(connection, cursor, now):
        return
    newest = connection.scalar(sa.select(sa.func.max(request.c.id))) or 0
    if newest > cursor.mark_request_id:
        # Read after the newest id, so that a transaction with a lower id that is not visible yet is included.
        _, next_transaction = _read_transaction_bounds(connection)
        _update_cursor(connection, mark_request_id=newest, mark_transaction=next_transaction, marked_at=now)


def _has_settled(connection: sa.Connection, cursor: Any, now: dt.datetime) -> bool:
    marked_at: dt.datetime | None = cursor.marked_at
    if marked_at is None or now - marked_at < SETTLING_TIME:
        return False
    mark: int = cursor.mark_transaction
    oldest, next_transaction = _read_transaction_bounds(connection)
    # A mark above every transaction id comes from another server, of which this database is a complete restore.
    return oldest >= mark or mark > next_transaction


def _read_transaction_bounds(connection: sa.Connection) -> tuple[int, int]:
    """Ids of the oldest open transaction and of the next new one; (0, 0) on SQLite, which has one writer at a time."""
    if is_sqlite(connection):
        return 0, 0
    row = connection.execute(
        sa.text(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text"
        )
    ).one()
    return int(row[0]), int(row[1])


def _add_waiting(connection: sa.Connection, rows: Iterable[Any], now: dt.datetime) -> None:
    waiting = [
        {
            "request_id": row.id,
            "application": row.application,
            "trace_id": row.trace_id,
            "waits_since": now,
            "complete_at": None,
        }
        for row in rows
    ]
    if waiting:
        connection.execute(insert(connection, sample_waiting).on_conflict_do_nothing(), waiting)


def _take_completed(connection: sa.Connection, now: dt.datetime, limit: int) -> list[Any]:
    """Take the waiting requests whose root span arrived at least `SETTLING_TIME` ago; delete those past `MAX_WAIT`."""
    waiting = sample_waiting.c
    connection.execute(sa.delete(sample_waiting).where(waiting.waits_since < now - MAX_WAIT))
    has_root = sa.exists().where(request.c.id == waiting.request_id, request.c.duration_ns.is_not(None))
    connection.execute(
        sa.update(sample_waiting).where(waiting.complete_at.is_(None), has_root).values(complete_at=now)
    )
    due = sa.select(waiting.request_id).where(waiting.complete_at <= now - SETTLING_TIME)
    ids = connection.scalars(due.order_by(waiting.request_id).limit(limit)).all()
    if not ids:
        return []
    connection.execute(sa.delete(sample_waiting).where(waiting.request_id.in_(ids)))
    return list(connection.execute(_select_facts(request.c.id.in_(ids))).all())
