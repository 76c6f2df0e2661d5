"""Deletes all data of one user and writes a certificate to the audit log that does not contain the user's id."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from db.engine import is_sqlite
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict
from genaiops_core.telemetry.privacy import mentions, user_data
from genaiops_core.telemetry.privacy.user_data import (
    UserData,
    find_user_data,
    match_traces,
    match_user,
    split_into_portions,
)

MAX_ROUNDS = 5
"""Rounds of deletion, at most: traffic of the user that arrives during one round is deleted in the next."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Record of a deletion in the audit log: the deleted rows, the time and the actor."""

    user_sha256: str
    """SHA-256 of the user id, so that somebody who knows the id can verify the certificate."""
    application: str
    """'' for all applications."""
    at: dt.datetime
    actor: str
    reason: str
    traces: int
    sessions: int
    shared_traces: int
    """Traces that also had spans of another user; they were deleted as a whole."""
    rows: Mapping[str, int]
    """Rows deleted, by table."""
    left: Mapping[str, int]
    """Remaining rows of the user after the deletion, by table; empty when it is complete."""
    mentions: Mapping[str, int]
    """Other rows whose text contains the id, by table and column; they need a manual review."""
    cases: Sequence[str]
    """Test cases created from the deleted traces; datasets are immutable, so the cases are listed and not deleted."""
    audit_sequence: int

    @property
    def is_verified(self) -> bool:
        return not self.left


def preview_deletion(engine: sa.Engine, *, user_id: str, application: str | None = None) -> UserData:
    """The data that `delete_user` would delete."""
    _check_user(user_id)
    with reading(engine) as connection:
        return find_user_data(connection, user_id, application)


def find_traces_mentioning_user(engine: sa.Engine, *, user_id: str, besides: Sequence[str] = ()) -> list[str]:
    """Traces, other than `besides`, whose contents contain the user's id. This reads every stored content."""
    _check_user(user_id)
    with reading(engine) as connection:
        return sorted(set(mentions.find_traces_mentioning(connection, user_id)) - set(besides))


def delete_user(
    engine: sa.Engine, *, actor: str, user_id: str, application: str | None = None, reason: str
) -> Certificate:
    """Delete all traces, payloads, log records, scores, feedback and usage figures of one user.

    Rollups keep their sums, which contain no user id. The deletion runs in short transactions of some traces each.
    After an interruption run it again; the certificate then counts only the rest. Stop the sender first, because spans
    that are sent again are stored again.

    Args:
        engine: the database.
        actor: for the audit log.
        user_id: exactly as in the telemetry.
        application: only this application; None for all.
        reason: for the audit log; must not contain the user id.

    Raises:
        BadInput: no user id, no reason, or a reason that contains the user id.
        Conflict: new traffic of the user arrives faster than it is deleted.
    """
    _check_user(user_id)
    _check_reason(reason, user_id)
    rows: Counter[str] = Counter()
    traces: set[str] = set()
    sessions = shared_traces = 0
    cases: dict[str, None] = {}
    for _ in range(MAX_ROUNDS):
        with reading(engine) as connection:
            holdings = find_user_data(connection, user_id, application)
        if not holdings.total:
            break
        traces.update(holdings.traces)
        sessions, shared_traces = max(sessions, holdings.sessions), shared_traces + holdings.shared_traces
        cases.update(dict.fromkeys(holdings.cases))
        rows += _erase_rows(engine, user_id, application, holdings.traces)
    else:
        raise Conflict(
            "New traffic of the user arrives faster than it is deleted; stop its sender, then run the command again."
        )
    _checkpoint_log(engine)
    return _certify(
        engine,
        user_id,
        traces,
        Certificate(
            user_sha256=hashlib.sha256(user_id.encode()).hexdigest(),
            application=application or "",
            at=now(),
            actor=actor,
            reason=reason,
            traces=len(traces),
            sessions=sessions,
            shared_traces=shared_traces,
            rows=dict(sorted(rows.items())),
            left={},
            mentions={},
            cases=tuple(cases),
            audit_sequence=0,
        ),
    )


def _certify(engine: sa.Engine, user_id: str, traces: set[str], draft: Certificate) -> Certificate:
    """Count the remaining rows, write the certificate to the audit log and return it."""
    application = draft.application or None
    with reading(engine) as connection:
        mention_counts = mentions.count_mentions(connection, user_id)
    with writing(engine) as connection:
        # In the transaction of the audit entry, so that the certificate states what is true at its time.
        remaining = _count_remaining(connection, user_id, application, sorted(traces))
        values = asdict(draft) | {"left": remaining, "mentions": mention_counts}
        audit_values: dict[str, Any] = {
            key: value
            for key, value in values.items()
            if key not in ("actor", "reason", "audit_sequence", "at")
        }
        sequence = audit.record(
            connection,
            actor=draft.actor,
            action="user.delete",
            subject=f"user sha256:{draft.user_sha256}",
            application=draft.application,
            reason=draft.reason,
            before={"rows": draft.rows},
            after=audit_values,
        )
    return Certificate(**(values | {"audit_sequence": sequence}))


def _erase_rows(
    engine: sa.Engine, user_id: str, application: str | None, traces: Sequence[str]
) -> Counter[str]:
    rows: Counter[str] = Counter()
    # Requests last: after an interruption they still identify the traces of the user.
    tables = sorted(user_data.list_tables_by_trace(), key=lambda table: (table.name == "request", table.name))
    for portion in split_into_portions(traces):
        started = time.perf_counter()
        with _overwriting_transaction(engine) as connection:
            for table in tables:
                condition = match_traces(table, portion, application)
                rows[str(table.name)] += connection.execute(sa.delete(table).where(condition)).rowcount
        # As long as the lock was held, so that ingest gets at least half of the time.
        time.sleep(time.perf_counter() - started)
    with _overwriting_transaction(engine) as connection:
        for table in user_data.list_tables_by_user():
            condition = match_user(table, user_id, application)
            rows[str(table.name)] += connection.execute(sa.delete(table).where(condition)).rowcount
    # Unary plus drops the tables without deleted rows.
    return +rows


@contextmanager
def _overwriting_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A writing transaction in which SQLite overwrites what it deletes with zeros."""
    with writing(engine) as connection:
        if not is_sqlite(connection):
            yield connection
            return
        before = connection.exec_driver_sql("PRAGMA secure_delete").scalar()
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
        try:
            yield connection
        finally:
            # The connection returns to the pool, where the setting must not remain.
            connection.exec_driver_sql(f"PRAGMA secure_delete={int(before or 0)}")


def _checkpoint_log(engine: sa.Engine) -> None:
    """Truncate SQLite's write-ahead log, because the deleted rows could still be read from it."""
    if is_sqlite(engine):
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def _count_remaining(
    connection: sa.Connection, user_id: str, application: str | None, traces: Sequence[str]
) -> dict[str, int]:
    remaining: Counter[str] = Counter()
    for table in user_data.list_tables_by_trace():
        for portion in split_into_portions(traces):
            query = sa.select(sa.func.count()).select_from(table)
            remaining[str(table.name)] += (
                connection.scalar(query.where(match_traces(table, portion, application))) or 0
            )
    for table in user_data.list_tables_by_user():
        query = sa.select(sa.func.count()).select_from(table)
        remaining[str(table.name)] += (
            connection.scalar(query.where(match_user(table, user_id, application))) or 0
        )
    return dict(+remaining)


def _check_user(user_id: str) -> None:
    if not user_id.strip():
        raise BadInput("The user id is empty; use the id in the user's telemetry.")


def _check_reason(reason: str, user_id: str) -> None:
    if not reason.strip():
        raise BadInput("A reason is required; the audit log records why the user's data is deleted.")
    if mentions.contains_id(reason, user_id):
        raise BadInput(
            "The reason contains the user id, and the audit log keeps every reason; use a ticket number instead."
        )
