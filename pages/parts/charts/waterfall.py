"""Waterfall of one trace: one bar per span, one colour per component, an arrow where steps can be collapsed."""

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
"""Component -> label. Their order is the order of the colours, so a component has one colour in every trace."""

_GREYS = {"agent": "#64748B", "chain": "#94A3B8", "other": "#A8A29E"}
"""Colours of components that only group others."""

_SECONDS_FROM_MS = 10_000
TALL = 16
"""Above this number of steps the chart scrolls inside its container."""
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
    is_duplicate: bool = False
    """Whether this span repeats a model call that another span counts."""
    descendants: int = 0
    """Number of steps below it, at any depth."""
    is_collapsed: bool = False


@dataclass(frozen=True, kw_only=True)
class Click:
    """A click: its row, and whether it hit the arrow of the row."""

    row: int
    is_arrow: bool


def build_figure(bars: Sequence[Bar]) -> go.Figure:
    """Build the figure, top to bottom in tree order: errors are outlined in red, duplicates are pale."""
    figure = go.Figure()
    total_ms = max((bar.start_ms + bar.duration_ms for bar in bars), default=1.0) or 1.0
    unit, per_ms = ("s", 0.001) if total_ms >= _SECONDS_FROM_MS else ("ms", 1.0)
    total = total_ms * per_ms
    for component, label in COMPONENTS.items():
        rows = [(row, bar) for row, bar in enumerate(bars) if bar.component == component]
        # Empty traces keep the order of colours.
        trace = _build_bars(rows, total, per_ms, name=label).update(showlegend=bool(rows))
        trace.update(marker={"opacity": [0.35 if bar.is_duplicate else 1.0 for _, bar in rows]})
        if component in _GREYS:
            trace.update(marker={"color": _GREYS[component]})
        figure.add_trace(trace)
    if errors := [(row, bar) for row, bar in enumerate(bars) if bar.is_error]:
        marker = {"color": "rgba(0,0,0,0)", "line": {"color": plots.RED, "width": 2.5}}
        figure.add_trace(_build_bars(errors, total, per_ms, name="failed").update(marker=marker))
    if parents := [(row, bar) for row, bar in enumerate(bars) if bar.descendants]:
        figure.add_trace(_build_arrows(parents, total))
    plots.apply_style(figure, height=max(130, _ROW_PX * len(bars) + 74), unit="", legend=True)
    figure.update_layout(barmode="overlay", hovermode="closest", clickmode="event+select")
    figure.update_xaxes(
        title={"text": f"{unit} since the first step", "font": {"size": 11}},
        showgrid=True,
        range=[-total * 0.025, total * 1.01],
        # A long chart scrolls: its axis must be at the top.
        side="top" if len(bars) > TALL else "bottom",
    )
    if len(bars) > TALL:
        figure.update_layout(legend={"y": 1 + 44 / (_ROW_PX * len(bars))}, margin={"t": 84})
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(bars))),
        ticktext=[plots.escape_html(_format_label(bar)) for bar in bars],
        range=[len(bars) - 0.4, -0.6],
        showgrid=False,
        nticks=None,
    )
    return figure


def pick(bars: Sequence[Bar], *, key: str, alt: str) -> Click | None:
    """Draw the steps; returns the click, or None."""
    point = plots.pick(build_figure(bars), key=key, alt=alt)
    if point is None:
        return None
    # Streamlit passes custom data on as a value or as a list of one.
    return Click(row=int(point["y"]), is_arrow=point.get("customdata") in ("fold", ["fold"]))


def _format_label(bar: Bar) -> str:
    suffix = f" (+{bar.descendants:,})" if bar.is_collapsed else ""
    mark = "↺ " if bar.is_duplicate else ""
    return f"{'· ' * min(bar.depth, 8)}{mark}{plots.shorten(bar.label, 42 - 2 * min(bar.depth, 8))}{suffix}"


def _build_bars(rows: Sequence[tuple[int, Bar]], total: float, per_ms: float, *, name: str) -> go.Bar:
    return go.Bar(
        orientation="h",
        y=[row for row, _ in rows],
        base=[bar.start_ms * per_ms for _, bar in rows],
        # A minimum width keeps a short step visible and clickable.
        x=[max(bar.duration_ms * per_ms, total / 400) for _, bar in rows],
        width=0.64,
        name=name,
        customdata=[[plots.escape_html(bar.label), bar.duration_ms, bar.start_ms] for _, bar in rows],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]:,.1f} ms, from %{customdata[2]:,.1f} ms",
    )


def _build_arrows(rows: Sequence[tuple[int, Bar]], total: float) -> go.Scatter:
    return go.Scatter(
        x=[-total * 0.013] * len(rows),
        y=[row for row, _ in rows],
        mode="markers",
        marker={
            "symbol": ["triangle-right" if bar.is_collapsed else "triangle-down" for _, bar in rows],
            "size": 9,
            "color": "#94A3B8",
        },
        customdata=["fold"] * len(rows),
        text=[f"{'expand' if bar.is_collapsed else 'collapse'} {bar.descendants:,} steps" for _, bar in rows],
        hovertemplate="%{text}<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )
