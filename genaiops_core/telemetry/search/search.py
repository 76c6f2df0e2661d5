"""Finds requests by a search (see `language`), newest first, in pages of bounded work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from genaiops_core.telemetry.search import message_search, paging
from genaiops_core.telemetry.search import query as ast
from genaiops_core.telemetry.search.conditions import (
    INDEXED_FIELDS,
    build_condition,
    find_whole_value,
    match_indexed_value,
    match_text_in_columns,
)
from genaiops_core.telemetry.search.language import parse
from genaiops_core.telemetry.search.trace_list import TracePage, TraceRow
from genaiops_core.telemetry.time_window import Filters


def search(
    connection: sa.Connection,
    filters: Filters,
    query: str | ast.Query = "",
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> TracePage:
    """One page of the requests that started in the window and match `query`, newest first.

    Indexes serve a user, a session, a trace id and the application. For other conditions at most 10,000 requests are
    scanned for one page, and the messages of at most `message_search.MAX_REQUESTS_READ` of them are read.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and the dimensions; `model` is that of the request.
        query: in the search language; '' matches every request.
        limit: rows of the page, 1 to `paging.MAX_LIMIT`.
        cursor: `next_cursor` of the previous page.

    Raises:
        BadInput: an invalid query, limit or cursor.
    """
    paging.check_limit(limit)
    parsed_query = parse(query) if isinstance(query, str) else query
    scope, conditions = _split_scope(filters, parsed_query)
    row_conditions = [
        *paging.build_dimension_conditions(filters),
        *[build_condition(node) for node in conditions],
    ]
    texts = list(
        dict.fromkeys(leaf for node in conditions for leaf in list_leaves(node) if isinstance(leaf, ast.Text))
    )
    if not texts:
        return _build_page(
            paging.read_page(connection, scope=scope, conditions=row_conditions, limit=limit, cursor=cursor),
            searched=None,
        )
    matcher = _RowMatcher(connection, conditions, texts)
    page = paging.read_page(
        connection,
        scope=scope,
        conditions=row_conditions,
        limit=limit,
        cursor=cursor,
        columns=matcher.columns,
        accept=matcher.accept,
        max_rows_decided=message_search.MAX_REQUESTS_READ,
    )
    return _build_page(page, searched=page.rows_decided)


def list_leaves(node: ast.Node) -> Iterable[ast.Node]:
    """The conditions at the leaves of a tree."""
    if isinstance(node, ast.Not):
        yield from list_leaves(node.node)
    elif isinstance(node, ast.All | ast.Any):
        for inner in node.nodes:
            yield from list_leaves(inner)
    else:
        yield node


def evaluate_node(node: ast.Node, truths: dict[ast.Node, bool]) -> bool:
    """Whether a tree holds, from the truth value of each of its leaves."""
    if isinstance(node, ast.Not):
        return not evaluate_node(node.node, truths)
    if isinstance(node, ast.All):
        return all(evaluate_node(inner, truths) for inner in node.nodes)
    if isinstance(node, ast.Any):
        return any(evaluate_node(inner, truths) for inner in node.nodes)
    return truths[node]


class _RowMatcher:
    """Matches rows by their messages: SQL evaluates every leaf but texts in messages, which are read from payloads."""

    def __init__(
        self, connection: sa.Connection, conditions: Sequence[ast.Node], texts: Sequence[ast.Text]
    ) -> None:
        self._connection = connection
        self._node = ast.all_of(conditions)
        self._texts = texts
        self._leaves = list(dict.fromkeys(list_leaves(self._node)))
        self.columns = [
            (match_text_in_columns(leaf) if isinstance(leaf, ast.Text) else build_condition(leaf)).label(
                f"leaf_{index}"
            )
            for index, leaf in enumerate(self._leaves)
        ]

    def accept(self, rows: Sequence[sa.RowMapping]) -> list[bool]:
        texts_by_request = message_search.find_texts_in_requests(
            self._connection,
            [(row["trace_id"], row["application"]) for row in rows],
            [text.text for text in self._texts],
        )
        accepted = []
        for row in rows:
            truths = {leaf: bool(row[f"leaf_{index}"]) for index, leaf in enumerate(self._leaves)}
            found_texts = texts_by_request.get((row["trace_id"], row["application"]), set())
            truths.update({text: truths[text] or text.text in found_texts for text in self._texts})
            accepted.append(evaluate_node(self._node, truths))
        return accepted


def _split_scope(filters: Filters, query: ast.Query) -> tuple[list[sa.ColumnElement[bool]], list[ast.Node]]:
    """Split into the conditions that an index serves and the remaining ones."""
    for field in INDEXED_FIELDS:
        for node in query.conditions:
            value = find_whole_value(node, field)
            if value is not None:
                remaining = [condition for condition in query.conditions if condition is not node]
                return [
                    *paging.build_window_scope(filters, is_indexed=True),
                    match_indexed_value(field, value),
                ], remaining
    remaining = list(query.conditions)
    if filters.application is None:
        for node in remaining:
            application = find_whole_value(node, "application")
            if application is not None:
                # The index begins with the application, so a search for one application is served like the filter.
                application_filters = replace(filters, application=application)
                return paging.build_window_scope(application_filters), [
                    condition for condition in remaining if condition is not node
                ]
    return paging.build_window_scope(filters), remaining


def _build_page(page: paging.Page, *, searched: int | None) -> TracePage:
    return TracePage(
        rows=tuple(TraceRow.from_row(row) for row in page.rows),
        next_cursor=page.next_cursor,
        looked_at=page.looked_at,
        searched=searched,
    )
