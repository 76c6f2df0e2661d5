"""Deleting what is kept of one user, everywhere, with a certificate in the audit log that does not name them."""

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
from genaiops_core.telemetry.privacy.user_data import UserData, find_user_data, match_traces, match_user, split_into_portions

MAX_ROUNDS = 5
"""Traffic of the user that comes during the deletion is deleted too, but not for ever."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What was deleted, when and by whom; this is what the audit log keeps."""

    user_sha256: str
    """SHA-256 of the user id, so that whoever knows the id can tell that this is about it."""
    application: str
    """'' for all of them."""
    at: dt.datetime
    actor: str
    reason: str
    traces: int
    sessions: int
    shared_traces: int
    """Traces in which a span named another user too; they were deleted as a whole."""
    rows: Mapping[str, int]
    """Rows deleted, by table."""
    left: Mapping[str, int]
    """Rows of the user found afterwards, by table: empty."""
    mentions: Mapping[str, int]
    """Rows elsewhere in which the id stands in a text, by table and column; a person must look at those."""
    cases: Sequence[str]
    """Test cases made from the deleted traces; datasets do not change, so they are only named."""
    audit_sequence: int

    @property
    def is_verified(self) -> bool:
        return not self.left


def preview_deletion(engine: sa.Engine, *, user_id: str, application: str | None = None) -> UserData:
    """What `delete_user` would delete."""
    _check_user(user_id)
    with reading(engine) as connection:
        return find_user_data(connection, user_id, application)


def find_traces_mentioning_user(engine: sa.Engine, *, user_id: str, besides: Sequence[str] = ()) -> list[str]:
    """Traces, other than `besides`, whose contents mention the user; every content there is gets read."""
    _check_user(user_id)
    with reading(engine) as connection:
        return sorted(set(mentions.find_traces_mentioning(connection, user_id)) - set(besides))


def delete_user(
    engine: sa.Engine, *, actor: str, user_id: str, application: str | None = None, reason: str
) -> Certificate:
    """Delete every trace, payload, log record, score, piece of feedback and usage figure of one user.

    Rollups keep their sums, which name nobody. Deleting goes trace by trace in short transactions; killed half-way,
    it is simply run again, and the certificate then counts what was left. Sent again, the same spans come back:
    stop the sender first.

    Args:
        engine: the database.
        actor: who acts.
        user_id: exactly as the telemetry says it.
        application: only this one; None for all.
        reason: why; must not contain the id, because the audit log keeps it.

    Raises:
        BadInput: no user id, no reason, or a reason that names the user.
        Conflict: the user's traffic comes faster than it can be deleted.
    """
    _check_user(user_id)
    _check_reason(reason, user_id)
    rows: Counter[str] = Counter()
    traces: set[str] = set()
    sessions = shared = 0
    cases: dict[str, None] = {}
    for _ in range(MAX_ROUNDS):
        with reading(engine) as connection:
            held = find_user_data(connection, user_id, application)
        if not held.total:
            break
        traces.update(held.traces)
        sessions, shared = max(sessions, held.sessions), shared + held.shared_traces
        cases.update(dict.fromkeys(held.cases))
        rows += _erase(engine, user_id, application, held.traces)
    else:
        raise Conflict(
            "The user's traffic comes faster than it is deleted; stop its sender, then run this again."
        )
    _forget_pages(engine)
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
            shared_traces=shared,
            rows=dict(sorted(rows.items())),
            left={},
            mentions={},
            cases=tuple(cases),
            audit_sequence=0,
        ),
    )


def _certify(engine: sa.Engine, user_id: str, traces: set[str], found: Certificate) -> Certificate:
    """Look for what is left, and write it down with the rest."""
    application = found.application or None
    with reading(engine) as connection:
        texts = mentions.count_mentions(connection, user_id)
    with writing(engine) as connection:
        left = _left(connection, user_id, application, sorted(traces))
        told = asdict(found) | {"left": left, "mentions": texts}
        kept: dict[str, Any] = {
            key: value
            for key, value in told.items()
            if key not in ("actor", "reason", "audit_sequence", "at")
        }
        sequence = audit.record(
            connection,
            actor=found.actor,
            action="user.delete",
            subject=f"user sha256:{found.user_sha256}",
            application=found.application,
            reason=found.reason,
            before={"rows": found.rows},
            after=kept,
        )
    return Certificate(**(told | {"audit_sequence": sequence}))


def _erase(engine: sa.Engine, user_id: str, application: str | None, traces: Sequence[str]) -> Counter[str]:
    rows: Counter[str] = Counter()
    # Requests last: should this be killed, they still say which traces are the user's.
    tables = sorted(user_data.list_tables_by_trace(), key=lambda table: (table.name == "request", table.name))
    for portion in split_into_portions(traces):
        began = time.perf_counter()
        with _overwriting(engine) as connection:
            for table in tables:
                condition = match_traces(table, portion, application)
                rows[str(table.name)] += connection.execute(sa.delete(table).where(condition)).rowcount
        time.sleep(time.perf_counter() - began)
    with _overwriting(engine) as connection:
        for table in user_data.list_tables_by_user():
            condition = match_user(table, user_id, application)
            rows[str(table.name)] += connection.execute(sa.delete(table).where(condition)).rowcount
    return +rows


@contextmanager
def _overwriting(engine: sa.Engine) -> Iterator[sa.Connection]:
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
            # The connection goes back to the pool.
            connection.exec_driver_sql(f"PRAGMA secure_delete={int(before or 0)}")


def _forget_pages(engine: sa.Engine) -> None:
    """Bring SQLite's log into the file, or the deleted rows could still be read from it."""
    if is_sqlite(engine):
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def _left(
    connection: sa.Connection, user_id: str, application: str | None, traces: Sequence[str]
) -> dict[str, int]:
    left: Counter[str] = Counter()
    for table in user_data.list_tables_by_trace():
        for portion in split_into_portions(traces):
            query = sa.select(sa.func.count()).select_from(table)
            left[str(table.name)] += (
                connection.scalar(query.where(match_traces(table, portion, application))) or 0
            )
    for table in user_data.list_tables_by_user():
        query = sa.select(sa.func.count()).select_from(table)
        left[str(table.name)] += connection.scalar(query.where(match_user(table, user_id, application))) or 0
    return dict(+left)


def _check_user(user_id: str) -> None:
    if not user_id.strip():
        raise BadInput("Name the user by the id that their telemetry carries.")


def _check_reason(reason: str, user_id: str) -> None:
    if not reason.strip():
        raise BadInput("Say why the user's data is deleted; the audit log keeps the reason.")
    if mentions.contains_id(reason, user_id):
        raise BadInput("The reason names the user, and the audit log would keep it; name a ticket instead.")
