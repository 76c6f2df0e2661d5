"""A file with test cases: what would come of it, which column is which, then the import."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.datasets.case import FIELDS
from pages.parts.datasets import dataset_choice, dataset_keys, dataset_view
from pages.parts.reads import datasets as reads_datasets
from pages.parts.shared import confirm, frame, tables, units
from pages.parts.shared.frame import Screen

NONE = "(none)"
_MOST_COLUMNS = 50


def draw_import() -> None:
    """Choose a file; what comes of it is shown before anything is stored."""
    st.subheader("Import", icon=":material/upload_file:", anchor=False)
    st.file_uploader(
        "File with test cases",
        key=_file_key(),
        help="CSV of any delimiter, TSV, JSON, JSON lines, XLSX, XLS, ODS or Parquet, whatever its name ends in. Columns "
        "are recognised by their names and can be changed below.",
    )


def _file_key() -> str:
    return f"{dataset_keys.DATASET_FILE}_{len(st.session_state.get(dataset_keys.DATASET_IMPORTED, []))}"


def draw_preview(screen: Screen) -> None:
    """Mapping, cases, problems, name; then import."""
    file = st.session_state.get(_file_key())
    if file is None:
        return
    with st.container(border=True), frame.show_errors():
        data = file.getvalue()
        guessed = reads_datasets.preview_import(file.file_id, data, file.name, (), None)
        sheet = _choose_sheet(guessed, file.file_id)
        if sheet != guessed.sheet:
            guessed = reads_datasets.preview_import(file.file_id, data, file.name, (), sheet)
        mapping = _choose_columns(guessed, f"{file.file_id}_{sheet}")
        preview = guessed
        if {name: column for name, column in mapping.items() if column} != guessed.mapping:
            preview = reads_datasets.preview_import(
                file.file_id, data, file.name, tuple(sorted(mapping.items())), sheet or None
            )
        _draw_counts(preview)
        if preview.cases:
            dataset_view.draw_cases(
                [(at + 1, case) for at, case in enumerate(preview.cases)], key="dataset_preview"
            )
        elif "input" not in preview.mapping:
            st.info(
                "Choose the column that holds what is asked under **Input**; the other fields may stay empty.",
                icon=":material/arrow_upward:",
            )
            _draw_head(preview)
        if preview.problems:
            dataset_view.draw_problems(preview.problems)
        name_key = f"{dataset_keys.DATASET_NAME}_{file.file_id}"
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Name of the dataset", value=file.name.rsplit(".", 1)[0], key=name_key, width=320)
            st.button(
                "Import dataset",
                icon=":material/upload:",
                type="primary",
                key=dataset_keys.DATASET_IMPORT,
                disabled=not preview.accepted,
                help="The rows that were read are imported, the rejected ones are left out"
                if preview.rejected
                else None,
                on_click=confirm.run,
                args=(lambda: _import(screen, file, mapping, sheet, name_key),),
            )
        confirm.problem()


def _choose_sheet(guessed: datasets.Preview, file_id: str) -> str:
    """The sheet of a workbook that has several; the one that looks like a dataset unless the operator says otherwise."""
    if len(guessed.sheets) < 2:
        return guessed.sheet
    picked = st.selectbox(
        "Sheet",
        list(guessed.sheets),
        index=guessed.sheets.index(guessed.sheet),
        key=f"{dataset_keys.DATASET_SHEET}_{file_id}",
        width=320,
    )
    return picked or guessed.sheet


def _choose_columns(guessed: datasets.Preview, identity: str) -> dict[str, str]:
    """Field -> column, as recognised unless the operator says otherwise."""
    chosen = {}
    options = [NONE, *dict.fromkeys((*guessed.columns, *guessed.paths))]
    for field, column in zip(FIELDS, st.columns(len(FIELDS)), strict=True):
        recognised = guessed.mapping.get(field, NONE)
        picked = column.selectbox(
            field.capitalize(),
            options,
            index=options.index(recognised) if recognised in options else 0,
            key=f"{dataset_keys.dataset_column(field)}_{identity}",
            help="Needed: what is asked"
            if field == "input"
            else "A column, or a.b for a part of a column of objects",
            accept_new_options=bool(guessed.paths),
        )
        chosen[field] = "" if picked in (None, NONE) else picked
    return chosen


def _draw_head(preview: datasets.Preview) -> None:
    """The first rows as they stand in the file, so that the right column can be seen."""
    shown = preview.columns[:_MOST_COLUMNS]
    tables.show(
        [
            {name: None if cell is None else str(cell) for name, cell in zip(shown, row, strict=False)}
            for row in preview.head
        ],
        {name: tables.column.TextColumn(name) for name in shown},
        key="dataset_head",
        alt="First rows of the file",
    )


def _draw_counts(preview: datasets.Preview) -> None:
    at_least = "at least " if preview.is_partial else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(
            at_least + units.things(preview.accepted, "case"),
            icon=":material/check:",
            color="green" if preview.accepted else "gray",
        )
        if preview.rejected and "input" in preview.mapping:
            st.badge(
                f"{at_least}{units.things(preview.rejected, 'row')} rejected",
                icon=":material/block:",
                color="red",
            )
        if preview.problems:
            st.badge(
                at_least + units.things(len(preview.problems), "problem"),
                icon=":material/warning:",
                color="orange",
            )
        if preview.is_partial:
            st.caption(
                f"The first {preview.accepted + preview.rejected:,} rows were looked at; the import reads all of them.",
                width="content",
            )


def _import(screen: Screen, file: UploadedFile, mapping: dict[str, str], sheet: str, name_key: str) -> str:
    """Store the file as the next version of the dataset."""
    made = datasets.import_dataset(
        screen.engine,
        actor=screen.actor,
        name=str(st.session_state.get(name_key) or ""),
        data=file.getvalue(),
        filename=file.name,
        mapping=mapping,
        sheet=sheet or None,
    )
    # The next file gets a fresh uploader, because there is one dataset more to look at.
    dataset_choice.show(made.dataset, made)
    if not made.is_new:
        return f"The same cases are there already: {made.dataset} version {made.version}."
    left = f" {units.things(made.rejected, 'row')} could not be read." if made.rejected else ""
    return f"Imported {made.cases:,} cases as {made.dataset} version {made.version}.{left}"
