"""Rubrics: the list, and the selected rubric with its versions and their differences."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.metrics.rubric import Rubric
from pages.parts.metrics import metric_keys, rubric_form
from pages.parts.reads import metrics
from pages.parts.shared import glossary, tables, text_diff, units
from pages.parts.shared.frame import Screen


def draw(screen: Screen, rubrics: Sequence[Rubric]) -> None:
    """Draw the newest version of each rubric, and the selected rubric below the table."""
    column = tables.column
    row_number = tables.pick(
        [
            {
                "title": rubric.title,
                "name": rubric.name,
                "version": f"v{rubric.version}" if rubric.version else "built in",
                "needs": ", ".join(rubric.needs) or "input",
                "scale": ", ".join(f"{label.label} = {label.value:g}" for label in rubric.scale),
            }
            for rubric in rubrics
        ],
        {
            "title": column.TextColumn("Rubric", width="medium", help=glossary.RUBRIC),
            "name": column.TextColumn("Name", width="small"),
            "version": column.TextColumn("Version", width=80),
            "needs": column.TextColumn("Needs", width="small"),
            "scale": column.TextColumn("Scale", width="large"),
        },
        # A new rubric moves the rows, so the selection starts at the first again.
        key=f"{metric_keys.RUBRIC_PICKED}_{len(rubrics)}",
        alt="Rubrics; select a rubric to read it",
        height=250 if len(rubrics) > 6 else "content",
        default=0,
    )
    with st.container(border=True):
        _draw_rubric(screen, rubrics[row_number if row_number is not None else 0])


def _draw_rubric(screen: Screen, newest: Rubric) -> None:
    saved_by_version = {
        rubric.rubric.version: rubric
        for rubric in metrics.list_saved_rubrics(screen.url)
        if rubric.rubric.name == newest.name
    }
    versions = {
        newest.version: newest,
        **{number: saved_rubric.rubric for number, saved_rubric in saved_by_version.items()},
    }
    numbers = sorted(versions, reverse=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            units.escape_markdown(newest.title), icon=":material/rule:", anchor=False, width="content"
        )
        st.caption(units.escape_markdown(newest.name), width="content")
        st.space("stretch")
        version_number = _draw_version_field("Version", numbers, newest.name, has_default=True)
        previous_number = _draw_version_field(
            "Compare with", [number for number in numbers if number != version_number], newest.name
        )
        st.button(
            "Change" if newest.version else "Copy to a new rubric",
            icon=":material/edit:",
            key=f"rubric_change_{newest.name}",
            on_click=rubric_form.open_form,
            args=(newest,),
        )
    rubric = versions.get(version_number if version_number is not None else newest.version, newest)
    if rubric.version in saved_by_version:
        saved_rubric = saved_by_version[rubric.version]
        st.caption(
            f"Saved {units.format_instant(saved_rubric.created_at)} by {units.escape_markdown(saved_rubric.created_by)}"
        )
    if rubric.description:
        st.caption(units.escape_markdown(rubric.description))
    if previous_number is not None:
        text_diff.draw(
            format_rubric(versions[previous_number]),
            format_rubric(rubric),
            old=f"version {previous_number}",
            new=f"version {rubric.version}",
        )
        return
    prompt_column, scale_column = st.columns([3, 2])
    with prompt_column:
        st.code(rubric.prompt, language=None, wrap_lines=True)
    with scale_column:
        draw_scale(rubric)


def _draw_version_field(
    label: str, numbers: Sequence[int], name: str, *, has_default: bool = False
) -> int | None:
    if not numbers:
        return None
    return st.selectbox(
        label,
        numbers,
        index=0 if has_default else None,
        placeholder=label,
        format_func=lambda number: f"version {number}" if number else "built in",
        key=f"rubric_{label}_{name}",
        label_visibility="collapsed",
        width=150,
    )


def draw_scale(rubric: Rubric) -> None:
    """Draw the labels of a rubric with value and meaning."""
    tables.draw(
        [{"label": label.label, "value": label.value, "meaning": label.meaning} for label in rubric.scale],
        {
            "label": tables.column.TextColumn("Label", width=110),
            "value": tables.column.NumberColumn("Value", format="%.2f", width=60),
            "meaning": tables.column.TextColumn("Meaning", width="large"),
        },
        key=f"rubric_scale_{rubric.name}_{rubric.version}",
        alt="Scale",
    )


def format_rubric(rubric: Rubric) -> str:
    """Format title, prompt and scale of a version as text, for comparison."""
    scale = "\n".join(f"- {label.label} = {label.value:g}: {label.meaning}" for label in rubric.scale)
    return f"{rubric.title}\n\n{rubric.prompt.rstrip()}\n\nSCALE\n{scale}\n"
