"""Adds one production request to a dataset as a test case, so that later evaluations repeat it."""

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
    """Add a trace to `dataset` as a test case: a new version with all cases of the newest, and this one.

    An existing case of the same trace is unchanged, or gets the new `reference` in its place.

    Args:
        engine: the database.
        actor: for the audit log.
        application: of the request.
        trace_id: 32 hexadecimal digits.
        dataset: its name; created if it does not exist.
        reference: the right answer.
        reason: for the audit log.

    Returns:
        The version that contains the case; `is_new` is False when nothing changed.

    Raises:
        NotFound: the request does not exist.
        BadInput: the trace has no question.
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
        raise NotFound(f"Request {trace_id} of {application} does not exist.")
    trace_case = read_trace_case(connection, trace_id)
    if trace_case.case is None:
        raise BadInput(f"This request cannot become a test case: {trace_case.problem}.")
    return attach_origin(trace_case.case, trace_id, application, row.release)


def attach_origin(case: Case, trace_id: str, application: str, release: str | None) -> Case:
    """Record the request that a case originates from in its metadata."""
    origin = {"trace_id": trace_id, "application": application, "release": release}
    return replace(case, metadata={name: value for name, value in origin.items() if value})


def _put_case(cases: list[Case], case: Case, reference: str | None) -> list[Case]:
    """Put a case in the place of the case of the same trace, or at the end."""
    # Applications may share a trace, so the trace ID alone does not identify the request.
    identity = (case.metadata["trace_id"], case.metadata["application"])
    for position, existing in enumerate(cases):
        if (existing.metadata.get("trace_id"), existing.metadata.get("application")) == identity:
            if reference is None or existing.reference == reference:
                return cases
            return [*cases[:position], replace(existing, reference=reference), *cases[position + 1 :]]
    return [*cases, replace(case, reference=reference)]
