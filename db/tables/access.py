"""The audit log, a hash chain, and the heartbeats of workers."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.base import UtcDateTime, metadata

audit_entry = sa.Table(
    "audit_entry",
    metadata,
    sa.Column(
        "sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("action", sa.String(60), nullable=False),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("subject", sa.String(400), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    # Text, not JSON: the hash covers these exact characters.
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_audit_entry_application", "application", "sequence"),
)

audit_chain = sa.Table(
    "audit_chain",
    metadata,
    # A single row: the end of the chain. Its lock serialises the writers.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

worker = sa.Table(
    "worker",
    metadata,
    sa.Column("executor_id", sa.String(100), primary_key=True),
    sa.Column("beat_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
)
