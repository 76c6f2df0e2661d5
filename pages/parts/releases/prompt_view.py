"""One prompt: the text of a version, or the difference between two."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.releases.prompts import PromptVersion
from pages.parts.releases import release_keys
from pages.parts.shared import text_diff, units


def draw(versions: Sequence[PromptVersion]) -> None:
    """Draw the text of a version, or its difference from an older one."""
    by_number = {version.version: version for version in versions}
    numbers = sorted(by_number, reverse=True)
    newest = by_number[numbers[0]]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            f"{units.escape_markdown(newest.application)} / {units.escape_markdown(newest.name)}",
            icon=":material/edit_note:",
            anchor=False,
            width="content",
        )
        st.space("stretch")
        identity = f"{newest.application}_{newest.name}"
        new = st.selectbox(
            "Version",
            numbers,
            format_func=lambda n: f"version {n}",
            key=f"{release_keys.PROMPT_NEW}_{identity}",
            label_visibility="collapsed",
            width=130,
        )
        old = st.selectbox(
            "Compare with",
            [n for n in numbers if n != new],
            index=None,
            placeholder="Compare with",
            format_func=lambda n: f"version {n}",
            key=f"{release_keys.PROMPT_OLD}_{identity}",
            label_visibility="collapsed",
            width=160,
        )
    chosen = by_number.get(new, newest)
    st.caption(
        f"Added {units.format_instant(chosen.created_at)} by {units.escape_markdown(chosen.created_by)}, {len(chosen.text):,} characters"
    )
    if old is None:
        st.code(chosen.text, language=None, wrap_lines=True, line_numbers=True)
        return
    before = by_number[old]
    text_diff.draw(before.text, chosen.text, old=f"version {old}", new=f"version {new}")
