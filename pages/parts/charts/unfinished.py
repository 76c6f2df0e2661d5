"""The last step of a window that ends now is not over: its figures still grow, so charts mark it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from genaiops_core.telemetry.time_window import STEPS, Filters
from genaiops_core.telemetry.traffic.series import choose_step, list_step_starts

Value = TypeVar("Value")


def has_unfinished_step(filters: Filters, at: dt.datetime) -> bool:
    """Whether the last step of the window ends after `at`."""
    step = choose_step(filters)
    return list_step_starts(filters, step)[-1] + dt.timedelta(minutes=STEPS[step]) > at


def drop_unfinished(filters: Filters, values: Sequence[Value], at: dt.datetime) -> Sequence[Value]:
    """The values of the finished steps, for a trend without room for a mark: a count would seem to fall at its end."""
    return values[:-1] if has_unfinished_step(filters, at) else values


def dash_last_step(figure: go.Figure) -> None:
    """Dash the last segment of every line of a chart, in the colour of the line."""
    theme = "dark" if st.context.theme.type == "dark" else "light"
    colours: list[str] = st.get_option(f"theme.{theme}.chartCategoricalColors") or []
    if not colours:
        return
    for number, trace in enumerate(list(figure.data)):
        if len(trace.y) < 2:
            continue
        colour = colours[number % len(colours)]
        trace.line.color = colour
        tail = go.Scatter(trace)
        tail.update(y=trace.y[-2:], showlegend=False, line={"dash": "dot"})
        if trace.x is not None:
            tail.x = trace.x[-2:]
        else:
            first = dt.datetime.fromisoformat(str(trace.x0))
            tail.x0 = str(first + dt.timedelta(milliseconds=trace.dx * (len(trace.y) - 2)))
        # The solid line ends one step earlier.
        values = np.array(trace.y)
        values[-1] = np.nan
        trace.y = values
        figure.add_trace(tail)
