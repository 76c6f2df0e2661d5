"""A dataset: its cases, what was wrong with its file, its versions and its export."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.cases import Case
from genaiops_core.evaluation.tables import Problem
from pages.parts import keys, reads, tables, units

PAGE = 25


def draw_cases(numbered: Sequence[tuple[int, Case]], *, key: str) -> None:
    """Cases as rows of text."""
    column = tables.column
    tables.show(
        [
            {
                "case": number,
                "input": case.input,
                "answer": case.answer,
                "contexts": None if case.contexts is None else "\n\n".join(case.contexts),
                "reference": case.reference,
            }
            for number, case in numbered
        ],
        {
            "case": column.NumberColumn("Case", width=52, pinned=True),
            "input": column.TextColumn("Input", width="medium"),
            "answer": column.TextColumn("Answer", width="medium"),
            "contexts": column.TextColumn("Contexts", width="medium"),
            "reference": column.TextColumn("Reference", width="medium"),
        },
        key=key,
        alt="Test cases",
        height=300 if len(numbered) > 7 else "content",
    )


def draw_problems(problems: Sequence[Problem]) -> None:
    """What was wrong with the file, by row and column."""
    with st.expander(
        f"{units.things(len(problems), 'problem')} by row and column", icon=":material/warning:"
    ):
        column = tables.column
        tables.show(
            [{"row": one.row, "column": one.column, "problem": one.problem} for one in problems],
            {
                "row": column.NumberColumn("Row", width=70),
                "column": column.TextColumn("Column"),
                "problem": column.TextColumn("Problem"),
            },
            key="dataset_problems",
            alt="Problems of the file",
        )


def draw_dataset(url: str, name: str) -> None:
    """One dataset: its versions, its cases and its export."""
    versions = reads.list_versions(url, name)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(units.plain(name), icon=":material/dataset:", anchor=False, width="content")
        number = st.selectbox(
            "Version",
            [one.version for one in versions],
            format_func=lambda version: f"version {version}",
            key=f"{keys.DATASET_VERSION}_{name}",
            label_visibility="collapsed",
            width=140,
        )
        version = next((one for one in versions if one.version == number), versions[0])
        st.space("stretch")
        st.download_button(
            "Export JSON lines",
            data=lambda: reads.exported(url, name, version.version),
            file_name=f"{name}-v{version.version}.jsonl",
            mime="application/x-ndjson",
            icon=":material/download:",
            key="dataset_export",
            on_click="ignore",
        )
        st.page_link("pages/evaluations.py", label="Evaluate", icon=":material/science:")
    st.caption(
        f"{version.cases:,} cases from {units.plain(version.source)}, {units.instant(version.created_at)} "
        f"by {units.plain(version.created_by)}"
    )
    pages = max(1, -(-version.cases // PAGE))
    page = min(int(st.session_state.get(f"{keys.DATASET_PAGE}_{name}") or 1), pages)
    draw_cases(reads.cases(url, name, version.version, PAGE, (page - 1) * PAGE), key="dataset_cases")
    if pages > 1:
        with st.container(horizontal_alignment="right"):
            st.pagination(pages, key=f"{keys.DATASET_PAGE}_{name}")
    if version.problems:
        draw_problems(version.problems)
