"""The service map of an application: its components, their dependencies, latency, errors and cost.

The map is calculated from spans. When the window has more than `MAX_SPANS`, a sample of its requests is read, each
with the same probability (by a hash of its row id). Counts are then of the sample, and `rate` is its share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import request, span
from genaiops_core.telemetry.figures import format_usd
from genaiops_core.telemetry.search import paging
from genaiops_core.telemetry.time_window import Filters
from genaiops_core.telemetry.traffic.component_names import name_node

MAX_SPANS = 20_000
MAX_SPANS_PER_TRACE = 1_000
"""Spans read per trace, so that a giant trace does not dominate the map."""
MAX_NODES = 60
"""Separate nodes; the other nodes of a component are combined into one."""
TOP_NODES = 5

_HASH_PRIME, _HASH_RANGE = 2_654_435_761, 1_000_003
_TRACES_PER_STATEMENT = 200
_PROBED_REQUESTS = 200


@dataclass(frozen=True, kw_only=True)
class MapNode:
    """One component of an application, or another application that it calls. Figures are of the spans read."""

    key: str
    component: str
    """`application` for another application."""
    name: str
    """The model, the tool, or the name of its spans without ids and numbers."""
    calls: int
    """Number of its spans; for another application, the calls to and from it."""
    errors: int
    p95_ms: float | None
    """Of successful spans, nearest rank; None when none succeeded."""
    cost_nano_usd: int
    unpriced_calls: int
    cost_share: float | None
    """Share of the cost of all spans read; None when that cost is 0."""

    @property
    def error_rate(self) -> float:
        """Failed spans over spans."""
        return self.errors / self.calls

    @property
    def cost_usd(self) -> str:
        """The exact cost as a decimal number, of the calls that have a price."""
        return format_usd(self.cost_nano_usd)


@dataclass(frozen=True, kw_only=True)
class MapEdge:
    """The calls of one node to another."""

    source: str
    target: str
    calls: int
    errors: int
    p95_ms: float | None

    @property
    def error_rate(self) -> float:
        """Failed spans over spans."""
        return self.errors / self.calls


@dataclass(frozen=True, kw_only=True)
class ServiceMap:
    """Nodes in order of calls, and their dependencies."""

    nodes: tuple[MapNode, ...]
    edges: tuple[MapEdge, ...]
    requests: int
    """Requests in the window."""
    sampled_requests: int
    sampled_spans: int
    rate: float
    """Share of the window's requests that were read, 0 to 1."""
    slowest: tuple[MapNode, ...]
    """By p95, without root nodes, because their latency includes that of all others."""
    failing: tuple[MapNode, ...]
    """By error rate; only nodes with an error."""
    most_expensive: tuple[MapNode, ...]
    """By cost; only nodes with a cost."""

    @property
    def is_sampled(self) -> bool:
        """Whether only a sample of the window's requests was read."""
        return self.sampled_requests < self.requests


def read_service_map(connection: sa.Connection, filters: Filters) -> ServiceMap:
    """The map of the requests in a window.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and the dimensions; without an application the map has all of them.
    """
    requests, traces = _sample_requests(connection, filters)
    spans = list(_read_spans(connection, traces))
    nodes, edges, roots = _build_graph(spans, filters.application)
    total_nano_usd = sum(sums.cost_nano_usd for sums in nodes.values())
    map_nodes = sorted(
        (sums.build_node(key, total_nano_usd) for key, sums in nodes.items()),
        key=lambda node: (-node.calls, node.key),
    )
    inner = [node for node in map_nodes if node.key not in roots]
    return ServiceMap(
        nodes=tuple(map_nodes),
        edges=tuple(
            sorted(
                (sums.build_edge(*ends) for ends, sums in edges.items()),
                key=lambda edge: (-edge.calls, edge.source, edge.target),
            )
        ),
        requests=requests,
        sampled_requests=len(traces),
        sampled_spans=len(spans),
        rate=len(traces) / requests if requests else 1.0,
        slowest=_take_top([node for node in inner if node.p95_ms is not None], lambda node: node.p95_ms or 0),
        failing=_take_top(
            [node for node in map_nodes if node.errors], lambda node: (node.error_rate, node.errors)
        ),
        most_expensive=_take_top(
            [node for node in map_nodes if node.cost_nano_usd], lambda node: node.cost_nano_usd
        ),
    )


@dataclass(slots=True)
class _Sums:
    component: str = ""
    name: str = ""
    calls: int = 0
    errors: int = 0
    cost_nano_usd: int = 0
    unpriced_calls: int = 0
    durations_ns: list[int] = field(default_factory=list)

    def add(self, row: sa.RowMapping) -> None:
        self.calls += 1
        if row["is_error"]:
            self.errors += 1
        elif row["duration_ns"] >= 0:  # a negative duration is unknown
            self.durations_ns.append(row["duration_ns"])
        if row["is_call"]:
            self.cost_nano_usd += row["cost_nano_usd"] or 0
            self.unpriced_calls += row["cost_nano_usd"] is None and not row["is_error"]

    def p95_ms(self) -> float | None:
        ordered = sorted(self.durations_ns)
        return ordered[(95 * len(ordered) + 99) // 100 - 1] / 1e6 if ordered else None

    def build_node(self, key: str, total_nano_usd: int) -> MapNode:
        return MapNode(
            key=key,
            component=self.component,
            name=self.name,
            calls=self.calls,
            errors=self.errors,
            p95_ms=self.p95_ms(),
            cost_nano_usd=self.cost_nano_usd,
            unpriced_calls=self.unpriced_calls,
            cost_share=self.cost_nano_usd / total_nano_usd if total_nano_usd else None,
        )

    def build_edge(self, source: str, target: str) -> MapEdge:
        return MapEdge(
            source=source, target=target, calls=self.calls, errors=self.errors, p95_ms=self.p95_ms()
        )


def _sample_requests(connection: sa.Connection, filters: Filters) -> tuple[int, list[str]]:
    """Number of requests in the window, and the trace ids to read: all, or a sample with equal probabilities."""
    scope = [*paging.build_window_scope(filters), *paging.build_dimension_conditions(filters)]
    requests = connection.scalar(sa.select(sa.func.count()).select_from(request).where(*scope)) or 0
    mean_spans = connection.scalar(
        sa.select(
            sa.func.avg(sa.select(request.c.spans).where(*scope).limit(_PROBED_REQUESTS).subquery().c.spans)
        )
    )
    expected = requests * min(float(mean_spans or 0), MAX_SPANS_PER_TRACE)
    # Multiplication by a prime separates neighbouring ids, so that periodic traffic does not bias the sample.
    request_hash = (request.c.id * _HASH_PRIME) % _HASH_RANGE
    if expected > MAX_SPANS:
        scope.append(request_hash < int(_HASH_RANGE * MAX_SPANS / expected))
    rows = connection.execute(
        sa.select(request.c.trace_id, request.c.spans).where(*scope).order_by(request_hash).limit(MAX_SPANS)
    )
    traces: list[str] = []
    remaining = MAX_SPANS
    for trace_id, spans in rows:
        remaining -= min(spans, MAX_SPANS_PER_TRACE)
        if remaining < 0 and traces:
            break
        traces.append(trace_id)
    return requests, traces


def _read_spans(connection: sa.Connection, traces: Sequence[str]) -> Iterator[sa.RowMapping]:
    columns = (
        "application",
        "trace_id",
        "span_id",
        "parent_span_id",
        "name",
        "component",
        "model",
        "duration_ns",
        "is_error",
        "is_call",
        "cost_nano_usd",
        "folded_into",
    )
    traces = list(dict.fromkeys(traces))
    for start in range(0, len(traces), _TRACES_PER_STATEMENT):
        # Limited by the database, so that a giant trace is not transferred.
        span_number = sa.func.row_number().over(
            partition_by=span.c.trace_id, order_by=(span.c.start_ns, span.c.id)
        )
        numbered = (
            sa.select(*[span.c[name] for name in columns], span_number.label("nth"))
            .where(span.c.trace_id.in_(traces[start : start + _TRACES_PER_STATEMENT]))
            .subquery()
        )
        yield from connection.execute(
            sa.select(numbered).where(numbered.c.nth <= MAX_SPANS_PER_TRACE)
        ).mappings()


def _build_graph(
    spans: Sequence[sa.RowMapping], application: str | None
) -> tuple[dict[str, _Sums], dict[tuple[str, str], _Sums], set[str]]:
    """Nodes by key, edges by the keys of their ends, and the keys of nodes that are roots."""
    identities = [_identify_node(row, application) for row in spans]
    counts: dict[tuple[str, str], int] = {}
    for identity in identities:
        counts[identity] = counts.get(identity, 0) + 1
    separate_nodes = set(sorted(counts, key=lambda identity: (-counts[identity], identity))[:MAX_NODES])
    identities = [
        identity if identity in separate_nodes else (identity[0], "other") for identity in identities
    ]
    identity_by_span: dict[tuple[str, str], tuple[str, str]] = {}
    for row, identity in zip(spans, identities, strict=True):
        identity_by_span.setdefault((row["trace_id"], row["span_id"]), identity)
    nodes: dict[str, _Sums] = {}
    edges: dict[tuple[str, str], _Sums] = {}
    roots = set()
    for row, identity in zip(spans, identities, strict=True):
        caller = (
            identity_by_span.get((row["trace_id"], row["parent_span_id"])) if row["parent_span_id"] else None
        )
        # A call within one node, for example of a recursive chain, is no dependency.
        caller = None if caller == identity else caller
        is_other = identity[0] == "application"
        if is_other and (caller is None or caller[0] == "application"):
            # The map shows calls to another application, not its inner spans.
            continue
        key = _format_key(identity)
        nodes.setdefault(key, _Sums(component=identity[0], name=identity[1])).add(row)
        if not row["parent_span_id"]:
            roots.add(key)
        if caller is None:
            continue
        edges.setdefault((_format_key(caller), key), _Sums()).add(row)
        if caller[0] == "application":
            nodes.setdefault(_format_key(caller), _Sums(component=caller[0], name=caller[1])).calls += 1
    return nodes, edges, roots


def _identify_node(row: sa.RowMapping, application: str | None) -> tuple[str, str]:
    if application is not None and row["application"] != application:
        return "application", row["application"]
    return row["component"], name_node(row["component"], row["name"], row["model"])


def _format_key(identity: tuple[str, str]) -> str:
    return f"{identity[0]}:{identity[1]}"


def _take_top(nodes: Sequence[MapNode], by: Any) -> tuple[MapNode, ...]:
    return tuple(sorted(nodes, key=by, reverse=True)[:TOP_NODES])
