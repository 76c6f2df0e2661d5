"""From a production request to a test case: what went wrong once is checked ever after."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from db.tables.telemetry import request
from db.transaction import reading
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.next_version import add_next_version
from genaiops_core.evaluation.datasets.trace_case import read_trace_case
from genaiops_core.evaluation.datasets.versions import DatasetVersion


def add_trace(
    engine: sa.Engine,
    *,
    actor: str,
    application: str,
    trace_id: str,
    dataset: str,
    reference: str | None = None,
    reason: str = "",
) -> DatasetVersion:
    """Make a trace a test case of `dataset`: a new version with all cases of the newest, and this one.

    A case of the same trace that is there already stays; with a new `reference` it is replaced in its place.

    Args:
        engine: the database.
        actor: who acts.
        application: whose request it is.
        trace_id: 32 hexadecimal digits.
        dataset: its name; made when there is none.
        reference: the answer that would have been right.
        reason: why, for the audit log.

    Returns:
        The version that holds the case; `is_new` is False when there was nothing to add.

    Raises:
        NotFound: there is no such request.
        BadInput: the trace does not tell what was asked.
    """
    trace_id = trace_id.strip().lower()
    with reading(engine) as connection:
        case = _load_case(connection, application, trace_id)
    reference = reference.strip() or None if reference else None
    version = add_next_version(
        engine,
        actor=actor,
        name=dataset,
        build_cases=lambda newest_cases: _put_case(newest_cases, case, reference),
        describe_source=lambda: f"trace {trace_id}",
        reason=reason or f"from trace {trace_id} of {application}",
        action="dataset.from_traces",
    )
    assert version is not None, "the case is in it"
    return version


def _load_case(connection: sa.Connection, application: str, trace_id: str) -> Case:
    row = connection.execute(
        sa.select(request.c.release, request.c.environment).where(
            request.c.trace_id == trace_id, request.c.application == application
        )
    ).first()
    if row is None:
        raise NotFound(f"There is no request {trace_id} of {application}.")
    trace_case = read_trace_case(connection, trace_id)
    if trace_case.case is None:
        raise BadInput(f"This request cannot become a test case: {trace_case.problem}.")
    return attach_origin(trace_case.case, trace_id, application, row.release)


def attach_origin(case: Case, trace_id: str, application: str, release: str | None) -> Case:
    """The case with the request it was made from in its metadata."""
    origin = {"trace_id": trace_id, "application": application, "release": release}
    return replace(case, metadata={name: value for name, value in origin.items() if value})


def _put_case(cases: list[Case], case: Case, reference: str | None) -> list[Case]:
    """`kept` with the case of this trace in its place, or at the end."""
    identity = (case.metadata["trace_id"], case.metadata["application"])
    for position, existing in enumerate(cases):
        if (existing.metadata.get("trace_id"), existing.metadata.get("application")) == identity:
            if reference is None or existing.reference == reference:
                return cases
            return [*cases[:position], replace(existing, reference=reference), *cases[position + 1 :]]
    return [*cases, replace(case, reference=reference)]
