"""Rubrics: the list, and one of them with its versions and what changed between two."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.metrics.rubric import Rubric
from pages.parts.metrics import metric_keys, rubric_form
from pages.parts.reads import metrics
from pages.parts.shared import tables, text_diff, units
from pages.parts.shared.frame import Screen


def draw(screen: Screen, found: Sequence[Rubric]) -> None:
    """All rubrics, the newest version of each, and the one that was picked."""
    column = tables.column
    picked = tables.pick(
        [
            {
                "title": one.title,
                "name": one.name,
                "version": f"v{one.version}" if one.version else "built in",
                "needs": ", ".join(one.needs) or "input",
                "scale": ", ".join(f"{label.label} = {label.value:g}" for label in one.scale),
            }
            for one in found
        ],
        {
            "title": column.TextColumn("Rubric", width="medium"),
            "name": column.TextColumn("Name", width="small"),
            "version": column.TextColumn("Version", width=80),
            "needs": column.TextColumn("Needs", width="small"),
            "scale": column.TextColumn("Scale", width="large"),
        },
        key=f"{metric_keys.RUBRIC_PICKED}_{len(found)}",
        alt="Rubrics; select one to read it",
        height=250 if len(found) > 6 else "content",
        default=0,
    )
    with st.container(border=True):
        _one(screen, found[picked if picked is not None else 0])


def _one(screen: Screen, newest: Rubric) -> None:
    saved = {
        one.rubric.version: one
        for one in metrics.list_saved_rubrics(screen.url)
        if one.rubric.name == newest.name
    }
    versions = {newest.version: newest, **{number: one.rubric for number, one in saved.items()}}
    numbers = sorted(versions, reverse=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            units.escape_markdown(newest.title), icon=":material/rule:", anchor=False, width="content"
        )
        st.caption(units.escape_markdown(newest.name), width="content")
        st.space("stretch")
        new = _choose("Version", numbers, newest.name, default=True)
        old = _choose("Compare with", [number for number in numbers if number != new], newest.name)
        st.button(
            "Change" if newest.version else "Write your own from this",
            icon=":material/edit:",
            key=f"rubric_change_{newest.name}",
            on_click=rubric_form.open_form,
            args=(newest,),
        )
    one = versions.get(new if new is not None else newest.version, newest)
    if one.version in saved:
        kept = saved[one.version]
        st.caption(
            f"Saved {units.format_instant(kept.created_at)} by {units.escape_markdown(kept.created_by)}"
        )
    if one.description:
        st.caption(units.escape_markdown(one.description))
    if old is not None:
        text_diff.draw(
            written(versions[old]), written(one), old=f"version {old}", new=f"version {one.version}"
        )
        return
    left, right = st.columns([3, 2])
    with left:
        st.code(one.prompt, language=None, wrap_lines=True)
    with right:
        draw_scale(one)


def _choose(label: str, numbers: Sequence[int], name: str, *, default: bool = False) -> int | None:
    if not numbers:
        return None
    return st.selectbox(
        label,
        numbers,
        index=0 if default else None,
        placeholder=label,
        format_func=lambda number: f"version {number}" if number else "built in",
        key=f"rubric_{label}_{name}",
        label_visibility="collapsed",
        width=150,
    )


def draw_scale(one: Rubric) -> None:
    """What each label is worth and when it is chosen."""
    tables.draw(
        [{"label": label.label, "value": label.value, "meaning": label.meaning} for label in one.scale],
        {
            "label": tables.column.TextColumn("Label", width=110),
            "value": tables.column.NumberColumn("Value", format="%.2f", width=60),
            "meaning": tables.column.TextColumn("Meaning", width="large"),
        },
        key=f"rubric_scale_{one.name}_{one.version}",
        alt="Scale",
    )


def written(one: Rubric) -> str:
    """Everything of a version that may change, as text."""
    scale = "\n".join(f"- {label.label} = {label.value:g}: {label.meaning}" for label in one.scale)
    return f"{one.title}\n\n{one.prompt.rstrip()}\n\nSCALE\n{scale}\n"
