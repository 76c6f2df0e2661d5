"""Sampled production requests, the state of sampling, and human reviews."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.base import Json, RowId, UtcDateTime, metadata, one_of

SAMPLE_STATES = ("queued", "scored", "skipped")

sample = sa.Table(
    "sample",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    # Sampling probability in millionths; 0 when a user chose the request, which then represents only itself.
    sa.Column("rate_ppm", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("start_ns", sa.BigInteger, nullable=False),
    sa.Column("environment", sa.String(200), nullable=False),
    sa.Column("release", sa.String(200), nullable=False),
    sa.Column("selected_at", UtcDateTime, nullable=False),
    # Deadline of the worker that scores it; later another worker may take it.
    sa.Column("claimed_until", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("cost_nano_usd", sa.BigInteger, nullable=False),
    # Reason of the skip.
    sa.Column("note", sa.Text, nullable=False),
    sa.UniqueConstraint("trace_id", "application"),
    one_of("state", SAMPLE_STATES),
    sa.Index("ix_sample_state_priority", "state", "priority", "id"),
    sa.Index("ix_sample_priority_start", "priority", "start_ns"),
    sa.Index("ix_sample_ended", "ended_at"),
    sa.Index("ix_sample_application_start", "application", "start_ns"),
)

sample_cursor = sa.Table(
    "sample_cursor",
    metadata,
    # A single row: the cursor up to which requests were considered, and the mark up to which they are next.
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("request_id", sa.BigInteger, nullable=False),
    sa.Column("mark_request_id", sa.BigInteger, nullable=False),
    # PostgreSQL only: once every transaction before this one has ended, no request below the mark can still appear.
    sa.Column("mark_transaction", sa.BigInteger, nullable=False),
    sa.Column("marked_at", UtcDateTime),
)

sample_waiting = sa.Table(
    "sample_waiting",
    metadata,
    # Requests below the cursor whose root span has not arrived.
    sa.Column("request_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("waits_since", UtcDateTime, nullable=False),
    # First time at which the root span was present.
    sa.Column("complete_at", UtcDateTime),
    sa.Index("ix_sample_waiting_trace", "trace_id"),
)

sample_rollup_hour = sa.Table(
    "sample_rollup_hour",
    metadata,
    # Number of considered requests by sampling probability: the traffic that the samples represent.
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("bucket", sa.Integer, primary_key=True),
    sa.Column("environment", sa.String(200), primary_key=True),
    sa.Column("release", sa.String(200), primary_key=True),
    sa.Column("rate_ppm", sa.Integer, primary_key=True),
    sa.Column("requests", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

review = sa.Table(
    "review",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("reviewer", sa.String(200), nullable=False),
    sa.Column("is_skipped", sa.Boolean, nullable=False),
    sa.Column("ratings", Json, nullable=False),  # {metric: value in 0..1}
    sa.Column("comment", sa.Text, nullable=False),
    # Start of the request, so that retention deletes a review with its request.
    sa.Column("start_ns", sa.BigInteger, nullable=False),
    sa.Column("reviewed_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("trace_id", "application", "reviewer"),
    sa.Index("ix_review_application_start", "application", "start_ns"),
)
