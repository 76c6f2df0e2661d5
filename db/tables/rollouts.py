"""Routing, rollouts, rollbacks and incidents."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.base import Json, RowId, UtcDateTime, metadata, one_of

ROLLOUT_STATES = ("running", "paused", "promoted", "rolled_back")
VERDICTS = ("passed", "failed", "inconclusive", "error")

routing_table = sa.Table(
    "routing_table",
    metadata,
    # The live routing document of each application; the audit log has its history.
    sa.Column("application", sa.String(200), primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

rollout = sa.Table(
    "rollout",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("stable", sa.String(200), nullable=False),
    sa.Column("canary", sa.String(200), nullable=False),
    sa.Column("percent", sa.Float, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("steps", Json, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("verdict", sa.String(20), nullable=False),
    sa.Column("started_by", sa.String(200), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("stepped_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    one_of("state", ROLLOUT_STATES),
    one_of("verdict", VERDICTS),
    sa.CheckConstraint("percent >= 0 AND percent <= 100", name="percent"),
    sa.Index("ix_rollout_application", "application"),
)

rollback = sa.Table(
    "rollback",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("from_release", sa.String(200), nullable=False),
    sa.Column("to_release", sa.String(200), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("trigger", sa.String(200), nullable=False),  # 'manual' or the policy trigger's name
    sa.Column("routing_version", sa.BigInteger, nullable=False),
    sa.Column("metrics", Json, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_rollback_application", "application"),
)

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("application", sa.String(200), nullable=False),
    sa.Column("rollback_id", sa.BigInteger),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("severity", sa.String(20), nullable=False),
    sa.Column("trigger", sa.String(200), nullable=False),  # 'manual' or the policy trigger's name
    sa.Column("metrics", Json, nullable=False),  # figures at the opening of the incident
    sa.Column("steps", Json, nullable=False),  # [{"step": str, "state": "done"|"pending", "detail": str}]
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("opened_by", sa.String(200), nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("resolved_by", sa.String(200)),
    sa.Column("resolved_at", UtcDateTime),
    sa.Column("resolution", sa.Text, nullable=False),
    one_of("state", ("open", "resolved")),
    one_of("severity", ("low", "medium", "high", "critical")),
    sa.Index("ix_incident_application", "application"),
)
