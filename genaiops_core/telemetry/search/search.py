"""Finds requests by a search (`search_language`), newest first, in pages of bounded work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from genaiops_core.telemetry.search import message_search, paging
from genaiops_core.telemetry.search import query as ast
from genaiops_core.telemetry.search.conditions import INDEXED, build_condition, equals, match_text_in_columns, find_whole_value
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
    """One page of the requests that started in the window and that `query` asks for, newest first.

    A user, a session, a trace id or the application is found through an index; for everything else at most 10,000
    requests are looked at for one page, and the messages of at most `message_search.MOST_READ` of them are read.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and what it is narrowed to; `model` is that of the request.
        query: in the language of `search_language`; '' asks for everything.
        limit: rows wanted, 1 to `paging.MAX_LIMIT`.
        cursor: `next_cursor` of the page before.

    Raises:
        BadInput: no such query, a limit out of range, or a cursor that is none of ours.
    """
    paging.check_limit(limit)
    asked = parse(query) if isinstance(query, str) else query
    scope, conditions = _scope(filters, asked)
    picked = [*paging.narrowed(filters), *[build_condition(node) for node in conditions]]
    texts = list(
        dict.fromkeys(leaf for node in conditions for leaf in leaves(node) if isinstance(leaf, ast.Text))
    )
    if not texts:
        return _page(
            paging.read_page(connection, scope=scope, picked=picked, limit=limit, cursor=cursor),
            searched=None,
        )
    decider = _Decider(connection, conditions, texts)
    page = paging.read_page(
        connection,
        scope=scope,
        picked=picked,
        limit=limit,
        cursor=cursor,
        columns=decider.columns,
        accept=decider.accept,
        most_accepted_among=message_search.MOST_READ,
    )
    return _page(page, searched=page.accepted_among)


def leaves(node: ast.Node) -> Iterable[ast.Node]:
    """The conditions of a tree, without what joins them."""
    if isinstance(node, ast.Not):
        yield from leaves(node.node)
    elif isinstance(node, ast.All | ast.Any):
        for inner in node.nodes:
            yield from leaves(inner)
    else:
        yield node


def holds(node: ast.Node, truths: dict[ast.Node, bool]) -> bool:
    """Whether a tree holds, given the truth of each of its leaves."""
    if isinstance(node, ast.Not):
        return not holds(node.node, truths)
    if isinstance(node, ast.All):
        return all(holds(inner, truths) for inner in node.nodes)
    if isinstance(node, ast.Any):
        return any(holds(inner, truths) for inner in node.nodes)
    return truths[node]


class _Decider:
    """Decides requests by their messages too: the database says what else holds, payloads say the rest."""

    def __init__(
        self, connection: sa.Connection, conditions: Sequence[ast.Node], texts: Sequence[ast.Text]
    ) -> None:
        self._connection = connection
        self._node = ast.all_of(conditions)
        self._texts = texts
        self._leaves = list(dict.fromkeys(leaves(self._node)))
        self.columns = [
            (match_text_in_columns(leaf) if isinstance(leaf, ast.Text) else build_condition(leaf)).label(f"leaf_{at}")
            for at, leaf in enumerate(self._leaves)
        ]

    def accept(self, rows: Sequence[sa.RowMapping]) -> list[bool]:
        said = message_search.say(
            self._connection,
            [(row["trace_id"], row["application"]) for row in rows],
            [one.text for one in self._texts],
        )
        accepted = []
        for row in rows:
            truths = {leaf: bool(row[f"leaf_{at}"]) for at, leaf in enumerate(self._leaves)}
            words = said.get((row["trace_id"], row["application"]), set())
            truths.update({text: truths[text] or text.text in words for text in self._texts})
            accepted.append(holds(self._node, truths))
        return accepted


def _scope(filters: Filters, asked: ast.Query) -> tuple[list[sa.ColumnElement[bool]], list[ast.Node]]:
    """What an index serves, and the conditions that are left."""
    for field in INDEXED:
        for node in asked.conditions:
            value = find_whole_value(node, field)
            if value is not None:
                left = [one for one in asked.conditions if one is not node]
                return [*paging.window_scope(filters, is_indexed=True), equals(field, value)], left
    left = list(asked.conditions)
    if filters.application is None:
        for node in left:
            application = find_whole_value(node, "application")
            if application is not None:
                narrowed = replace(filters, application=application)
                return paging.window_scope(narrowed), [one for one in left if one is not node]
    return paging.window_scope(filters), left


def _page(page: paging.Page, *, searched: int | None) -> TracePage:
    return TracePage(
        rows=tuple(TraceRow.from_row(row) for row in page.rows),
        next_cursor=page.next_cursor,
        looked_at=page.looked_at,
        searched=searched,
    )
