"""Which component calls which, drawn from left to right: placing is pure, drawing is Plotly."""

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
"""State -> words and a colour that reads on white and on near-black."""

_LINE = "rgba(100,116,139,0.55)"
_STEPS = 12
_ROW_PX, _LEAST_ROW_PX = 64, 40
_COMFORTABLE_PX = 600


@dataclass(frozen=True, kw_only=True)
class Node:
    """One component as it is drawn."""

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


def layers(nodes: Sequence[Key], edges: Sequence[tuple[Key, Key]]) -> list[list[Key]]:
    """Nodes from left to right: each right of all that call it, as far as circles allow; few lines cross.

    An edge that would close a circle is left out of the placing, so that there is always an answer.
    """
    targets = _without_circles(nodes, edges)
    rank = dict.fromkeys(nodes, 0)
    # Longest paths: at most as many rounds as there are nodes, because circles are gone.
    for _ in nodes:
        moved = False
        for source in nodes:
            for target in targets[source]:
                if rank[target] <= rank[source]:
                    rank[target], moved = rank[source] + 1, True
        if not moved:
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
        order = {node: at for at, node in enumerate(column)}
        # Each stands near the middle of what calls it; equals keep their order.
        column.sort(
            key=lambda node: (
                sum(height[one] for one in sources[node]) / len(sources[node]) if sources[node] else 0.5,
                order[node],
            )
        )
        for at, node in enumerate(column):
            height[node] = (at + 1) / (len(column) + 1)
    return columns


def _without_circles(nodes: Sequence[Key], edges: Sequence[tuple[Key, Key]]) -> dict[Key, list[Key]]:
    """Targets of each node without the edges that lead back to a node on the way."""
    known = set(nodes)
    told: dict[Key, list[Key]] = defaultdict(list)
    for source, target in edges:
        if source in known and target in known and source != target:
            told[source].append(target)
    kept: dict[Key, list[Key]] = {node: [] for node in nodes}
    done: set[Key] = set()
    called = {target for targets in told.values() for target in targets}
    # What nobody calls begins; then whatever is left, which is on circles.
    for first in [*(node for node in nodes if node not in called), *nodes]:
        if first in done:
            continue
        way = [(first, iter(told[first]))]
        open_nodes = {first}
        while way:
            node, rest = way[-1]
            for target in rest:
                if target in open_nodes:
                    continue
                kept[node].append(target)
                if target not in done:
                    open_nodes.add(target)
                    way.append((target, iter(told[target])))
                    break
            else:
                way.pop()
                open_nodes.discard(node)
                done.add(node)
    return kept


def figure(nodes: Sequence[Node], edges: Sequence[Edge]) -> go.Figure:
    """Nodes sized by calls and coloured by errors, lines between them as wide as they are busy."""
    columns = layers([one.key for one in nodes], [(one.source, one.target) for one in edges])
    place = {
        key: (float(x), -(y - (len(column) - 1) / 2))
        for x, column in enumerate(columns)
        for y, key in enumerate(column)
    }
    drawn = go.Figure()
    most = max((one.calls for one in edges), default=1)
    for edge in edges:
        if edge.source in place and edge.target in place:
            _line(drawn, place[edge.source], place[edge.target], edge, most)
    busiest = max((one.calls for one in nodes), default=1)
    for state, (words, colour) in STATES.items():
        shown = [one for one in nodes if one.state == state]
        drawn.add_trace(
            go.Scatter(
                x=[place[one.key][0] for one in shown],
                y=[place[one.key][1] for one in shown],
                mode="markers+text",
                name=words,
                marker={
                    "color": colour,
                    "size": [18 + 26 * math.sqrt(one.calls / busiest) for one in shown],
                    "opacity": 1,
                },
                text=[plots.text(plots.shorten(one.label, 32)) for one in shown],
                textposition="bottom center",
                textfont={"size": 12},
                customdata=[plots.text(one.hover) for one in shown],
                hovertemplate="%{customdata}<extra></extra>",
                cliponaxis=False,
            )
        )
    tallest = max((len(column) for column in columns), default=1)
    plots.style(drawn, height=max(260, round(_row_px(tallest) * tallest) + 90), unit="", legend=True)
    drawn.update_layout(hovermode="closest")
    drawn.update_xaxes(visible=False, range=[-0.4, len(columns) - 0.6])
    drawn.update_yaxes(visible=False, range=[-tallest / 2 - 0.35, tallest / 2 + 0.1])
    return drawn


def _row_px(rows: int) -> float:
    """Rows move together where there are many, as far as their names allow."""
    return min(_ROW_PX, max(_LEAST_ROW_PX, _COMFORTABLE_PX / rows))


def _line(
    drawn: go.Figure, start: tuple[float, float], end: tuple[float, float], edge: Edge, most: int
) -> None:
    """A curve that leaves and arrives level; one that leads back bows below."""
    (x0, y0), (x1, y1) = start, end
    shares = [at / _STEPS for at in range(_STEPS + 1)]
    dip = 0.45 if x1 <= x0 else 0.0
    xs = [x0 + (x1 - x0) * t for t in shares]
    ys = [y0 + (y1 - y0) * (3 * t * t - 2 * t**3) - dip * 4 * t * (1 - t) for t in shares]
    drawn.add_trace(
        go.Scatter(
            x=xs,
            y=ys,
            mode="lines",
            line={"width": 1 + 4 * math.sqrt(edge.calls / most), "color": _LINE},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    middle = _STEPS * 2 // 3
    drawn.add_trace(
        go.Scatter(
            x=[xs[middle]],
            y=[ys[middle]],
            mode="markers",
            marker={"symbol": "triangle-right", "size": 9, "color": "#94A3B8"},
            customdata=[plots.text(edge.hover)],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    )
