"""Alembic's entry: runs inside the connection and transaction that `db.migrate` opened."""

from alembic import context

from db.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    # A developer at the desk: `alembic revision --autogenerate`.
    from db.engine import make_engine
    from genaiops_core.settings import Settings

    connection = make_engine(Settings().url).connect()

context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
    compare_type=True,
    include_name=lambda name, kind, _parents: not (kind == "schema" and name == "dbos"),
)
context.run_migrations()
