"""Remove all demo data from the database; real data and the audit log stay."""

from __future__ import annotations

import sqlalchemy as sa

from db.tables import evaluations as evaluation_tables
from db.tables import metadata
from db.tables import telemetry as telemetry_tables
from db.transaction import writing
from genaiops_core.access import audit
from genaiops_core.demo import claim
from genaiops_core.errors import Conflict

_KEPT = frozenset(("audit_entry",))
"""Tables by application that keep their rows: the audit log must stay complete."""


def remove_demo(engine: sa.Engine, *, actor: str, reason: str = "") -> dict[str, int]:
    """Remove the demo applications, datasets and evaluations, and record it in the audit log.

    Returns:
        Rows removed by table; empty when there was no demo.

    Raises:
        Conflict: the demo is being written.
    """
    with writing(engine) as connection:
        claimed = claim.read(connection)
        if claimed is not None and claim.is_being_written(claimed):
            raise Conflict("The demo is being written; remove it in a few seconds.")
        removed = erase(connection)
        claim.release_claim(connection)
        if removed or claimed is not None:
            audit.record(
                connection, actor=actor, action="demo.remove", subject="demo", reason=reason, before=removed
            )
    return removed


def erase(connection: sa.Connection) -> dict[str, int]:
    """Delete every row of the demo; return the number of deleted rows by table."""
    removed: dict[str, int] = {}
    application = telemetry_tables.application
    names = list(
        connection.execute(sa.select(application.c.application).where(application.c.is_demo)).scalars()
    )
    _erase_datasets(connection, names, removed)
    _erase_feedback(connection, names, removed)
    for table in metadata.sorted_tables:
        # Every table with an application column, so that tables of later versions are included.
        if "application" in table.c and table is not application and table.name not in _KEPT:
            _delete(connection, table, table.c.application.in_(names), removed)
    _delete(connection, application, application.c.is_demo, removed)
    return removed


def _erase_feedback(connection: sa.Connection, names: list[str], removed: dict[str, int]) -> None:
    """Delete feedback before the requests, because it refers only to its trace."""
    request, feedback = telemetry_tables.request, telemetry_tables.feedback
    traces = sa.select(request.c.trace_id).where(request.c.application.in_(names))
    _delete(connection, feedback, feedback.c.trace_id.in_(traces), removed)


def _erase_datasets(connection: sa.Connection, names: list[str], removed: dict[str, int]) -> None:
    """Delete demo datasets, and every evaluation of a demo application or dataset."""
    tables = evaluation_tables
    datasets = sa.select(tables.dataset.c.name).where(tables.dataset.c.is_demo)
    of_demo = sa.or_(
        tables.evaluation.c.is_demo,
        tables.evaluation.c.application.in_(names),
        tables.evaluation.c.dataset.in_(datasets),
    )
    evaluations = sa.select(tables.evaluation.c.id).where(of_demo)
    scores = tables.evaluation_score
    _delete(connection, scores, scores.c.evaluation_id.in_(evaluations), removed)
    _delete(connection, tables.evaluation, of_demo, removed)
    for table in (tables.test_case, tables.dataset_version):
        _delete(connection, table, table.c.dataset.in_(datasets), removed)
    _delete(connection, tables.dataset, tables.dataset.c.is_demo, removed)


def _delete(
    connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool], removed: dict[str, int]
) -> None:
    rows = connection.execute(sa.delete(table).where(condition)).rowcount
    if rows:
        # SQLAlchemy's `quoted_name` is a subclass of str that orjson rejects as a key.
        name = str(table.name)
        removed[name] = removed.get(name, 0) + rows
