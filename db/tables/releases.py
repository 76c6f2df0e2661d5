"""Releases, their prompts and their approvals."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.base import Json, RowId, UtcDateTime, metadata, one_of

RELEASE_STATES = (
    "candidate",  # registered, approval not requested
    "pending",  # approval requested
    "approved",  # may start a rollout
    "rejected",  # approval refused
    "canary",  # takes part of the traffic
    "stable",  # takes the rest of the traffic, or all of it
    "retired",  # formerly stable, replaced by a promotion
    "rolled_back",  # taken out of traffic by a rollback
)

prompt_version = sa.Table(
    "prompt_version",
    metadata,
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("content_sha256", sa.String(64), nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

release = sa.Table(
    "release",
    metadata,
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("release", sa.String(200), primary_key=True),
    sa.Column("state", sa.String(20), nullable=False),
    # The manifest never changes once written; only `state` moves.
    sa.Column("model", sa.String(300), nullable=False),
    sa.Column("prompts", Json, nullable=False),  # [{"name": str, "version": int}]
    sa.Column("code_revision", sa.String(200), nullable=False),
    sa.Column("data_snapshot", sa.String(200), nullable=False),
    sa.Column("parameters", Json, nullable=False),
    sa.Column("notes", sa.Text, nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    one_of("state", RELEASE_STATES),
)

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("release", sa.String(200), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("requested_by", sa.String(200), nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("request_reason", sa.Text, nullable=False),
    sa.Column("decided_by", sa.String(200)),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("decision_reason", sa.Text, nullable=False),
    one_of("state", ("pending", "approved", "rejected")),
    sa.Index("ix_approval_release", "application", "release"),
)
