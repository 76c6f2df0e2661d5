"""The audit log: one entry per mutation, chained by hash, so that a change or a gap is detected.

hash = sha256(previous_hash + canonical JSON of the entry). `verify` checks the chain and returns the first break.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from db.tables.access import audit_chain, audit_entry
from db.transaction import insert, reading
from genaiops_core.clock import now
from genaiops_core.errors import BadInput
from genaiops_core.rows import build_record

GENESIS = "0" * 64

_FIELDS = (
    "sequence", "at", "actor", "action", "application", "subject", "reason", "before", "after", "previous_hash", "hash"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One mutation: actor, action, subject and reason, with the values before and after."""

    sequence: int
    at: dt.datetime
    actor: str
    action: str
    application: str
    subject: str
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str


@dataclass(frozen=True, kw_only=True)
class ChainReport:
    """Result of a check of the chain; `broken_at` is the first sequence number that does not match."""

    entries: int
    broken_at: int | None
    problem: str

    @property
    def is_intact(self) -> bool:
        return self.broken_at is None


def record(
    connection: sa.Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    application: str = "",
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    """Append one entry inside the caller's transaction; returns its sequence number.

    Args:
        connection: the writing transaction of the mutation, so that both are stored or neither.
        actor: never empty.
        action: for example `release.approve`.
        subject: the changed object, for example `support-agent/v15`.

    Raises:
        BadInput: the actor is empty.
    """
    if not actor.strip():
        raise BadInput("The actor is empty; name the user who makes the change.")
    # Every other mutation waits here until this transaction ends, so little should follow in it.
    previous_sequence, previous_hash = _lock_chain(connection)
    entry = {
        "sequence": previous_sequence + 1,
        "at": now(),
        "actor": actor,
        "action": action,
        "application": application,
        "subject": subject,
        "reason": reason,
        # As text: a JSON column of PostgreSQL reorders keys, and the hash would no longer match.
        "before": _dump(before),
        "after": _dump(after),
        "previous_hash": previous_hash,
    }
    entry["hash"] = _hash(entry)
    connection.execute(sa.insert(audit_entry).values(**entry))
    connection.execute(sa.update(audit_chain).values(sequence=entry["sequence"], hash=entry["hash"]))
    return previous_sequence + 1


def entries(
    connection: sa.Connection,
    *,
    application: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    before_sequence: int | None = None,
    limit: int = 200,
) -> list[AuditEntry]:
    """Newest first; `before_sequence` selects the next page.

    `action` is a prefix, so `release` matches `release.approve`.
    """
    query = sa.select(audit_entry).order_by(audit_entry.c.sequence.desc()).limit(limit)
    if application:
        query = query.where(audit_entry.c.application == application)
    if actor:
        query = query.where(audit_entry.c.actor == actor)
    if action:
        query = query.where(audit_entry.c.action.startswith(action, autoescape=True))
    if before_sequence is not None:
        query = query.where(audit_entry.c.sequence < before_sequence)
    return [_from_row(row) for row in connection.execute(query)]


def export(connection: sa.Connection, *, application: str | None = None) -> Iterator[dict[str, Any]]:
    """Every entry, oldest first, with the previous hash, so that the chain can be verified elsewhere."""
    query = sa.select(audit_entry).order_by(audit_entry.c.sequence).execution_options(yield_per=1000)
    if application:
        query = query.where(audit_entry.c.application == application)
    with connection.execute(query) as rows:
        for row in rows:
            yield {**vars(_from_row(row)), "previous_hash": row.previous_hash}


def verify(engine: sa.Engine) -> ChainReport:
    """Verify the whole chain, oldest entry first."""
    with reading(engine) as connection:
        end = connection.execute(sa.select(audit_chain)).first()
        query = sa.select(audit_entry).order_by(audit_entry.c.sequence).execution_options(yield_per=1000)
        # Closed even when the walk ends early: the rows come through a cursor of the server.
        with connection.execute(query) as rows:
            return _walk(rows, (0, GENESIS) if end is None else (end.sequence, end.hash))


def _walk(rows: Iterable[sa.Row[Any]], end: tuple[int, str]) -> ChainReport:
    """Compare each row with the row before it, and the last row with `end`: its sequence and hash."""
    previous_hash, walked = GENESIS, 0
    for row in rows:
        walked += 1
        entry = {name: getattr(row, name) for name in _FIELDS}
        stored_hash = entry.pop("hash")
        if entry["sequence"] != walked:
            return ChainReport(entries=walked, broken_at=walked, problem=f"entry {walked} is missing")
        if entry["previous_hash"] != previous_hash or _hash(entry) != stored_hash:
            return ChainReport(entries=walked, broken_at=walked, problem=f"entry {walked} was changed")
        previous_hash = stored_hash
    # A deleted end leaves a chain that is correct in itself; only `audit_chain` shows the loss.
    if (walked, previous_hash) != end:
        return ChainReport(
            entries=walked, broken_at=walked + 1, problem=f"entries after {walked} are missing"
        )
    return ChainReport(entries=walked, broken_at=None, problem="")


def _lock_chain(connection: sa.Connection) -> tuple[int, str]:
    """The end of the chain, locked until the transaction ends (on SQLite by the write lock)."""
    connection.execute(
        insert(connection, audit_chain).values(id=1, sequence=0, hash=GENESIS).on_conflict_do_nothing()
    )
    row = connection.execute(sa.select(audit_chain).with_for_update()).one()
    return row.sequence, row.hash


def _dump(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()


def _hash(entry: Mapping[str, Any]) -> str:
    canonical = {**entry, "at": entry["at"].astimezone(dt.UTC).isoformat(timespec="microseconds")}
    # It is hashed before the text, so that the entry is not hashed with it twice.
    del canonical["previous_hash"]
    text = orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(entry["previous_hash"].encode() + text).hexdigest()


def _from_row(row: sa.Row[Any]) -> AuditEntry:
    return build_record(
        AuditEntry,
        row,
        before=orjson.loads(row.before) if row.before else None,
        after=orjson.loads(row.after) if row.after else None,
    )
