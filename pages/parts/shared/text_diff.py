"""The difference between two versions of a text, line by line."""

from __future__ import annotations

import difflib

import streamlit as st


def draw(before: str, after: str, *, old: str, new: str) -> None:
    """Draw the difference; `old` and `new` name the versions."""
    changes = list(difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="", n=3))
    added = sum(line.startswith("+") and not line.startswith("+++") for line in changes)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in changes)
    with st.container(horizontal=True, gap="small"):
        st.badge(f"{added} lines added", icon=":material/add:", color="green")
        st.badge(f"{removed} lines removed", icon=":material/remove:", color="red")
    st.code("\n".join(changes), language="diff", wrap_lines=True)
