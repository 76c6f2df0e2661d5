"""One dataset: version, cases, problems of its file, export, deletion, and the tabs that change it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets import DatasetVersion
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.readers.tables import Problem
from pages.parts.datasets import dataset_edit, dataset_filter, dataset_keys, dataset_split, dataset_versions
from pages.parts.reads import cache
from pages.parts.reads import datasets as reads_datasets
from pages.parts.shared import address, confirm, keys, tables, units
from pages.parts.shared.frame import Screen

TABS = ("Cases", "Edit", "Versions", "Split")
_EXPORTS = {"jsonl": ("JSON lines", "application/x-ndjson"), "csv": ("CSV", "text/csv")}


def draw_cases(numbered_cases: Sequence[tuple[int, Case]], *, key: str) -> None:
    """Draw numbered cases as rows of text."""
    column = tables.column
    tables.draw(
        [
            {
                "case": number,
                "input": case.input,
                "answer": case.answer,
                "contexts": None if case.contexts is None else "\n\n".join(case.contexts),
                "reference": case.reference,
            }
            for number, case in numbered_cases
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
        height=300 if len(numbered_cases) > 7 else "content",
    )


def draw_notes(notes: Sequence[str]) -> None:
    """Draw how a file was read: its encoding, the columns that are no field."""
    if notes:
        # Names of columns come from the file, so their markdown is escaped.
        st.caption("  \n".join(map(units.escape_markdown, notes)))


def draw_problems(problems: Sequence[Problem]) -> None:
    """Draw the problems of a file, by row and column."""
    with st.expander(
        f"{units.format_quantity(len(problems), 'problem')} by row and column", icon=":material/warning:"
    ):
        column = tables.column
        tables.draw(
            [
                {"row": problem.row, "column": problem.column, "problem": problem.problem}
                for problem in problems
            ],
            {
                "row": column.NumberColumn("Row", width=70),
                "column": column.TextColumn("Column"),
                "problem": column.TextColumn("Problem"),
            },
            key="dataset_problems",
            alt="Problems of the file",
        )


def draw_dataset(screen: Screen, name: str) -> None:
    """Draw the header of a dataset and its open tab."""
    versions = reads_datasets.list_versions(screen.url, name)
    version = _draw_head(screen, versions)
    cases_tab, edit_tab, versions_tab, split_tab = st.tabs(
        list(TABS), key=f"{dataset_keys.DATASET_TAB}_{name}", on_change="rerun"
    )
    if cases_tab.open:
        with cases_tab:
            _draw_cases_tab(screen.url, version)
    if edit_tab.open:
        with edit_tab:
            dataset_edit.draw(screen, version)
    if versions_tab.open:
        with versions_tab:
            dataset_versions.draw(screen, versions, version)
    if split_tab.open:
        with split_tab:
            dataset_split.draw(screen, version)


def _draw_head(screen: Screen, versions: Sequence[DatasetVersion]) -> DatasetVersion:
    name = versions[0].dataset
    tags = reads_datasets.list_tags(screen.url, name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(units.escape_markdown(name), icon=":material/dataset:", anchor=False, width="content")
        number = st.selectbox(
            "Version",
            [version.version for version in versions],
            format_func=lambda number: _format_version(number, tags),
            key=f"{dataset_keys.DATASET_VERSION}_{name}",
            label_visibility="collapsed",
            width=190,
        )
        version = next((version for version in versions if version.version == number), versions[0])
        st.space("stretch")
        with st.popover("Export", icon=":material/download:"):
            for form, (label, mime) in _EXPORTS.items():
                st.download_button(
                    f"{label}, version {version.version}",
                    # The default value binds the current format; a plain closure would see the last one.
                    data=lambda form=form: reads_datasets.export_version(
                        screen.url, name, version.version, form
                    ),  # type: ignore[misc]
                    file_name=f"{name}-v{version.version}.{form}",
                    mime=mime,
                    icon=":material/download:",
                    key=dataset_keys.dataset_export(form),
                    on_click="ignore",
                    width="stretch",
                )
        if st.button("Delete", icon=":material/delete:", key=dataset_keys.DATASET_DELETE, type="tertiary"):
            _open_delete_dialog(screen, versions)
        st.page_link(
            "pages/evaluations.py",
            label="Evaluate",
            icon=":material/science:",
            query_params=address.build_query("evaluations", **{keys.NEW: "1", keys.DATASET: name}),
        )
    st.caption(
        f"{units.format_quantity(version.cases, 'case')} · {units.escape_markdown(version.source)} · "
        f"{units.format_instant(version.created_at)} by {units.escape_markdown(version.created_by)}"
    )
    return version


def _format_version(number: int, tags: dict[str, int]) -> str:
    tag_names = ", ".join(tag for tag, tagged_version in tags.items() if tagged_version == number)
    return f"version {number}" + (f" · {tag_names}" if tag_names else "")


def _draw_cases_tab(url: str, version: DatasetVersion) -> None:
    view = dataset_filter.draw_filters(url, version)
    if view.case_page.cases:
        draw_cases(view.case_page.cases, key="dataset_cases")
        dataset_filter.draw_pages(view, version.dataset)
    else:
        st.caption("No case matches the filter.")
    draw_notes(version.notes)
    if version.problems:
        draw_problems(version.problems)


def _open_delete_dialog(screen: Screen, versions: Sequence[DatasetVersion]) -> None:
    name = versions[0].dataset

    def delete(reason: str) -> str:
        datasets.delete_dataset(screen.engine, actor=screen.actor, name=name, reason=reason)
        cache.invalidate("datasets")
        return f"Deleted {name}."

    confirm.open_dialog(
        "dataset_delete",
        title="Delete the dataset",
        icon=":material/delete:",
        button="Delete",
        act=delete,
        sentence=f"Deletes {units.escape_markdown(name)} with {units.format_quantity(len(versions), 'version')}. "
        "A dataset that evaluations use cannot be deleted.",
        type_to_confirm=name,
    )
