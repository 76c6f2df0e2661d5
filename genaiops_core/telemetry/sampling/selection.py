"""Going through new requests and choosing the ones to be judged: each is considered once, whatever is restarted."""

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
from db.transaction import insert, writing
from genaiops_core.telemetry.sampling import feedback_scores
from genaiops_core.telemetry.sampling.policy import Decision, Policy, RequestFacts, decide
from genaiops_core.telemetry.scores import NS_PER_HOUR, Score, replace_scores

SETTLING_TIME = dt.timedelta(seconds=10)
"""How long after a request was seen its other spans, which decide its cost, may still come."""

MAX_WAIT = dt.timedelta(hours=6)
"""How long a request is waited for whose root span is missing; it is not sampled after that."""

CURSOR = "production"
_REQUESTS_A_TRANSACTION = 1_000
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
    """What one step did."""

    requests: int
    """Decided on."""
    sampled: int
    has_more: bool
    """Whether there is more to do at once."""


def consider(
    engine: sa.Engine, policy: Policy, now: dt.datetime, *, limit: int = _REQUESTS_A_TRANSACTION
) -> SelectionStep:
    """Decide on the next requests and queue those to be judged, in one transaction.

    Requests are taken in the order of their ids, up to a mark that is as old as `SETTLES`. On PostgreSQL ids become
    visible out of order; the mark is only used once every transaction that was under way when it was made has ended,
    so nothing can appear below it any more. Requests without a root span wait apart.
    """
    with writing(engine) as connection:
        cursor = _locked_cursor(connection)
        rows: list[Any] = []
        is_more = False
        if cursor.mark_request_id > cursor.request_id and _has_settled(connection, cursor, now):
            new = request.c.id > cursor.request_id
            found = connection.execute(
                _facts_query(sa.and_(new, request.c.id <= cursor.mark_request_id)).limit(limit)
            ).all()
            is_more = len(found) == limit
            reached = found[-1].id if is_more else cursor.mark_request_id
            _move(connection, request_id=reached)
            rows += [row for row in found if row.duration_ns is not None]
            _wait_for(connection, [row for row in found if row.duration_ns is None], now)
        if not is_more:
            _mark(connection, cursor, now)
            rows += _arrived(connection, now, limit)
        sampled = _decide(connection, rows, policy, now)
    return SelectionStep(requests=len(rows), sampled=sampled, has_more=is_more)


def lock_considered_position(connection: sa.Connection) -> int:
    """Up to which request id it was decided; locked against `consider` until the transaction ends."""
    query = sa.select(sample_cursor.c.request_id).where(sample_cursor.c.name == CURSOR)
    return connection.scalar(query.with_for_update(read=True)) or 0


def count_considered(connection: sa.Connection, counts: Counter[tuple[str, int, str, str, int]]) -> None:
    """Add to `sample_rollup_hour`: (application, hour, environment, release, rate) -> requests, may be negative."""
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


def _decide(connection: sa.Connection, rows: Sequence[Any], policy: Policy, now: dt.datetime) -> int:
    if not rows:
        return 0
    told = _opinions(connection, [row.trace_id for row in rows])
    counts: Counter[tuple[str, int, str, str, int]] = Counter()
    chosen: list[dict[str, Any]] = []
    scores: list[Score] = []
    for row in rows:
        of_trace = told.get(row.trace_id, [])
        decision = decide(
            RequestFacts(
                trace_id=row.trace_id,
                cost_nano_usd=row.cost_nano_usd,
                duration_ns=row.duration_ns,
                is_new_user=bool(row.is_new_user),
                has_negative_feedback=any(one.is_negative for one in of_trace),
            ),
            policy,
        )
        hour = row.start_ns // NS_PER_HOUR
        counts[row.application, hour, row.environment, row.release, decision.rate_ppm] += 1
        if decision.should_evaluate:
            chosen.append(build_sample_row(row, decision, now))
        if of_trace:
            scores.append(feedback_scores.score_feedback(row, of_trace))
    count_considered(connection, counts)
    if chosen:
        connection.execute(insert(connection, sample).on_conflict_do_nothing(), chosen)
    replace_scores(connection, scores)
    return len(chosen)


def _opinions(connection: sa.Connection, traces: Sequence[str]) -> dict[str, list[feedback_scores.Feedback]]:
    found: dict[str, list[feedback_scores.Feedback]] = defaultdict(list)
    rows = connection.execute(sa.select(feedback).where(feedback.c.trace_id.in_(traces)))
    for row in rows:
        found[row.trace_id].append(feedback_scores.build_feedback(row))
    return found


def _facts_query(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Requests in order of id, with whether each is the first of its user in its application."""
    earlier = request.alias("earlier")
    is_earlier = sa.or_(
        earlier.c.start_ns < request.c.start_ns,
        sa.and_(earlier.c.start_ns == request.c.start_ns, earlier.c.trace_id < request.c.trace_id),
    )
    had_one = sa.exists().where(
        earlier.c.user_id == request.c.user_id,
        earlier.c.start_ns <= request.c.start_ns,
        earlier.c.application == request.c.application,
        is_earlier,
    )
    is_new_user = sa.and_(request.c.user_id != "", sa.not_(had_one)).label("is_new_user")
    return (
        sa.select(*[request.c[name] for name in _COLUMNS], is_new_user)
        .where(condition)
        .order_by(request.c.id)
    )


def _locked_cursor(connection: sa.Connection) -> Any:
    connection.execute(
        insert(connection, sample_cursor)
        .values(name=CURSOR, request_id=0, mark_request_id=0, mark_transaction=0)
        .on_conflict_do_nothing()
    )
    query = sa.select(sample_cursor).where(sample_cursor.c.name == CURSOR).with_for_update()
    return connection.execute(query).one()


def _move(connection: sa.Connection, **values: Any) -> None:
    connection.execute(sa.update(sample_cursor).where(sample_cursor.c.name == CURSOR).values(**values))


def _mark(connection: sa.Connection, cursor: Any, now: dt.datetime) -> None:
    """Remember how far requests go now; they are considered later."""
    if cursor.mark_request_id > cursor.request_id and not _has_settled(connection, cursor, now):
        return
    newest = connection.scalar(sa.select(sa.func.max(request.c.id))) or 0
    if newest > cursor.mark_request_id:
        # After the ids, so that whoever holds one that cannot be seen yet is counted.
        _, after_all = _transactions(connection)
        _move(connection, mark_request_id=newest, mark_transaction=after_all, marked_at=now)


def _has_settled(connection: sa.Connection, cursor: Any, now: dt.datetime) -> bool:
    marked_at: dt.datetime | None = cursor.marked_at
    if marked_at is None or now - marked_at < SETTLING_TIME:
        return False
    mark: int = cursor.mark_transaction
    oldest, after_all = _transactions(connection)
    # A mark from the future was made by another server, from which this database was restored, whole.
    return oldest >= mark or mark > after_all


def _transactions(connection: sa.Connection) -> tuple[int, int]:
    """The oldest transaction under way, and the first that has not begun; SQLite has one writer at a time."""
    if is_sqlite(connection):
        return 0, 0
    row = connection.execute(
        sa.text(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text"
        )
    ).one()
    return int(row[0]), int(row[1])


def _wait_for(connection: sa.Connection, rows: Iterable[Any], now: dt.datetime) -> None:
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


def _arrived(connection: sa.Connection, now: dt.datetime, limit: int) -> list[Any]:
    """Requests that waited for their root span and have settled since it came."""
    w = sample_waiting.c
    connection.execute(sa.delete(sample_waiting).where(w.waits_since < now - MAX_WAIT))
    has_root = sa.exists().where(request.c.id == w.request_id, request.c.duration_ns.is_not(None))
    connection.execute(
        sa.update(sample_waiting).where(w.complete_at.is_(None), has_root).values(complete_at=now)
    )
    due = sa.select(w.request_id).where(w.complete_at <= now - SETTLING_TIME)
    ids = connection.scalars(due.order_by(w.request_id).limit(limit)).all()
    if not ids:
        return []
    connection.execute(sa.delete(sample_waiting).where(w.request_id.in_(ids)))
    return list(connection.execute(_facts_query(request.c.id.in_(ids))).all())
