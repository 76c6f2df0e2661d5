"""first schema"""

import sqlalchemy as sa
from alembic import op

from db.tables.base import Json, RowId, UtcDateTime

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('application',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('is_demo', sa.Boolean(), nullable=False),
    sa.Column('first_seen_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('application', name=op.f('pk_application'))
    )
    op.create_table('approval',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('requested_by', sa.String(length=200), nullable=False),
    sa.Column('requested_at', UtcDateTime(), nullable=False),
    sa.Column('request_reason', sa.Text(), nullable=False),
    sa.Column('decided_by', sa.String(length=200), nullable=True),
    sa.Column('decided_at', UtcDateTime(), nullable=True),
    sa.Column('decision_reason', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('pending', 'approved', 'rejected')", name=op.f('ck_approval_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approval'))
    )
    with op.batch_alter_table('approval', schema=None) as batch_op:
        batch_op.create_index('ix_approval_release', ['application', 'release'], unique=False)

    op.create_table('audit_chain',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_chain'))
    )
    op.create_table('audit_entry',
    sa.Column('sequence', RowId, autoincrement=False, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('actor', sa.String(length=200), nullable=False),
    sa.Column('action', sa.String(length=60), nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('subject', sa.String(length=400), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('before', sa.Text(), nullable=True),
    sa.Column('after', sa.Text(), nullable=True),
    sa.Column('previous_hash', sa.String(length=64), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('sequence', name=op.f('pk_audit_entry'))
    )
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.create_index('ix_audit_entry_application', ['application', 'sequence'], unique=False)

    op.create_table('dataset',
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('created_by', sa.String(length=200), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('is_demo', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_dataset'))
    )
    op.create_table('dataset_tag',
    sa.Column('dataset', sa.String(length=200), nullable=False),
    sa.Column('tag', sa.String(length=100), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.String(length=200), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('dataset', 'tag', name=op.f('pk_dataset_tag'))
    )
    op.create_table('dataset_version',
    sa.Column('dataset', sa.String(length=200), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('content_sha256', sa.String(length=64), nullable=False),
    sa.Column('cases', sa.Integer(), nullable=False),
    sa.Column('rejected', sa.Integer(), nullable=False),
    sa.Column('columns', Json, nullable=False),
    sa.Column('problems', Json, nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('created_by', sa.String(length=200), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('dataset', 'version', name=op.f('pk_dataset_version')),
    sa.UniqueConstraint('dataset', 'content_sha256', name=op.f('uq_dataset_version_dataset_content_sha256'))
    )
    op.create_table('dirty_hour',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('hour', sa.Integer(), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('marks', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'hour', 'shard', name=op.f('pk_dirty_hour')),
    sqlite_with_rowid=False
    )
    op.create_table('evaluation',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('dataset', sa.String(length=200), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('judge', sa.String(length=200), nullable=False),
    sa.Column('metrics', Json, nullable=False),
    sa.Column('config', Json, nullable=False),
    sa.Column('sample_size', sa.Integer(), nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('verdict', sa.String(length=20), nullable=True),
    sa.Column('units', sa.Integer(), nullable=False),
    sa.Column('units_done', sa.Integer(), nullable=False),
    sa.Column('units_undefined', sa.Integer(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('results', Json, nullable=True),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.Column('created_by', sa.String(length=200), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('is_demo', sa.Boolean(), nullable=False),
    sa.CheckConstraint("state IN ('queued', 'running', 'finished', 'cancelled', 'failed')", name=op.f('ck_evaluation_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_evaluation'))
    )
    with op.batch_alter_table('evaluation', schema=None) as batch_op:
        batch_op.create_index('ix_evaluation_application', ['application', 'created_at'], unique=False)

    op.create_table('evaluation_score',
    sa.Column('evaluation_id', sa.String(length=36), nullable=False),
    sa.Column('case_no', sa.Integer(), nullable=False),
    sa.Column('metric', sa.String(length=100), nullable=False),
    sa.Column('value', sa.Float(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('latency_ms', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('evaluation_id', 'case_no', 'metric', name=op.f('pk_evaluation_score'))
    )
    op.create_table('feedback',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('user_id', sa.String(length=200), nullable=False),
    sa.Column('rating', sa.Float(), nullable=True),
    sa.Column('thumb', sa.String(length=4), nullable=True),
    sa.Column('comment', sa.Text(), nullable=False),
    sa.Column('received_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feedback')),
    sa.UniqueConstraint('trace_id', 'user_id', name=op.f('uq_feedback_trace_id_user_id'))
    )
    op.create_table('incident',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('rollback_id', sa.BigInteger(), nullable=True),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('severity', sa.String(length=20), nullable=False),
    sa.Column('trigger', sa.String(length=200), nullable=False),
    sa.Column('metrics', Json, nullable=False),
    sa.Column('steps', Json, nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('opened_by', sa.String(length=200), nullable=False),
    sa.Column('opened_at', UtcDateTime(), nullable=False),
    sa.Column('resolved_by', sa.String(length=200), nullable=True),
    sa.Column('resolved_at', UtcDateTime(), nullable=True),
    sa.Column('resolution', sa.Text(), nullable=False),
    sa.CheckConstraint("severity IN ('low', 'medium', 'high', 'critical')", name=op.f('ck_incident_severity')),
    sa.CheckConstraint("state IN ('open', 'resolved')", name=op.f('ck_incident_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident'))
    )
    with op.batch_alter_table('incident', schema=None) as batch_op:
        batch_op.create_index('ix_incident_application', ['application'], unique=False)

    op.create_table('invocation_log',
    sa.Column('request_id', sa.String(length=200), nullable=False),
    sa.Column('response_id', sa.String(length=200), nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('span_id', sa.String(length=16), nullable=False),
    sa.Column('start_ns', sa.BigInteger(), nullable=False),
    sa.Column('is_folded', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_invocation_log'))
    )
    with op.batch_alter_table('invocation_log', schema=None) as batch_op:
        batch_op.create_index('ix_invocation_log_response', ['response_id'], unique=False, sqlite_where=sa.text("response_id <> ''"), postgresql_where=sa.text("response_id <> ''"))
        batch_op.create_index('ix_invocation_log_start', ['start_ns'], unique=False)

    op.create_table('invocation_log_source',
    sa.Column('source', sa.String(length=500), nullable=False),
    sa.Column('cursor', Json, nullable=False),
    sa.Column('entries', sa.BigInteger(), nullable=False),
    sa.Column('rejected', sa.BigInteger(), nullable=False),
    sa.Column('pulled_at', UtcDateTime(), nullable=True),
    sa.Column('claimed_until', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('source', name=op.f('pk_invocation_log_source'))
    )
    op.create_table('log_record',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('span_id', sa.String(length=16), nullable=False),
    sa.Column('time_ns', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.String(length=32), nullable=False),
    sa.Column('event_name', sa.String(length=200), nullable=False),
    sa.Column('record_zstd', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_log_record')),
    sa.UniqueConstraint('trace_id', 'digest', 'application', name=op.f('uq_log_record_trace_id_digest_application'))
    )
    with op.batch_alter_table('log_record', schema=None) as batch_op:
        batch_op.create_index('ix_log_record_application_time', ['application', 'time_ns'], unique=False)

    op.create_table('payload',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('spans_zstd', sa.LargeBinary(), nullable=False),
    sa.Column('start_ns', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payload'))
    )
    with op.batch_alter_table('payload', schema=None) as batch_op:
        batch_op.create_index('ix_payload_application_start', ['application', 'start_ns'], unique=False)
        batch_op.create_index('ix_payload_trace', ['trace_id', 'application'], unique=False)

    op.create_table('price',
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.Column('provider', sa.String(length=100), nullable=False),
    sa.Column('region', sa.String(length=60), nullable=False),
    sa.Column('tier', sa.String(length=60), nullable=False),
    sa.Column('valid_from', UtcDateTime(), nullable=False),
    sa.Column('input_nano_usd_per_million', sa.BigInteger(), nullable=False),
    sa.Column('output_nano_usd_per_million', sa.BigInteger(), nullable=False),
    sa.Column('cache_read_nano_usd_per_million', sa.BigInteger(), nullable=True),
    sa.Column('cache_write_nano_usd_per_million', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('model', 'provider', 'region', 'tier', 'valid_from', name=op.f('pk_price'))
    )
    op.create_table('prompt_version',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('content_sha256', sa.String(length=64), nullable=False),
    sa.Column('created_by', sa.String(length=200), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'name', 'version', name=op.f('pk_prompt_version'))
    )
    op.create_table('release',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.Column('prompts', Json, nullable=False),
    sa.Column('code_revision', sa.String(length=200), nullable=False),
    sa.Column('data_snapshot', sa.String(length=200), nullable=False),
    sa.Column('parameters', Json, nullable=False),
    sa.Column('notes', sa.Text(), nullable=False),
    sa.Column('created_by', sa.String(length=200), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint("state IN ('candidate', 'pending', 'approved', 'rejected', 'canary', 'stable', 'retired', 'rolled_back')", name=op.f('ck_release_state')),
    sa.PrimaryKeyConstraint('application', 'release', name=op.f('pk_release'))
    )
    op.create_table('request',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('start_ns', sa.BigInteger(), nullable=False),
    sa.Column('duration_ns', sa.BigInteger(), nullable=True),
    sa.Column('is_error', sa.Boolean(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.Column('session_id', sa.String(length=200), nullable=False),
    sa.Column('user_id', sa.String(length=200), nullable=False),
    sa.Column('spans', sa.BigInteger(), nullable=False),
    sa.Column('span_errors', sa.BigInteger(), nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.Column('folded_calls', sa.BigInteger(), nullable=False),
    sa.Column('unpriced_calls', sa.BigInteger(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), nullable=False),
    sa.Column('output_tokens', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_request')),
    sa.UniqueConstraint('trace_id', 'application', name=op.f('uq_request_trace_id_application')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('request', schema=None) as batch_op:
        batch_op.create_index('ix_request_application_start', ['application', 'start_ns'], unique=False)
        batch_op.create_index('ix_request_session_start', ['session_id', 'start_ns'], unique=False)
        batch_op.create_index('ix_request_start', ['start_ns'], unique=False)
        batch_op.create_index('ix_request_user_start', ['user_id', 'start_ns'], unique=False)

    op.create_table('review',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('reviewer', sa.String(length=200), nullable=False),
    sa.Column('is_skipped', sa.Boolean(), nullable=False),
    sa.Column('ratings', Json, nullable=False),
    sa.Column('comment', sa.Text(), nullable=False),
    sa.Column('start_ns', sa.BigInteger(), nullable=False),
    sa.Column('reviewed_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_review')),
    sa.UniqueConstraint('trace_id', 'application', 'reviewer', name=op.f('uq_review_trace_id_application_reviewer'))
    )
    with op.batch_alter_table('review', schema=None) as batch_op:
        batch_op.create_index('ix_review_application_start', ['application', 'start_ns'], unique=False)

    op.create_table('rollback',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('from_release', sa.String(length=200), nullable=False),
    sa.Column('to_release', sa.String(length=200), nullable=False),
    sa.Column('actor', sa.String(length=200), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('trigger', sa.String(length=200), nullable=False),
    sa.Column('routing_version', sa.BigInteger(), nullable=False),
    sa.Column('metrics', Json, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rollback'))
    )
    with op.batch_alter_table('rollback', schema=None) as batch_op:
        batch_op.create_index('ix_rollback_application', ['application'], unique=False)

    op.create_table('rollout',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('stable', sa.String(length=200), nullable=False),
    sa.Column('canary', sa.String(length=200), nullable=False),
    sa.Column('percent', sa.Float(), nullable=False),
    sa.Column('step', sa.Integer(), nullable=False),
    sa.Column('steps', Json, nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('verdict', sa.String(length=20), nullable=False),
    sa.Column('started_by', sa.String(length=200), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=False),
    sa.Column('stepped_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint("state IN ('running', 'paused', 'promoted', 'rolled_back')", name=op.f('ck_rollout_state')),
    sa.CheckConstraint("verdict IN ('passed', 'failed', 'inconclusive', 'error')", name=op.f('ck_rollout_verdict')),
    sa.CheckConstraint('percent >= 0 AND percent <= 100', name=op.f('ck_rollout_percent')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rollout'))
    )
    with op.batch_alter_table('rollout', schema=None) as batch_op:
        batch_op.create_index('ix_rollout_application', ['application'], unique=False)

    op.create_table('rollup_day',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('bucket', sa.Integer(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('requests', sa.BigInteger(), nullable=False),
    sa.Column('request_errors', sa.BigInteger(), nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.Column('call_errors', sa.BigInteger(), nullable=False),
    sa.Column('unpriced_calls', sa.BigInteger(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), nullable=False),
    sa.Column('output_tokens', sa.BigInteger(), nullable=False),
    sa.Column('cache_read_tokens', sa.BigInteger(), nullable=False),
    sa.Column('cache_write_tokens', sa.BigInteger(), nullable=False),
    sa.Column('request_latency', sa.LargeBinary(), nullable=False),
    sa.Column('call_latency', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'bucket', 'environment', 'release', 'model', 'shard', name=op.f('pk_rollup_day')),
    sqlite_with_rowid=False
    )
    op.create_table('rollup_hour',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('bucket', sa.Integer(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('requests', sa.BigInteger(), nullable=False),
    sa.Column('request_errors', sa.BigInteger(), nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.Column('call_errors', sa.BigInteger(), nullable=False),
    sa.Column('unpriced_calls', sa.BigInteger(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), nullable=False),
    sa.Column('output_tokens', sa.BigInteger(), nullable=False),
    sa.Column('cache_read_tokens', sa.BigInteger(), nullable=False),
    sa.Column('cache_write_tokens', sa.BigInteger(), nullable=False),
    sa.Column('request_latency', sa.LargeBinary(), nullable=False),
    sa.Column('call_latency', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'bucket', 'environment', 'release', 'model', 'shard', name=op.f('pk_rollup_hour')),
    sqlite_with_rowid=False
    )
    op.create_table('rollup_minute',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('bucket', sa.Integer(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('requests', sa.BigInteger(), nullable=False),
    sa.Column('request_errors', sa.BigInteger(), nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.Column('call_errors', sa.BigInteger(), nullable=False),
    sa.Column('unpriced_calls', sa.BigInteger(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), nullable=False),
    sa.Column('output_tokens', sa.BigInteger(), nullable=False),
    sa.Column('cache_read_tokens', sa.BigInteger(), nullable=False),
    sa.Column('cache_write_tokens', sa.BigInteger(), nullable=False),
    sa.Column('request_latency', sa.LargeBinary(), nullable=False),
    sa.Column('call_latency', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'bucket', 'environment', 'release', 'model', 'shard', name=op.f('pk_rollup_minute')),
    sqlite_with_rowid=False
    )
    op.create_table('rollup_model',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.PrimaryKeyConstraint('application', 'model', name=op.f('pk_rollup_model')),
    sqlite_with_rowid=False
    )
    op.create_table('routing_table',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('document', Json, nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('application', name=op.f('pk_routing_table'))
    )
    op.create_table('sample',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=False),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('rate_ppm', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('start_ns', sa.BigInteger(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('selected_at', UtcDateTime(), nullable=False),
    sa.Column('claimed_until', UtcDateTime(), nullable=True),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('queued', 'scored', 'skipped')", name=op.f('ck_sample_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sample')),
    sa.UniqueConstraint('trace_id', 'application', name=op.f('uq_sample_trace_id_application'))
    )
    with op.batch_alter_table('sample', schema=None) as batch_op:
        batch_op.create_index('ix_sample_application_start', ['application', 'start_ns'], unique=False)
        batch_op.create_index('ix_sample_ended', ['ended_at'], unique=False)
        batch_op.create_index('ix_sample_priority_start', ['priority', 'start_ns'], unique=False)
        batch_op.create_index('ix_sample_state_priority', ['state', 'priority', 'id'], unique=False)

    op.create_table('sample_cursor',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('request_id', sa.BigInteger(), nullable=False),
    sa.Column('mark_request_id', sa.BigInteger(), nullable=False),
    sa.Column('mark_transaction', sa.BigInteger(), nullable=False),
    sa.Column('marked_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_sample_cursor'))
    )
    op.create_table('sample_rollup_hour',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('bucket', sa.Integer(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('rate_ppm', sa.Integer(), nullable=False),
    sa.Column('requests', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'bucket', 'environment', 'release', 'rate_ppm', name=op.f('pk_sample_rollup_hour')),
    sqlite_with_rowid=False
    )
    op.create_table('sample_waiting',
    sa.Column('request_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('waits_since', UtcDateTime(), nullable=False),
    sa.Column('complete_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_sample_waiting'))
    )
    with op.batch_alter_table('sample_waiting', schema=None) as batch_op:
        batch_op.create_index('ix_sample_waiting_trace', ['trace_id'], unique=False)

    op.create_table('saved_settings',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('value', Json, nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_saved_settings'))
    )
    op.create_table('saved_view',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=False),
    sa.Column('screen', sa.String(length=60), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('is_shared', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_view')),
    sa.UniqueConstraint('owner', 'screen', 'name', name=op.f('uq_saved_view_owner_screen_name'))
    )
    op.create_table('score',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('metric', sa.String(length=100), nullable=False),
    sa.Column('judge', sa.String(length=200), nullable=False),
    sa.Column('value', sa.Float(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('start_ns', sa.BigInteger(), nullable=False),
    sa.Column('rate_ppm', sa.Integer(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_score')),
    sa.UniqueConstraint('trace_id', 'metric', 'judge', 'application', name=op.f('uq_score_trace_id_metric_judge_application'))
    )
    op.create_table('score_rollup_hour',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('bucket', sa.Integer(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('metric', sa.String(length=100), nullable=False),
    sa.Column('judge', sa.String(length=200), nullable=False),
    sa.Column('rate_ppm', sa.Integer(), nullable=False),
    sa.Column('scored', sa.BigInteger(), nullable=False),
    sa.Column('undefined', sa.BigInteger(), nullable=False),
    sa.Column('value_sum', sa.Float(), nullable=False),
    sa.Column('value_square_sum', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'bucket', 'environment', 'release', 'metric', 'judge', 'rate_ppm', name=op.f('pk_score_rollup_hour')),
    sqlite_with_rowid=False
    )
    op.create_table('span',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('trace_id', sa.String(length=32), nullable=False),
    sa.Column('span_id', sa.String(length=16), nullable=False),
    sa.Column('parent_span_id', sa.String(length=16), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('component', sa.String(length=40), nullable=False),
    sa.Column('start_ns', sa.BigInteger(), nullable=False),
    sa.Column('duration_ns', sa.BigInteger(), nullable=False),
    sa.Column('is_error', sa.Boolean(), nullable=False),
    sa.Column('status_message', sa.Text(), nullable=False),
    sa.Column('is_request', sa.Boolean(), nullable=False),
    sa.Column('is_call', sa.Boolean(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('provider', sa.String(length=100), nullable=False),
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.Column('session_id', sa.String(length=200), nullable=False),
    sa.Column('user_id', sa.String(length=200), nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), nullable=True),
    sa.Column('output_tokens', sa.BigInteger(), nullable=True),
    sa.Column('cache_read_tokens', sa.BigInteger(), nullable=True),
    sa.Column('cache_write_tokens', sa.BigInteger(), nullable=True),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=True),
    sa.Column('first_token_ns', sa.BigInteger(), nullable=True),
    sa.Column('folded_into', sa.String(length=16), nullable=False),
    sa.Column('call_id', sa.String(length=200), nullable=False),
    sa.Column('is_other_model', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_span')),
    sa.UniqueConstraint('trace_id', 'span_id', 'application', name=op.f('uq_span_trace_id_span_id_application'))
    )
    with op.batch_alter_table('span', schema=None) as batch_op:
        batch_op.create_index('ix_span_application_start', ['application', 'start_ns'], unique=False)
        batch_op.create_index('ix_span_call_id', ['call_id'], unique=False, sqlite_where=sa.text("call_id <> ''"), postgresql_where=sa.text("call_id <> ''"))

    op.create_table('test_case',
    sa.Column('dataset', sa.String(length=200), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('case_no', sa.Integer(), nullable=False),
    sa.Column('input', sa.Text(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('contexts', Json, nullable=True),
    sa.Column('reference', sa.Text(), nullable=True),
    sa.Column('metadata', Json, nullable=False),
    sa.PrimaryKeyConstraint('dataset', 'version', 'case_no', name=op.f('pk_test_case'))
    )
    op.create_table('usage_mark',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('day', sa.Integer(), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('marks', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'day', 'shard', name=op.f('pk_usage_mark')),
    sqlite_with_rowid=False
    )
    op.create_table('usage_user_day',
    sa.Column('application', sa.String(length=200), nullable=False),
    sa.Column('day', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.String(length=200), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=False),
    sa.Column('release', sa.String(length=200), nullable=False),
    sa.Column('model', sa.String(length=300), nullable=False),
    sa.Column('requests', sa.BigInteger(), nullable=False),
    sa.Column('request_errors', sa.BigInteger(), nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.Column('unpriced_calls', sa.BigInteger(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), nullable=False),
    sa.Column('output_tokens', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('application', 'day', 'user_id', 'environment', 'release', 'model', name=op.f('pk_usage_user_day')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('usage_user_day', schema=None) as batch_op:
        batch_op.create_index('ix_usage_user_day_user', ['user_id', 'day'], unique=False)

    op.create_table('worker',
    sa.Column('executor_id', sa.String(length=100), nullable=False),
    sa.Column('beat_at', UtcDateTime(), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('executor_id', name=op.f('pk_worker'))
    )


def downgrade() -> None:
    op.drop_table('worker')
    with op.batch_alter_table('usage_user_day', schema=None) as batch_op:
        batch_op.drop_index('ix_usage_user_day_user')

    op.drop_table('usage_user_day')
    op.drop_table('usage_mark')
    op.drop_table('test_case')
    with op.batch_alter_table('span', schema=None) as batch_op:
        batch_op.drop_index('ix_span_call_id', sqlite_where=sa.text("call_id <> ''"), postgresql_where=sa.text("call_id <> ''"))
        batch_op.drop_index('ix_span_application_start')

    op.drop_table('span')
    op.drop_table('score_rollup_hour')
    op.drop_table('score')
    op.drop_table('saved_view')
    op.drop_table('saved_settings')
    with op.batch_alter_table('sample_waiting', schema=None) as batch_op:
        batch_op.drop_index('ix_sample_waiting_trace')

    op.drop_table('sample_waiting')
    op.drop_table('sample_rollup_hour')
    op.drop_table('sample_cursor')
    with op.batch_alter_table('sample', schema=None) as batch_op:
        batch_op.drop_index('ix_sample_state_priority')
        batch_op.drop_index('ix_sample_priority_start')
        batch_op.drop_index('ix_sample_ended')
        batch_op.drop_index('ix_sample_application_start')

    op.drop_table('sample')
    op.drop_table('routing_table')
    op.drop_table('rollup_model')
    op.drop_table('rollup_minute')
    op.drop_table('rollup_hour')
    op.drop_table('rollup_day')
    with op.batch_alter_table('rollout', schema=None) as batch_op:
        batch_op.drop_index('ix_rollout_application')

    op.drop_table('rollout')
    with op.batch_alter_table('rollback', schema=None) as batch_op:
        batch_op.drop_index('ix_rollback_application')

    op.drop_table('rollback')
    with op.batch_alter_table('review', schema=None) as batch_op:
        batch_op.drop_index('ix_review_application_start')

    op.drop_table('review')
    with op.batch_alter_table('request', schema=None) as batch_op:
        batch_op.drop_index('ix_request_user_start')
        batch_op.drop_index('ix_request_start')
        batch_op.drop_index('ix_request_session_start')
        batch_op.drop_index('ix_request_application_start')

    op.drop_table('request')
    op.drop_table('release')
    op.drop_table('prompt_version')
    op.drop_table('price')
    with op.batch_alter_table('payload', schema=None) as batch_op:
        batch_op.drop_index('ix_payload_trace')
        batch_op.drop_index('ix_payload_application_start')

    op.drop_table('payload')
    with op.batch_alter_table('log_record', schema=None) as batch_op:
        batch_op.drop_index('ix_log_record_application_time')

    op.drop_table('log_record')
    op.drop_table('invocation_log_source')
    with op.batch_alter_table('invocation_log', schema=None) as batch_op:
        batch_op.drop_index('ix_invocation_log_start')
        batch_op.drop_index('ix_invocation_log_response', sqlite_where=sa.text("response_id <> ''"), postgresql_where=sa.text("response_id <> ''"))

    op.drop_table('invocation_log')
    with op.batch_alter_table('incident', schema=None) as batch_op:
        batch_op.drop_index('ix_incident_application')

    op.drop_table('incident')
    op.drop_table('feedback')
    op.drop_table('evaluation_score')
    with op.batch_alter_table('evaluation', schema=None) as batch_op:
        batch_op.drop_index('ix_evaluation_application')

    op.drop_table('evaluation')
    op.drop_table('dirty_hour')
    op.drop_table('dataset_version')
    op.drop_table('dataset_tag')
    op.drop_table('dataset')
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_entry_application')

    op.drop_table('audit_entry')
    op.drop_table('audit_chain')
    with op.batch_alter_table('approval', schema=None) as batch_op:
        batch_op.drop_index('ix_approval_release')

    op.drop_table('approval')
    op.drop_table('application')
