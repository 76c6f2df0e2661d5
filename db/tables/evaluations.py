"""Datasets, their immutable versions and test cases; evaluation runs and their scores."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.base import Json, UtcDateTime, metadata, one_of

EVALUATION_STATES = ("queued", "running", "finished", "cancelled", "failed")

dataset = sa.Table(
    "dataset",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("is_demo", sa.Boolean, nullable=False),
)

dataset_version = sa.Table(
    "dataset_version",
    metadata,
    sa.Column("dataset", sa.String(200), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("content_sha256", sa.String(64), nullable=False),
    sa.Column("cases", sa.Integer, nullable=False),
    sa.Column("rejected", sa.Integer, nullable=False),
    sa.Column("columns", Json, nullable=False),  # {field: column of the file}
    sa.Column("problems", Json, nullable=False),  # [{"row": int, "column": str, "problem": str}]
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("dataset", "content_sha256"),
)

dataset_tag = sa.Table(
    "dataset_tag",
    metadata,
    sa.Column("dataset", sa.String(200), primary_key=True),
    sa.Column("tag", sa.String(100), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

test_case = sa.Table(
    "test_case",
    metadata,
    sa.Column("dataset", sa.String(200), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("case_no", sa.Integer, primary_key=True),
    sa.Column("input", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("contexts", Json),  # [str] or NULL when the file had none
    sa.Column("reference", sa.Text),
    sa.Column("metadata", Json, nullable=False),
)

evaluation = sa.Table(
    "evaluation",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("release", sa.String(200), nullable=False),
    sa.Column("dataset", sa.String(200), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("judge", sa.String(200), nullable=False),
    sa.Column("metrics", Json, nullable=False),
    sa.Column("config", Json, nullable=False),
    sa.Column("sample_size", sa.Integer),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("verdict", sa.String(20)),
    sa.Column("units", sa.Integer, nullable=False),
    sa.Column("units_done", sa.Integer, nullable=False),
    sa.Column("units_undefined", sa.Integer, nullable=False),
    sa.Column("cost_nano_usd", sa.BigInteger, nullable=False),
    sa.Column("results", Json),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("is_demo", sa.Boolean, nullable=False),
    one_of("state", EVALUATION_STATES),
    sa.Index("ix_evaluation_application", "application", "created_at"),
)

evaluation_score = sa.Table(
    "evaluation_score",
    metadata,
    sa.Column("evaluation_id", sa.String(36), primary_key=True),
    sa.Column("case_no", sa.Integer, primary_key=True),
    sa.Column("metric", sa.String(100), primary_key=True),
    sa.Column("value", sa.Float),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("cost_nano_usd", sa.BigInteger, nullable=False),
    sa.Column("latency_ms", sa.Float, nullable=False),
)
