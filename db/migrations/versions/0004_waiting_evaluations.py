"""evaluations that wait for a provider, judge calls without token counts"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('evaluation', sa.Column('throttled_until', sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        'evaluation', sa.Column('uncounted_calls', sa.Integer(), server_default='0', nullable=False)
    )
    op.execute(
        """
        UPDATE evaluation SET uncounted_calls = (
            SELECT count(*) FROM judge_call
            WHERE judge_call.evaluation_id = evaluation.id
            AND (judge_call.input_tokens IS NULL OR judge_call.output_tokens IS NULL)
        )
        """
    )


def downgrade() -> None:
    op.drop_column('evaluation', 'uncounted_calls')
    op.drop_column('evaluation', 'throttled_until')
