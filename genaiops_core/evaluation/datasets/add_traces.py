"""Adds the production requests that match a search to a dataset as test cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.add_trace import attach_origin
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.next_version import add_next_version
from genaiops_core.evaluation.datasets.trace_case import read_trace_case
from genaiops_core.evaluation.datasets.versions import DatasetVersion, validate_name
from genaiops_core.telemetry.search import paging
from genaiops_core.telemetry.search.language import parse
from genaiops_core.telemetry.search.search import search
from genaiops_core.telemetry.search.trace_list import TraceRow
from genaiops_core.telemetry.time_window import Filters

MAX_TRACES = 5_000

SAME_TRACE = "the request is already a case"
SAME_INPUT = "another case has the same input"


@dataclass(frozen=True, kw_only=True)
class AddedTraces:
    """The result of adding requests."""

    version: DatasetVersion | None
    """The version with the cases; the newest version if none was added, None if the dataset does not exist."""
    matched: int
    """Number of requests that match the search, up to the limit."""
    added: int
    skipped: dict[str, int] = field(default_factory=dict)
    """Reason why a request is not added -> number of requests."""
    has_more: bool = False
    """Whether more requests may match than the limit allows."""


def build_query(
    query: str = "",
    *,
    only_errors: bool = False,
    only_disliked: bool = False,
    metric: str = "",
    below: float | None = None,
) -> str:
    """Add common conditions to a search, in the language of `telemetry.search.language`.

    Args:
        query: a search; '' for all requests.
        only_errors: only failed requests.
        only_disliked: only requests with a thumbs-down of a user.
        metric: the metric of `below`, for example faithfulness.
        below: only requests whose score of `metric` is lower.

    Raises:
        BadInput: the search is invalid, or only one of `metric` and `below` is set.
    """
    if bool(metric.strip()) != (below is not None):
        raise BadInput("A low score requires a metric and a threshold, for example faithfulness below 0.7.")
    # In parentheses: an OR in the query must not absorb the conditions that follow.
    terms = [f"({query.strip()})" if query.strip() else ""]
    terms += ["status:error"] if only_errors else []
    terms += ["feedback:down"] if only_disliked else []
    terms += [f"score({metric.strip()})<{below:.9f}"] if below is not None else []
    parse(query)  # separately, so that an error names the position in the typed text
    narrowed = " ".join(filter(None, terms))
    return str(parse(narrowed))


def add_matching_traces(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    filters: Filters,
    query: str = "",
    limit: int = 200,
    reason: str = "",
) -> AddedTraces:
    """Add the requests that match a search to `dataset`: a new version with all cases of the newest, and these.

    A request that is already a case, or has the same input as another case, is skipped and counted.

    Args:
        engine: the database.
        actor: for the audit log.
        dataset: its name; created if it does not exist.
        filters: the window, application, environment, release and model.
        query: a search; see `telemetry.search.language` and `build_query`.
        limit: maximum number of requests, newest first, 1 to `MAX_TRACES`.
        reason: for the audit log.

    Raises:
        BadInput: the search, the limit or the name is invalid.
    """
    if not 1 <= limit <= MAX_TRACES:
        raise BadInput(f"The limit must be 1 to {MAX_TRACES:,} requests, not {limit}.")
    validate_name(dataset)
    rows, has_more = _search_requests(engine, filters, query, limit)
    unreadable: Counter[str] = Counter()
    # Read once: only the selection below is repeated when another writer adds a version.
    trace_cases = list(_read_cases(engine, rows, unreadable))
    new_cases: list[Case] = []
    duplicates: Counter[str] = Counter()

    def append_new_cases(newest_cases: list[Case]) -> list[Case]:
        # Assigned, not extended: the function is called again after a conflict.
        nonlocal new_cases, duplicates
        new_cases, duplicates = _select_new_cases(newest_cases, trace_cases)
        return [*newest_cases, *new_cases]

    version = add_next_version(
        engine,
        actor=actor,
        name=dataset,
        build_cases=append_new_cases,
        describe_source=lambda: f"{len(new_cases)} requests of {filters.application or 'all applications'}",
        reason=reason or f"requests that match: {query or 'all'}",
        action="dataset.from_traces",
    )
    return AddedTraces(
        version=version,
        matched=len(rows),
        added=len(new_cases),
        skipped=dict(unreadable + duplicates),
        has_more=has_more,
    )


def _search_requests(
    engine: sa.Engine, filters: Filters, query: str, limit: int
) -> tuple[list[TraceRow], bool]:
    """Find the newest requests that match, and whether there may be more."""
    parsed_query = parse(query)
    rows: list[TraceRow] = []
    cursor: str | None = None
    while True:
        with reading(engine) as connection:
            page_limit = min(limit - len(rows), paging.MAX_LIMIT)
            page = search(connection, filters, parsed_query, limit=page_limit, cursor=cursor)
        rows += page.rows
        cursor = page.next_cursor
        if cursor is None or len(rows) >= limit:
            return rows, cursor is not None


def _read_cases(engine: sa.Engine, rows: list[TraceRow], skipped: Counter[str]) -> Iterator[Case]:
    for row in rows:
        # One transaction per trace, so that a long import does not hold a snapshot of the whole database.
        with reading(engine) as connection:
            trace_case = read_trace_case(connection, row.trace_id)
        if trace_case.case is None:
            skipped[trace_case.problem] += 1
        else:
            yield attach_origin(trace_case.case, row.trace_id, row.application, row.release)


def _select_new_cases(existing_cases: list[Case], trace_cases: list[Case]) -> tuple[list[Case], Counter[str]]:
    """Select the cases with a new trace and a new input; count the others by reason."""
    skipped: Counter[str] = Counter()
    traces = {(case.metadata.get("trace_id"), case.metadata.get("application")) for case in existing_cases}
    inputs = {case.input.strip() for case in existing_cases}
    new_cases: list[Case] = []
    for case in trace_cases:
        if (case.metadata["trace_id"], case.metadata["application"]) in traces:
            skipped[SAME_TRACE] += 1
        elif case.input.strip() in inputs:
            skipped[SAME_INPUT] += 1
        else:
            inputs.add(case.input.strip())
            new_cases.append(case)
    return new_cases, skipped
