"""The steps of one trace over time: one bar a span, one colour a component, an arrow where steps can be folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from pages.parts.charts import plots

COMPONENTS: Mapping[str, str] = {
    "generation": "generation",
    "retrieval": "retrieval",
    "tool": "tool",
    "reranking": "re-ranking",
    "guardrail": "guardrail",
    "embedding": "embedding",
    "prompt": "prompt construction",
    "rewriting": "rewriting",
    "output guardrail": "output guardrail",
    "agent": "agent",
    "chain": "chain",
    "other": "other",
}
"""Component -> what people call it. Their order is that of the colours, so each has the same in every trace."""

_GREYS = {"agent": "#64748B", "chain": "#94A3B8", "other": "#A8A29E"}
"""What only holds others together; the colours are for what does the work."""

_SECONDS_FROM_MS = 10_000
TALL = 16
"""Steps from which on the chart scrolls in itself."""
_ROW_PX = 24


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One step; times in milliseconds from the start of the trace."""

    label: str
    component: str
    """A key of `COMPONENTS`."""
    depth: int
    start_ms: float
    duration_ms: float
    is_error: bool
    is_folded: bool = False
    """Whether another span counts for the call this one tells of."""
    below: int = 0
    """Steps anywhere below it."""
    is_collapsed: bool = False


@dataclass(frozen=True, kw_only=True)
class Clicked:
    """What was clicked: a row, and whether it was its arrow."""

    row: int
    is_arrow: bool


def figure(bars: Sequence[Bar]) -> go.Figure:
    """Top to bottom in tree order; errors are outlined in red, calls told again are pale."""
    drawn = go.Figure()
    whole_ms = max((bar.start_ms + bar.duration_ms for bar in bars), default=1.0) or 1.0
    unit, per_ms = ("s", 0.001) if whole_ms >= _SECONDS_FROM_MS else ("ms", 1.0)
    whole = whole_ms * per_ms
    for component, words in COMPONENTS.items():
        rows = [(row, bar) for row, bar in enumerate(bars) if bar.component == component]
        # Empty ones keep the order of colours.
        told = _bars(rows, whole, per_ms, name=words).update(showlegend=bool(rows))
        told.update(marker={"opacity": [0.35 if bar.is_folded else 1.0 for _, bar in rows]})
        if component in _GREYS:
            told.update(marker={"color": _GREYS[component]})
        drawn.add_trace(told)
    if failed := [(row, bar) for row, bar in enumerate(bars) if bar.is_error]:
        marker = {"color": "rgba(0,0,0,0)", "line": {"color": plots.RED, "width": 2.5}}
        drawn.add_trace(_bars(failed, whole, per_ms, name="failed").update(marker=marker))
    if parents := [(row, bar) for row, bar in enumerate(bars) if bar.below]:
        drawn.add_trace(_arrows(parents, whole))
    plots.style(drawn, height=max(130, _ROW_PX * len(bars) + 74), unit="", legend=True)
    drawn.update_layout(barmode="overlay", hovermode="closest", clickmode="event+select")
    drawn.update_xaxes(
        title={"text": f"{unit} since the first step", "font": {"size": 11}},
        showgrid=True,
        range=[-whole * 0.025, whole * 1.01],
        # A long one scrolls: its axis must be where one begins to read.
        side="top" if len(bars) > TALL else "bottom",
    )
    if len(bars) > TALL:
        drawn.update_layout(legend={"y": 1 + 44 / (_ROW_PX * len(bars))}, margin={"t": 84})
    drawn.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(bars))),
        ticktext=[plots.text(_label(bar)) for bar in bars],
        range=[len(bars) - 0.4, -0.6],
        showgrid=False,
        nticks=None,
    )
    return drawn


def pick(bars: Sequence[Bar], *, key: str, alt: str) -> Clicked | None:
    """Draw the steps and return what was clicked."""
    point = plots.pick(figure(bars), key=key, alt=alt)
    if point is None:
        return None
    return Clicked(row=int(point["y"]), is_arrow=point.get("customdata") in ("fold", ["fold"]))


def _label(bar: Bar) -> str:
    more = f" (+{bar.below:,})" if bar.is_collapsed else ""
    again = "↺ " if bar.is_folded else ""
    return f"{'· ' * min(bar.depth, 8)}{again}{plots.shorten(bar.label, 42 - 2 * min(bar.depth, 8))}{more}"


def _bars(rows: Sequence[tuple[int, Bar]], whole: float, per_ms: float, *, name: str) -> go.Bar:
    return go.Bar(
        orientation="h",
        y=[row for row, _ in rows],
        base=[bar.start_ms * per_ms for _, bar in rows],
        # A sliver stays visible and clickable however short the step was.
        x=[max(bar.duration_ms * per_ms, whole / 400) for _, bar in rows],
        width=0.64,
        name=name,
        customdata=[[plots.text(bar.label), bar.duration_ms, bar.start_ms] for _, bar in rows],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]:,.1f} ms, from %{customdata[2]:,.1f} ms",
    )


def _arrows(rows: Sequence[tuple[int, Bar]], whole: float) -> go.Scatter:
    return go.Scatter(
        x=[-whole * 0.013] * len(rows),
        y=[row for row, _ in rows],
        mode="markers",
        marker={
            "symbol": ["triangle-right" if bar.is_collapsed else "triangle-down" for _, bar in rows],
            "size": 9,
            "color": "#94A3B8",
        },
        customdata=["fold"] * len(rows),
        text=[f"{'unfold' if bar.is_collapsed else 'fold'} {bar.below:,} steps" for _, bar in rows],
        hovertemplate="%{text}<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )
