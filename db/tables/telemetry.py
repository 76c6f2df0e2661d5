"""Traffic: spans, requests (one row per trace and application), and rollups of both.

Times are integer Unix nanoseconds and buckets are integer minutes, hours or days since the Unix epoch (UTC), because
millions of rows are read and written. `application` is in every key, and there are no foreign keys, so that the tables
can be partitioned or distributed later. '' means unknown in key columns, which cannot be NULL.
"""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.base import Json, RowId, UtcDateTime, metadata

application = sa.Table(
    "application",
    metadata,
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("is_demo", sa.Boolean, nullable=False),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
)

span = sa.Table(
    "span",
    metadata,
    # Rowid as the primary key: with random trace ids as clustered key, inserts were eight times slower at 2M rows.
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("span_id", sa.String(16), nullable=False),
    sa.Column("parent_span_id", sa.String(16), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("component", sa.String(40), nullable=False),
    sa.Column("start_ns", sa.BigInteger, nullable=False),
    sa.Column("duration_ns", sa.BigInteger, nullable=False),
    sa.Column("is_error", sa.Boolean, nullable=False),
    sa.Column("status_message", sa.Text, nullable=False),
    sa.Column("is_request", sa.Boolean, nullable=False),
    sa.Column("is_call", sa.Boolean, nullable=False),
    sa.Column("environment", sa.String(200), nullable=False),
    sa.Column("release", sa.String(200), nullable=False),
    sa.Column("provider", sa.String(100), nullable=False),
    sa.Column("model", sa.String(300), nullable=False),
    sa.Column("session_id", sa.String(200), nullable=False),
    sa.Column("user_id", sa.String(200), nullable=False),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("cache_read_tokens", sa.BigInteger),
    sa.Column("cache_write_tokens", sa.BigInteger),
    sa.Column("cost_nano_usd", sa.BigInteger),
    sa.Column("first_token_ns", sa.BigInteger),
    # '' or the id of the counted span of the same model call; see docs/design/counted-once.md.
    sa.Column("folded_into", sa.String(16), nullable=False, default=""),
    # Request or response id of the provider.
    sa.Column("call_id", sa.String(200), nullable=False, default=""),
    # Whether the span states that its parent belongs to another process.
    sa.Column("has_remote_parent", sa.Boolean, nullable=False, default=False),
    # Of requests: whether another application of the trace made it; whether no root span arrived in time.
    sa.Column("is_internal", sa.Boolean, nullable=False, default=False),
    sa.Column("is_rootless", sa.Boolean, nullable=False, default=False),
    # Whether its model exceeded the limit at arrival, so that it is subtracted from the cell it was added to.
    sa.Column("is_other_model", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("trace_id", "span_id", "application"),
    sa.Index("ix_span_application_start", "application", "start_ns"),
    sa.Index(
        "ix_span_call_id",
        "call_id",
        sqlite_where=sa.text("call_id <> ''"),
        postgresql_where=sa.text("call_id <> ''"),
    ),
)

payload = sa.Table(
    "payload",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    # zstd of a JSON object {span_id: {attributes, events, links, resource, scope}}: one row per trace and batch.
    sa.Column("spans_zstd", sa.LargeBinary, nullable=False),
    # Start of the earliest span, Unix nanoseconds: payloads expire before spans.
    sa.Column("start_ns", sa.BigInteger, nullable=False),
    sa.Index("ix_payload_trace", "trace_id", "application"),
    sa.Index("ix_payload_application_start", "application", "start_ns"),
)

log_record = sa.Table(
    "log_record",
    metadata,
    # Log records with a trace id, joined to its spans at read time, because either may arrive first.
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    # '' when the record belongs to the trace as a whole.
    sa.Column("span_id", sa.String(16), nullable=False),
    sa.Column("time_ns", sa.BigInteger, nullable=False),
    # Hash of the whole record, so that a repeated record is recognised.
    sa.Column("digest", sa.String(32), nullable=False),
    sa.Column("event_name", sa.String(200), nullable=False),
    # zstd of a JSON object {body, attributes, severity, scope, resource}.
    sa.Column("record_zstd", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("trace_id", "digest", "application"),
    sa.Index("ix_log_record_application_time", "application", "time_ns"),
)

request = sa.Table(
    "request",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("start_ns", sa.BigInteger, nullable=False),
    # NULL until an entry span arrives.
    sa.Column("duration_ns", sa.BigInteger),
    sa.Column("is_error", sa.Boolean, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("environment", sa.String(200), nullable=False),
    sa.Column("release", sa.String(200), nullable=False),
    sa.Column("model", sa.String(300), nullable=False),
    sa.Column("session_id", sa.String(200), nullable=False),
    sa.Column("user_id", sa.String(200), nullable=False),
    sa.Column("spans", sa.BigInteger, nullable=False),
    sa.Column("span_errors", sa.BigInteger, nullable=False),
    sa.Column("calls", sa.BigInteger, nullable=False),
    # Duplicate spans: spans of a call for which another span is counted.
    sa.Column("folded_calls", sa.BigInteger, nullable=False, default=0),
    sa.Column("unpriced_calls", sa.BigInteger, nullable=False),
    sa.Column("cost_nano_usd", sa.BigInteger, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    # Of its entry span; see `span`.
    sa.Column("is_internal", sa.Boolean, nullable=False, default=False),
    sa.Column("is_rootless", sa.Boolean, nullable=False, default=False),
    # Whether one of its entry spans has a parent, so that a later span may show that it is none.
    sa.Column("has_called_entry", sa.Boolean, nullable=False, default=False),
    # End of its last received span (not after its arrival), Unix nanoseconds; NULL once the request is final.
    sa.Column("open_since_ns", sa.BigInteger),
    sa.UniqueConstraint("trace_id", "application"),
    sa.Index(
        "ix_request_open",
        "open_since_ns",
        sqlite_where=sa.text("open_since_ns IS NOT NULL"),
        postgresql_where=sa.text("open_since_ns IS NOT NULL"),
    ),
    sa.Index("ix_request_application_start", "application", "start_ns"),
    sa.Index("ix_request_start", "start_ns"),
    # Requests of a user or session in all applications; no query uses ''.
    sa.Index("ix_request_user_start", "user_id", "start_ns"),
    sa.Index("ix_request_session_start", "session_id", "start_ns"),
    # Ids are never reused, also after deletions, because the sampling cursor is an id.
    sqlite_autoincrement=True,
)

ROLLUP_SUMS = (
    "requests",
    "request_errors",
    "internal_requests",
    "internal_request_errors",
    "rootless_requests",
    "calls",
    "call_errors",
    "unpriced_calls",
    "cost_nano_usd",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
)
"""Columns of a rollup that add up.

Internal requests are those that another application of the trace made, rootless ones those whose root span never came;
both are part of `requests`.
"""

ROLLUP_LATENCIES = ("request_latency", "internal_request_latency", "call_latency")
"""Histograms of a rollup (`db.histogram`); internal requests are in their own and in no other."""


def _rollup(name: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("application", sa.String(200), primary_key=True),
        sa.Column("bucket", sa.Integer, primary_key=True),
        sa.Column("environment", sa.String(200), primary_key=True),
        sa.Column("release", sa.String(200), primary_key=True),
        sa.Column("model", sa.String(300), primary_key=True),
        # Each writer process adds to its own row; readers sum over shards.
        sa.Column("shard", sa.Integer, primary_key=True),
        *[sa.Column(column, sa.BigInteger, nullable=False, default=0) for column in ROLLUP_SUMS],
        # Successful requests and calls only; empty bytes when there were none.
        sa.Column("request_latency", sa.LargeBinary, nullable=False),
        sa.Column("internal_request_latency", sa.LargeBinary, nullable=False, default=b""),
        sa.Column("call_latency", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


rollup_minute = _rollup("rollup_minute")
rollup_hour = _rollup("rollup_hour")
rollup_day = _rollup("rollup_day")

rollup_model = sa.Table(
    "rollup_model",
    metadata,
    # Distinct models in the rollups of an application; beyond GENAIOPS_ROLLUP_MODEL_LIMIT a model is 'other'.
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("model", sa.String(300), primary_key=True),
    sqlite_with_rowid=False,
)

dirty_hour = sa.Table(
    "dirty_hour",
    metadata,
    # Hours whose minutes changed after `rollup_hour` was computed: readers use the minutes instead.
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("hour", sa.Integer, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("marks", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

score_rollup_hour = sa.Table(
    "score_rollup_hour",
    metadata,
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("bucket", sa.Integer, primary_key=True),
    sa.Column("environment", sa.String(200), primary_key=True),
    sa.Column("release", sa.String(200), primary_key=True),
    sa.Column("metric", sa.String(100), primary_key=True),
    sa.Column("judge", sa.String(200), primary_key=True),
    # Sampling probability of the requests in millionths; 0 for external scores.
    sa.Column("rate_ppm", sa.Integer, primary_key=True, default=0),
    sa.Column("scored", sa.BigInteger, nullable=False),
    sa.Column("undefined", sa.BigInteger, nullable=False),
    sa.Column("value_sum", sa.Float, nullable=False),
    sa.Column("value_square_sum", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

score = sa.Table(
    "score",
    metadata,
    # A score of a production request; scores of evaluations are in `evaluation_score`.
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("metric", sa.String(100), nullable=False),
    sa.Column("judge", sa.String(200), nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("start_ns", sa.BigInteger, nullable=False),
    # As in `score_rollup_hour`.
    sa.Column("rate_ppm", sa.Integer, nullable=False, default=0),
    # The rollup cell of the score, so that it can be subtracted.
    sa.Column("environment", sa.String(200), nullable=False, default=""),
    sa.Column("release", sa.String(200), nullable=False, default=""),
    sa.UniqueConstraint("trace_id", "metric", "judge", "application"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("user_id", sa.String(200), nullable=False),
    sa.Column("rating", sa.Float),
    sa.Column("thumb", sa.String(4)),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("trace_id", "user_id"),
)

USAGE_SUMS = (
    "requests",
    "request_errors",
    "internal_requests",
    "internal_request_errors",
    "calls",
    "unpriced_calls",
    "cost_nano_usd",
    "input_tokens",
    "output_tokens",
)
"""Summed columns per user and day."""

usage_user_day = sa.Table(
    "usage_user_day",
    metadata,
    # Requests summed by user and day; valid for every ended day without a row in `usage_mark`.
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.String(200), primary_key=True),
    sa.Column("environment", sa.String(200), primary_key=True),
    sa.Column("release", sa.String(200), primary_key=True),
    sa.Column("model", sa.String(300), primary_key=True),
    *[sa.Column(column, sa.BigInteger, nullable=False, default=0) for column in USAGE_SUMS],
    sa.Index("ix_usage_user_day_user", "user_id", "day"),
    sqlite_with_rowid=False,
)

usage_mark = sa.Table(
    "usage_mark",
    metadata,
    # Days whose requests changed after `usage_user_day` was computed: readers use the requests instead.
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("marks", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

saved_view = sa.Table(
    "saved_view",
    metadata,
    # The URL of a screen, saved by a user under a name.
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("screen", sa.String(60), nullable=False),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("is_shared", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("owner", "screen", "name"),
)

price = sa.Table(
    "price",
    metadata,
    # Overrides of the built-in price list, USD per million tokens as exact nano-USD.
    sa.Column("model", sa.String(300), primary_key=True),
    sa.Column("provider", sa.String(100), primary_key=True),
    sa.Column("region", sa.String(60), primary_key=True),
    sa.Column("tier", sa.String(60), primary_key=True),
    sa.Column("valid_from", UtcDateTime, primary_key=True),
    sa.Column("input_nano_usd_per_million", sa.BigInteger, nullable=False),
    sa.Column("output_nano_usd_per_million", sa.BigInteger, nullable=False),
    sa.Column("cache_read_nano_usd_per_million", sa.BigInteger),
    sa.Column("cache_write_nano_usd_per_million", sa.BigInteger),
)

saved_settings = sa.Table(
    "saved_settings",
    metadata,
    # Small facts about this installation, by name (for example which demo seed was written).
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("value", Json, nullable=False),
)

# Bedrock invocation logs.

invocation_log = sa.Table(
    "invocation_log",
    metadata,
    # Every imported log entry and its span; the row outlives the span, so that an entry is never imported twice.
    sa.Column("request_id", sa.String(200), primary_key=True),
    # The id in the response, which some instrumentations report instead; '' without one.
    sa.Column("response_id", sa.String(200), nullable=False),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("span_id", sa.String(16), nullable=False),
    sa.Column("start_ns", sa.BigInteger, nullable=False),
    # Whether the same call came by OTLP too, so that the entry is shown below its span and not counted.
    sa.Column("is_folded", sa.Boolean, nullable=False),
    sa.Index(
        "ix_invocation_log_response",
        "response_id",
        sqlite_where=sa.text("response_id <> ''"),
        postgresql_where=sa.text("response_id <> ''"),
    ),
    sa.Index("ix_invocation_log_start", "start_ns"),
)

invocation_log_source = sa.Table(
    "invocation_log_source",
    metadata,
    # A bucket or log group that is pulled, and how far.
    sa.Column("source", sa.String(500), primary_key=True),
    sa.Column("cursor", Json, nullable=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("pulled_at", UtcDateTime),
    # Until then one worker reads it alone.
    sa.Column("claimed_until", UtcDateTime),
)
