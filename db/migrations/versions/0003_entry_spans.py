"""entry spans of called services, requests without root span"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

SPAN_FLAGS = ('has_remote_parent', 'is_internal', 'is_rootless')
REQUEST_FLAGS = ('is_internal', 'is_rootless', 'has_called_entry')
ROLLUPS = ('rollup_minute', 'rollup_hour', 'rollup_day')
USAGE = ('internal_requests', 'internal_request_errors')
SUMS = ('internal_requests', 'internal_request_errors', 'rootless_requests')


def upgrade() -> None:
    for name in SPAN_FLAGS:
        op.add_column('span', sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in REQUEST_FLAGS:
        op.add_column('request', sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('request', sa.Column('open_since_ns', sa.BigInteger(), nullable=True))
    # Services that others call had no requests until now: the worker looks for their entry spans once.
    op.execute("UPDATE request SET open_since_ns = 0 WHERE duration_ns IS NULL")
    op.create_index(
        'ix_request_open',
        'request',
        ['open_since_ns'],
        sqlite_where=sa.text('open_since_ns IS NOT NULL'),
        postgresql_where=sa.text('open_since_ns IS NOT NULL'),
    )
    for name in USAGE:
        op.add_column('usage_user_day', sa.Column(name, sa.BigInteger(), server_default='0', nullable=False))
    empty = "x''" if op.get_context().dialect.name == 'sqlite' else "''::bytea"
    for table in ROLLUPS:
        for name in SUMS:
            op.add_column(table, sa.Column(name, sa.BigInteger(), server_default='0', nullable=False))
        op.add_column(
            table,
            sa.Column(
                'internal_request_latency', sa.LargeBinary(), server_default=sa.text(empty), nullable=False
            ),
        )


def downgrade() -> None:
    # The requests of called services stay: their spans count as roots from then on.
    op.drop_index('ix_request_open', table_name='request')
    for table in ROLLUPS:
        for name in (*SUMS, 'internal_request_latency'):
            op.drop_column(table, name)
    for name in USAGE:
        op.drop_column('usage_user_day', name)
    for name in (*REQUEST_FLAGS, 'open_since_ns'):
        op.drop_column('request', name)
    for name in SPAN_FLAGS:
        op.drop_column('span', name)
