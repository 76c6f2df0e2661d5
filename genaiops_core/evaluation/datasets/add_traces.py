"""Many production requests as test cases at once: what a search finds becomes the next version of a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets.add_trace import traced
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.datasets.next_version import grow
from genaiops_core.evaluation.datasets.trace_case import case_of
from genaiops_core.evaluation.datasets.versions import DatasetVersion, checked_name
from genaiops_core.telemetry.search import paging
from genaiops_core.telemetry.search.language import parse
from genaiops_core.telemetry.search.search import search
from genaiops_core.telemetry.search.trace_list import TraceRow
from genaiops_core.telemetry.time_window import Filters

MOST_TRACES = 5_000

SAME_TRACE = "the request is a case already"
SAME_INPUT = "another case asks the same"


@dataclass(frozen=True, kw_only=True)
class FromTraces:
    """What came of it."""

    version: DatasetVersion | None
    """The version that holds the cases; the newest there was when none was added, None when there is no dataset."""
    found: int
    """Requests that the search found, up to the limit."""
    added: int
    skipped: dict[str, int] = field(default_factory=dict)
    """Why a request became no case -> how many."""
    has_more: bool = False
    """Whether the window may hold more such requests than the limit let in."""


def narrowed_query(
    query: str = "",
    *,
    only_errors: bool = False,
    disliked: bool = False,
    metric: str = "",
    below: float | None = None,
) -> str:
    """A search with the usual wishes added, in the language of `search_language`.

    Args:
        query: a search; '' for all requests.
        only_errors: requests that failed.
        disliked: requests that a user gave a thumb down.
        metric: of `below`, for example faithfulness.
        below: only requests whose score of `metric` is lower.

    Raises:
        BadInput: the search makes no sense, or one of `metric` and `below` is missing.
    """
    if bool(metric.strip()) != (below is not None):
        raise BadInput("A low score needs both a metric and a bound, for example faithfulness below 0.7.")
    terms = [f"({query.strip()})" if query.strip() else ""]
    terms += ["status:error"] if only_errors else []
    terms += ["feedback:down"] if disliked else []
    terms += [f"score({metric.strip()})<{below:.9f}"] if below is not None else []
    parse(query)  # by itself, so that an error names the character that was typed
    made = " ".join(filter(None, terms))
    return str(parse(made))


def from_traces(
    engine: sa.Engine,
    *,
    actor: str,
    dataset: str,
    filters: Filters,
    query: str = "",
    limit: int = 200,
    reason: str = "",
) -> FromTraces:
    """Make the requests that a search finds cases of `dataset`: a new version with all cases of the newest, and these.

    A request that is a case already, and one that asks exactly what another case asks, are left out and counted.

    Args:
        engine: the database.
        actor: who acts.
        dataset: its name; made when there is none.
        filters: the window, application, environment, release and model.
        query: a search; see `search_language` and `narrowed_query`.
        limit: requests looked at, newest first, 1 to `MOST_TRACES`.
        reason: why, for the audit log.

    Raises:
        BadInput: the search makes no sense, the limit is out of range, or the name is none.
    """
    if not 1 <= limit <= MOST_TRACES:
        raise BadInput(f"The limit must be 1 to {MOST_TRACES:,} requests, not {limit}.")
    checked_name(dataset)
    rows, has_more = _found(engine, filters, query, limit)
    untold: Counter[str] = Counter()
    told = list(_cases(engine, rows, untold))
    fresh: list[Case] = []
    known: Counter[str] = Counter()

    def make(kept: list[Case]) -> list[Case]:
        nonlocal fresh, known
        fresh, known = _fresh(kept, told)
        return [*kept, *fresh]

    version = grow(
        engine,
        actor=actor,
        name=dataset,
        make=make,
        source=lambda: f"{len(fresh)} requests of {filters.application or 'all applications'}",
        reason=reason or f"requests found by: {query or 'no search'}",
        action="dataset.from_traces",
    )
    return FromTraces(
        version=version,
        found=len(rows),
        added=len(fresh),
        skipped=dict(untold + known),
        has_more=has_more,
    )


def _found(engine: sa.Engine, filters: Filters, query: str, limit: int) -> tuple[list[TraceRow], bool]:
    """The newest requests that the search finds, and whether there may be more."""
    asked = parse(query)
    rows: list[TraceRow] = []
    cursor: str | None = None
    while True:
        with reading(engine) as connection:
            wanted = min(limit - len(rows), paging.MAX_LIMIT)
            page = search(connection, filters, asked, limit=wanted, cursor=cursor)
        rows += page.rows
        cursor = page.next_cursor
        if cursor is None or len(rows) >= limit:
            return rows, cursor is not None


def _cases(engine: sa.Engine, rows: list[TraceRow], skipped: Counter[str]) -> Iterator[Case]:
    for row in rows:
        with reading(engine) as connection:
            told = case_of(connection, row.trace_id)
        if told.case is None:
            skipped[told.problem] += 1
        else:
            yield traced(told.case, row.trace_id, row.application, row.release)


def _fresh(kept: list[Case], told: list[Case]) -> tuple[list[Case], Counter[str]]:
    """Those that are in no version yet, each input once; and why the others are not."""
    skipped: Counter[str] = Counter()
    traces = {(case.metadata.get("trace_id"), case.metadata.get("application")) for case in kept}
    inputs = {case.input.strip() for case in kept}
    fresh: list[Case] = []
    for case in told:
        if (case.metadata["trace_id"], case.metadata["application"]) in traces:
            skipped[SAME_TRACE] += 1
        elif case.input.strip() in inputs:
            skipped[SAME_INPUT] += 1
        else:
            inputs.add(case.input.strip())
            fresh.append(case)
    return fresh, skipped
