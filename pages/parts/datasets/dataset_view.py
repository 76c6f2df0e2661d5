"""A dataset: its version, its cases, what was wrong with its file, its export, and the tabs that change it."""

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
from pages.parts.shared import confirm, tables, units
from pages.parts.shared.frame import Screen

TABS = ("Cases", "Edit", "Versions", "Split")
_EXPORTS = {"jsonl": ("JSON lines", "application/x-ndjson"), "csv": ("CSV", "text/csv")}


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


def draw_dataset(screen: Screen, name: str) -> None:
    """One dataset: its header, and the tab that is open."""
    versions = reads_datasets.list_versions(screen.url, name)
    version = _head(screen, versions)
    cases, edit, history, split = st.tabs(
        list(TABS), key=f"{dataset_keys.DATASET_TAB}_{name}", on_change="rerun"
    )
    if cases.open:
        with cases:
            _cases(screen.url, version)
    if edit.open:
        with edit:
            dataset_edit.draw(screen, version)
    if history.open:
        with history:
            dataset_versions.draw(screen, versions, version)
    if split.open:
        with split:
            dataset_split.draw(screen, version)


def _head(screen: Screen, versions: Sequence[DatasetVersion]) -> DatasetVersion:
    name = versions[0].dataset
    tags = reads_datasets.list_tags(screen.url, name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(units.plain(name), icon=":material/dataset:", anchor=False, width="content")
        number = st.selectbox(
            "Version",
            [one.version for one in versions],
            format_func=lambda number: _label(number, tags),
            key=f"{dataset_keys.DATASET_VERSION}_{name}",
            label_visibility="collapsed",
            width=190,
        )
        version = next((one for one in versions if one.version == number), versions[0])
        st.space("stretch")
        with st.popover("Export", icon=":material/download:"):
            for form, (label, mime) in _EXPORTS.items():
                st.download_button(
                    f"{label}, version {version.version}",
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
            _ask_delete(screen, versions)
        st.page_link("pages/evaluations.py", label="Evaluate", icon=":material/science:")
    st.caption(
        f"{units.things(version.cases, 'case')} · {units.plain(version.source)} · "
        f"{units.instant(version.created_at)} by {units.plain(version.created_by)}"
    )
    return version


def _label(number: int, tags: dict[str, int]) -> str:
    named = ", ".join(tag for tag, at in tags.items() if at == number)
    return f"version {number}" + (f" · {named}" if named else "")


def _cases(url: str, version: DatasetVersion) -> None:
    view = dataset_filter.choose(url, version)
    if view.found.cases:
        draw_cases(view.found.cases, key="dataset_cases")
        dataset_filter.draw_pages(view, version.dataset)
    else:
        st.caption("No case of this version is like that.")
    if version.problems:
        draw_problems(version.problems)


def _ask_delete(screen: Screen, versions: Sequence[DatasetVersion]) -> None:
    name = versions[0].dataset

    def delete(reason: str) -> str:
        datasets.delete(screen.engine, actor=screen.actor, name=name, reason=reason)
        cache.invalidate("datasets")
        return f"{name} is deleted."

    confirm.ask(
        "dataset_delete",
        title="Delete the dataset",
        icon=":material/delete:",
        button="Delete",
        act=delete,
        sentence=f"{units.plain(name)} goes with all of its {units.things(len(versions), 'version')}. "
        "A dataset that evaluations stand on stays.",
        type_to_confirm=name,
    )
