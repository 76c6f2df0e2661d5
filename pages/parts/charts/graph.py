"""Graph of components and their calls, from left to right: a pure layout and a Plotly figure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import plotly.graph_objects as go

from pages.parts.charts import plots

Key = TypeVar("Key", bound=Hashable)

STATES: Mapping[str, tuple[str, str]] = {
    "none": ("no errors", "#059669"),
    "some": ("some errors", "#EA580C"),
    "many": ("above the rollback limit", "#DC2626"),
}
"""State -> label and a colour with enough contrast in both themes."""

_LINE = "rgba(100,116,139,0.55)"
_STEPS = 12
_ROW_PX, _LEAST_ROW_PX = 64, 40
_COMFORTABLE_PX = 600


@dataclass(frozen=True, kw_only=True)
class Node:
    """One component of the graph."""

    key: str
    label: str
    calls: int
    state: str
    """A key of `STATES`."""
    hover: str


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Calls from one component to another."""

    source: str
    target: str
    calls: int
    hover: str


def arrange_layers(nodes: Sequence[Key], edges: Sequence[tuple[Key, Key]]) -> list[list[Key]]:
    """Assign nodes to columns from left to right: each is right of all its callers, and few lines cross.

    Longest-path layering with one barycentre pass. An edge that closes a cycle is ignored, so that every graph has a
    layout.
    """
    targets = _remove_cycles(nodes, edges)
    rank = dict.fromkeys(nodes, 0)
    # Longest paths: at most as many rounds as nodes, because the graph has no cycle.
    for _ in nodes:
        is_changed = False
        for source in nodes:
            for target in targets[source]:
                if rank[target] <= rank[source]:
                    rank[target], is_changed = rank[source] + 1, True
        if not is_changed:
            break
    columns: list[list[Key]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in nodes:
        columns[rank[node]].append(node)
    sources: dict[Key, list[Key]] = defaultdict(list)
    for source in nodes:
        for target in targets[source]:
            sources[target].append(source)
    height: dict[Key, float] = {}
    for column in columns:
        order = {node: position for position, node in enumerate(column)}
        # Barycentre: the mean height of its callers; equal nodes keep their order.
        column.sort(
            key=lambda node: (
                sum(height[caller] for caller in sources[node]) / len(sources[node])
                if sources[node]
                else 0.5,
                order[node],
            )
        )
        for position, node in enumerate(column):
            height[node] = (position + 1) / (len(column) + 1)
    return columns


def _remove_cycles(nodes: Sequence[Key], edges: Sequence[tuple[Key, Key]]) -> dict[Key, list[Key]]:
    """Targets of each node without the edges that lead back to a node on the current path."""
    known = set(nodes)
    all_targets: dict[Key, list[Key]] = defaultdict(list)
    for source, target in edges:
        if source in known and target in known and source != target:
            all_targets[source].append(target)
    acyclic_targets: dict[Key, list[Key]] = {node: [] for node in nodes}
    done: set[Key] = set()
    called = {target for targets in all_targets.values() for target in targets}
    # Depth first from nodes without a caller, then from the remaining nodes, which are on cycles.
    for start in [*(node for node in nodes if node not in called), *nodes]:
        if start in done:
            continue
        # A stack of our own: a long chain of calls would exceed Python's recursion limit.
        path = [(start, iter(all_targets[start]))]
        open_nodes = {start}
        while path:
            node, remaining = path[-1]
            for target in remaining:
                if target in open_nodes:
                    continue
                acyclic_targets[node].append(target)
                if target not in done:
                    open_nodes.add(target)
                    path.append((target, iter(all_targets[target])))
                    break
            else:
                path.pop()
                open_nodes.discard(node)
                done.add(node)
    return acyclic_targets


def build_figure(nodes: Sequence[Node], edges: Sequence[Edge]) -> go.Figure:
    """Build the figure: nodes sized by calls and coloured by errors, edges as wide as their calls."""
    columns = arrange_layers([node.key for node in nodes], [(edge.source, edge.target) for edge in edges])
    place = {
        key: (float(x), -(y - (len(column) - 1) / 2))
        for x, column in enumerate(columns)
        for y, key in enumerate(column)
    }
    figure = go.Figure()
    max_calls = max((edge.calls for edge in edges), default=1)
    _add_edges(
        figure, [edge for edge in edges if edge.source in place and edge.target in place], place, max_calls
    )
    busiest = max((node.calls for node in nodes), default=1)
    for state, (label, colour) in STATES.items():
        state_nodes = [node for node in nodes if node.state == state]
        figure.add_trace(
            go.Scatter(
                x=[place[node.key][0] for node in state_nodes],
                y=[place[node.key][1] for node in state_nodes],
                mode="markers+text",
                name=label,
                marker={
                    "color": colour,
                    "size": [18 + 26 * math.sqrt(node.calls / busiest) for node in state_nodes],
                    "opacity": 1,
                },
                text=[plots.escape_html(plots.shorten(node.label, 32)) for node in state_nodes],
                textposition="bottom center",
                textfont={"size": 12},
                customdata=[plots.escape_html(node.hover) for node in state_nodes],
                hovertemplate="%{customdata}<extra></extra>",
                cliponaxis=False,
            )
        )
    tallest = max((len(column) for column in columns), default=1)
    plots.apply_style(
        figure, height=max(260, round(_find_row_height_px(tallest) * tallest) + 90), unit="", legend=True
    )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(visible=False, range=[-0.4, len(columns) - 0.6])
    figure.update_yaxes(visible=False, range=[-tallest / 2 - 0.35, tallest / 2 + 0.1])
    return figure


def _find_row_height_px(rows: int) -> float:
    """Height of a row: many rows are closer together, down to the height of their names."""
    return min(_ROW_PX, max(_LEAST_ROW_PX, _COMFORTABLE_PX / rows))


def _add_edges(
    figure: go.Figure, edges: Sequence[Edge], place: Mapping[str, tuple[float, float]], max_calls: int
) -> None:
    """Add the curves and their arrows.

    Curves of about the same width share a trace and all arrows are one, because the browser takes its time for each
    trace.
    """
    curves_by_width: dict[float, tuple[list[float | None], list[float | None]]] = {}
    arrows: list[tuple[float, float]] = []
    for edge in edges:
        xs, ys = _bend(place[edge.source], place[edge.target])
        arrows.append((xs[_STEPS * 2 // 3], ys[_STEPS * 2 // 3]))
        width = round(2 * (1 + 4 * math.sqrt(edge.calls / max_calls))) / 2
        all_xs, all_ys = curves_by_width.setdefault(width, ([], []))
        # None ends a line.
        all_xs.extend([*xs, None])
        all_ys.extend([*ys, None])
    for width, (all_xs, all_ys) in sorted(curves_by_width.items()):
        figure.add_trace(
            go.Scatter(
                x=all_xs,
                y=all_ys,
                mode="lines",
                line={"width": width, "color": _LINE},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in arrows],
            y=[y for _, y in arrows],
            mode="markers",
            marker={"symbol": "triangle-right", "size": 9, "color": "#94A3B8"},
            customdata=[plots.escape_html(edge.hover) for edge in edges],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    )


def _bend(start: tuple[float, float], end: tuple[float, float]) -> tuple[list[float], list[float]]:
    """The points of a curve with horizontal ends; an edge that leads back bends below."""
    (x0, y0), (x1, y1) = start, end
    shares = [at / _STEPS for at in range(_STEPS + 1)]
    dip = 0.45 if x1 <= x0 else 0.0
    xs = [x0 + (x1 - x0) * t for t in shares]
    ys = [y0 + (y1 - y0) * (3 * t * t - 2 * t**3) - dip * 4 * t * (1 - t) for t in shares]
    return xs, ys
