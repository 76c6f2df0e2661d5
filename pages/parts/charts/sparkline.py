"""The trend of a card, as a component that draws it as SVG.

The chart of the framework's own metric takes several times as long in the browser, and screens have up to six of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import streamlit as st

Colour = Literal["primary", "green", "red", "gray"]

_FOLDER = Path(__file__).parent

_mount = st.components.v2.component(
    "sparkline",
    html='<div class="sparkline"></div>',
    css=(_FOLDER / "sparkline.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "sparkline.js").read_text(encoding="utf-8"),
)


def find_colour(delta: str | None, delta_colour: str) -> Colour:
    """The colour of a card's change, which its trend shares.

    Args:
        delta: the change as the card writes it; None without a previous value.
        delta_colour: `normal` (more is better), `inverse` (less is better) or `primary` (neither).
    """
    if delta_colour == "primary":
        return "primary"
    if not delta:
        return "gray"
    is_better = delta.startswith("-") == (delta_colour == "inverse")
    return "green" if is_better else "red"


def describe(values: Sequence[float]) -> str:
    """The trend in words, for those who do not see it."""
    return (
        f"Trend from {values[0]:.4g} to {values[-1]:.4g}, lowest {min(values):.4g}, highest {max(values):.4g}"
    )


def draw(values: Sequence[float] | None, colour: Colour, *, key: str) -> None:
    """Draw a trend; nothing without at least two values."""
    if values:
        data = {"values": list(values), "colour": colour, "alt": describe(values)}
        _mount(key=key, data=data, height="content")
