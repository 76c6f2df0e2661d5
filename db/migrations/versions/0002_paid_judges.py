"""paid judges, targets, rubrics, human labels"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from db.tables.base import Json, RowId, UtcDateTime

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

STATES = ("queued", "running", "finished", "cancelled", "failed")
STATES_SINCE = ("queued", "running", "paused", "finished", "cancelled", "failed")

ADDED: tuple[sa.Column[Any], ...] = (
    sa.Column('units_failed', sa.Integer(), server_default='0', nullable=False),
    sa.Column('judge_calls', sa.Integer(), server_default='0', nullable=False),
    sa.Column('unpriced_calls', sa.Integer(), server_default='0', nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('output_tokens', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('answers', sa.Integer(), server_default='0', nullable=False),
    sa.Column('answers_done', sa.Integer(), server_default='0', nullable=False),
    sa.Column('answers_cost_nano_usd', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('answers_unpriced', sa.Integer(), server_default='0', nullable=False),
    sa.Column('attempt', sa.Integer(), server_default='1', nullable=False),
    sa.Column('resumed_at', UtcDateTime(), nullable=True),
    sa.Column('units_at_resume', sa.Integer(), server_default='0', nullable=False),
)

OLD_SCORE = "evaluation_id, case_no, metric, value, reason, cost_nano_usd, latency_ms"


def upgrade() -> None:
    op.create_table('generated_answer',
    sa.Column('evaluation_id', sa.String(length=36), nullable=False),
    sa.Column('case_no', sa.Integer(), nullable=False),
    sa.Column('repetition', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('contexts', Json, nullable=True),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.Column('latency_ms', sa.Float(), nullable=True),
    sa.Column('input_tokens', sa.BigInteger(), nullable=True),
    sa.Column('output_tokens', sa.BigInteger(), nullable=True),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=True),
    sa.Column('answered_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('evaluation_id', 'case_no', 'repetition', name=op.f('pk_generated_answer'))
    )
    op.create_table('human_label',
    sa.Column('id', RowId, autoincrement=True, nullable=False),
    sa.Column('dataset', sa.String(length=200), nullable=False),
    sa.Column('case_sha256', sa.String(length=64), nullable=False),
    sa.Column('metric', sa.String(length=100), nullable=False),
    sa.Column('value', sa.Float(), nullable=False),
    sa.Column('labeller', sa.String(length=200), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('labelled_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_human_label')),
    sa.UniqueConstraint('dataset', 'case_sha256', 'metric', 'labeller', name=op.f('uq_human_label_dataset_case_sha256_metric_labeller'))
    )
    op.create_table('judge_call',
    sa.Column('evaluation_id', sa.String(length=36), nullable=False),
    sa.Column('call_sha256', sa.String(length=64), nullable=False),
    sa.Column('case_no', sa.Integer(), nullable=False),
    sa.Column('repetition', sa.Integer(), nullable=False),
    sa.Column('metric', sa.String(length=100), nullable=False),
    sa.Column('reply', Json, nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), nullable=True),
    sa.Column('output_tokens', sa.BigInteger(), nullable=True),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=True),
    sa.Column('latency_ms', sa.Float(), nullable=False),
    sa.Column('called_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('evaluation_id', 'call_sha256', name=op.f('pk_judge_call'))
    )
    op.create_index('ix_judge_call_case', 'judge_call', ['evaluation_id', 'case_no'])
    op.create_table('spend_hold',
    sa.Column('evaluation_id', sa.String(length=36), nullable=False),
    sa.Column('executor_id', sa.String(length=200), nullable=False),
    sa.Column('nano_usd', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('evaluation_id', 'executor_id', name=op.f('pk_spend_hold'))
    )
    op.create_table('rubric',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('prompt', sa.Text(), nullable=False),
    sa.Column('scale', Json, nullable=False),
    sa.Column('needs', Json, nullable=False),
    sa.Column('created_by', sa.String(length=200), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('name', 'version', name=op.f('pk_rubric'))
    )
    for column in ADDED:
        op.add_column('evaluation', sa.Column(column.name, column.type, server_default=column.server_default, nullable=column.nullable))
    _hold_state_to(STATES_SINCE)
    # The key grows by the repetition, which neither database can do to a table that stands: the rows move.
    op.rename_table('evaluation_score', 'evaluation_score_old')
    _forget_key('evaluation_score_old')
    op.create_table('evaluation_score',
    sa.Column('evaluation_id', sa.String(length=36), nullable=False),
    sa.Column('case_no', sa.Integer(), nullable=False),
    sa.Column('repetition', sa.Integer(), autoincrement=False, server_default='1', nullable=False),
    sa.Column('metric', sa.String(length=100), nullable=False),
    sa.Column('value', sa.Float(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('is_failed', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('cost_nano_usd', sa.BigInteger(), nullable=True),
    sa.Column('latency_ms', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('evaluation_id', 'case_no', 'repetition', 'metric', name=op.f('pk_evaluation_score'))
    )
    op.execute(f"INSERT INTO evaluation_score ({OLD_SCORE}) SELECT {OLD_SCORE} FROM evaluation_score_old")
    op.drop_table('evaluation_score_old')


def downgrade() -> None:
    op.rename_table('evaluation_score', 'evaluation_score_new')
    _forget_key('evaluation_score_new')
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
    values = "evaluation_id, case_no, metric, value, reason, coalesce(cost_nano_usd, 0), latency_ms"
    op.execute(
        f"INSERT INTO evaluation_score ({OLD_SCORE}) SELECT {values} FROM evaluation_score_new WHERE repetition = 1"
    )
    op.drop_table('evaluation_score_new')
    op.execute("UPDATE evaluation SET state = 'cancelled' WHERE state = 'paused'")
    _hold_state_to(STATES)
    for column in ADDED:
        op.drop_column('evaluation', column.name)
    for table in ('rubric', 'judge_call', 'human_label', 'generated_answer', 'spend_hold'):
        op.drop_table(table)


def _forget_key(table: str) -> None:
    """Free the name of the key, which PostgreSQL keeps unique in a schema."""
    if op.get_context().dialect.name == 'postgresql':
        op.drop_constraint('pk_evaluation_score', table, type_='primary')


def _hold_state_to(states: tuple[str, ...]) -> None:
    condition = f"state IN ({', '.join(repr(state) for state in states)})"
    with op.batch_alter_table('evaluation') as batch_op:
        batch_op.drop_constraint(op.f('ck_evaluation_state'), type_='check')
        batch_op.create_check_constraint(op.f('ck_evaluation_state'), condition)
