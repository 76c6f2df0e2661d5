"""Datasets, their immutable versions and test cases; evaluations with their settings and results."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables.base import Json, RowId, UtcDateTime, metadata, one_of

EVALUATION_STATES = ("queued", "running", "paused", "finished", "cancelled", "failed")

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
    # Undefined units whose judge or target failed; a resume retries them.
    sa.Column("units_failed", sa.Integer, nullable=False, server_default="0"),
    # Cost of judging; calls without a known price are counted separately, not as 0.
    sa.Column("cost_nano_usd", sa.BigInteger, nullable=False),
    sa.Column("judge_calls", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unpriced_calls", sa.Integer, nullable=False, server_default="0"),
    sa.Column("input_tokens", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("output_tokens", sa.BigInteger, nullable=False, server_default="0"),
    # Calls whose provider sent no token counts: the sums above lack theirs.
    sa.Column("uncounted_calls", sa.Integer, nullable=False, server_default="0"),
    # Answers that the target has to generate before they can be scored, finished answers, and their cost.
    sa.Column("answers", sa.Integer, nullable=False, server_default="0"),
    sa.Column("answers_done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("answers_cost_nano_usd", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("answers_unpriced", sa.Integer, nullable=False, server_default="0"),
    # Number of attempts: 1, plus 1 for every resume.
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    # Start time and finished units of the current attempt; the remaining time is estimated from them.
    sa.Column("resumed_at", UtcDateTime),
    sa.Column("units_at_resume", sa.Integer, nullable=False, server_default="0"),
    # Until when calls wait for a provider that throttles them; past or NULL: none waits.
    sa.Column("throttled_until", UtcDateTime),
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
    sa.Column("repetition", sa.Integer, primary_key=True, autoincrement=False, server_default="1"),
    sa.Column("metric", sa.String(100), primary_key=True),
    sa.Column("value", sa.Float),
    sa.Column("reason", sa.Text, nullable=False),
    # Whether the judge or the target failed, so that another attempt may return a value.
    sa.Column("is_failed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("cost_nano_usd", sa.BigInteger),  # NULL: a call without a known price
    sa.Column("latency_ms", sa.Float, nullable=False),
)

judge_call = sa.Table(
    "judge_call",
    metadata,
    # Every finished call to the model of a judge: after a crash it is read here instead of paid again.
    sa.Column("evaluation_id", sa.String(36), primary_key=True),
    sa.Column("call_sha256", sa.String(64), primary_key=True),
    sa.Column("case_no", sa.Integer, nullable=False),
    sa.Column("repetition", sa.Integer, nullable=False),
    sa.Column("metric", sa.String(100), nullable=False),
    sa.Column("reply", Json, nullable=False),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("cost_nano_usd", sa.BigInteger),
    sa.Column("latency_ms", sa.Float, nullable=False),
    sa.Column("called_at", UtcDateTime, nullable=False),
    sa.Index("ix_judge_call_case", "evaluation_id", "case_no"),
)

spend_hold = sa.Table(
    "spend_hold",
    metadata,
    # The part of a run's spend limit that a process has reserved for calls in flight or about to start.
    sa.Column("evaluation_id", sa.String(36), primary_key=True),
    sa.Column("executor_id", sa.String(200), primary_key=True),
    sa.Column("nano_usd", sa.BigInteger, nullable=False),
)

generated_answer = sa.Table(
    "generated_answer",
    metadata,
    # The answer of a target to a case in this run, with latency, tokens and cost.
    sa.Column("evaluation_id", sa.String(36), primary_key=True),
    sa.Column("case_no", sa.Integer, primary_key=True),
    sa.Column("repetition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("answer", sa.Text),
    sa.Column("contexts", Json),  # [str], or NULL when the target returned none
    sa.Column("problem", sa.Text, nullable=False),  # why there is no answer
    sa.Column("latency_ms", sa.Float),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("cost_nano_usd", sa.BigInteger),
    sa.Column("answered_at", UtcDateTime, nullable=False),
)

rubric = sa.Table(
    "rubric",
    metadata,
    # A rubric of a user: versions are immutable, and a run keeps a copy of the version that it used.
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("scale", Json, nullable=False),  # [{"label": str, "value": 0..1, "meaning": str}]
    sa.Column("needs", Json, nullable=False),  # fields of a case without which it is undefined
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

human_label = sa.Table(
    "human_label",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("dataset", sa.String(200), nullable=False),
    # Hash of input and answer, so that a label applies to its case in all versions of a dataset.
    sa.Column("case_sha256", sa.String(64), nullable=False),
    sa.Column("metric", sa.String(100), nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("labeller", sa.String(200), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("labelled_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("dataset", "case_sha256", "metric", "labeller"),
)
