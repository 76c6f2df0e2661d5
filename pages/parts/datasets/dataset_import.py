"""The import of a file with test cases: preview, mapping of columns, import."""

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
_MAX_COLUMNS = 50
"""Columns of the file that the preview shows; more would make the page slow."""


def draw_import() -> None:
    """Draw the choice of a file; nothing is stored before the preview is confirmed."""
    st.subheader("Import", icon=":material/upload_file:", anchor=False)
    st.file_uploader(
        "File with test cases",
        key=_build_file_key(),
        help="CSV of any delimiter, TSV, JSON, JSON lines, XLSX, XLS, ODS or Parquet; the content decides, not the file "
        "extension. Columns are detected by name and can be changed below.",
    )


def _build_file_key() -> str:
    return f"{dataset_keys.DATASET_FILE}_{len(st.session_state.get(dataset_keys.DATASET_IMPORTED, []))}"


def draw_preview(screen: Screen) -> None:
    """Draw the mapping, the cases, the problems and the name of the dataset, with the button that imports."""
    # From the state, because the field is drawn in another column than the preview.
    file = st.session_state.get(_build_file_key())
    if file is None:
        return
    with st.container(border=True), frame.show_errors():
        data = file.getvalue()
        detected = reads_datasets.preview_import(file.file_id, data, file.name, (), None)
        sheet = _choose_sheet(detected, file.file_id)
        if sheet != detected.sheet:
            detected = reads_datasets.preview_import(file.file_id, data, file.name, (), sheet)
        mapping = _choose_columns(detected, f"{file.file_id}_{sheet}")
        preview = detected
        if {name: column for name, column in mapping.items() if column} != detected.mapping:
            preview = reads_datasets.preview_import(
                file.file_id, data, file.name, tuple(sorted(mapping.items())), sheet or None
            )
        # One container, so that the name below keeps its place while the number of parts above it changes.
        with st.container():
            _draw_findings(preview)
        name_key = f"{dataset_keys.DATASET_NAME}_{file.file_id}"
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Dataset name", value=file.name.rsplit(".", 1)[0], key=name_key, width=320)
            st.button(
                "Import dataset",
                icon=":material/upload:",
                type="primary",
                key=dataset_keys.DATASET_IMPORT,
                disabled=not preview.accepted,
                help="Valid rows are imported, rejected rows are skipped" if preview.rejected else None,
                on_click=confirm.run_action,
                args=(lambda: _import_file(screen, file, mapping, sheet, name_key),),
            )
        confirm.draw_problem()


def _draw_findings(preview: datasets.Preview) -> None:
    """Draw what would be imported: counts, the cases or the raw rows, and the problems."""
    _draw_counts(preview)
    if preview.cases:
        dataset_view.draw_cases(
            [(position + 1, case) for position, case in enumerate(preview.cases)], key="dataset_preview"
        )
    elif "input" not in preview.mapping:
        st.info(
            "No input column was detected. Choose the column with the questions under **Input**; the other "
            "fields are optional.",
            icon=":material/arrow_upward:",
        )
        _draw_head(preview)
    dataset_view.draw_notes(preview.notes)
    if preview.problems:
        dataset_view.draw_problems(preview.problems)


def _choose_sheet(detected: datasets.Preview, file_id: str) -> str:
    """Draw the choice of a sheet for a workbook with several; the default is the sheet detected as a dataset."""
    if len(detected.sheets) < 2:
        return detected.sheet
    sheet = st.selectbox(
        "Sheet",
        list(detected.sheets),
        index=detected.sheets.index(detected.sheet),
        key=f"{dataset_keys.DATASET_SHEET}_{file_id}",
        width=320,
    )
    return sheet or detected.sheet


def _choose_columns(detected: datasets.Preview, widget_id: str) -> dict[str, str]:
    """Draw the choice of a column per field; returns field -> column, '' for none. The default is detected."""
    mapping = {}
    options = [NONE, *dict.fromkeys((*detected.columns, *detected.paths))]
    for field, container in zip(FIELDS, st.columns(len(FIELDS)), strict=True):
        detected_column = detected.mapping.get(field, NONE)
        selected = container.selectbox(
            field.capitalize(),
            options,
            index=options.index(detected_column) if detected_column in options else 0,
            key=f"{dataset_keys.dataset_column(field)}_{widget_id}",
            help="Required: the question"
            if field == "input"
            else "A column, or a.b for a nested field of a column with objects",
            accept_new_options=bool(detected.paths),
        )
        mapping[field] = "" if selected in (None, NONE) else selected
    return mapping


def _draw_head(preview: datasets.Preview) -> None:
    """Draw the first raw rows of the file, so that the operator can find the input column."""
    columns = preview.columns[:_MAX_COLUMNS]
    tables.draw(
        [
            {name: None if cell is None else str(cell) for name, cell in zip(columns, row, strict=False)}
            for row in preview.head
        ],
        {name: tables.column.TextColumn(name) for name in columns},
        key="dataset_head",
        alt="First rows of the file",
    )


def _draw_counts(preview: datasets.Preview) -> None:
    at_least = "at least " if preview.is_partial else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(
            at_least + units.format_quantity(preview.accepted, "case"),
            icon=":material/check:",
            color="green" if preview.accepted else "gray",
        )
        if preview.rejected and "input" in preview.mapping:
            st.badge(
                f"{at_least}{units.format_quantity(preview.rejected, 'row')} rejected",
                icon=":material/block:",
                color="red",
            )
        if preview.problems:
            st.badge(
                at_least + units.format_quantity(len(preview.problems), "problem"),
                icon=":material/warning:",
                color="orange",
            )
        if preview.is_partial:
            st.caption(
                f"Preview of the first {preview.accepted + preview.rejected:,} rows; the import reads all rows.",
                width="content",
            )


def _import_file(
    screen: Screen, file: UploadedFile, mapping: dict[str, str], sheet: str, name_key: str
) -> str:
    """Store the file as the next version of the dataset."""
    version = datasets.import_dataset(
        screen.engine,
        actor=screen.actor,
        name=str(st.session_state.get(name_key) or ""),
        data=file.getvalue(),
        filename=file.name,
        mapping=mapping,
        sheet=sheet or None,
    )
    # Also empties the file field.
    dataset_choice.select_version(version.dataset, version)
    if not version.is_new:
        return f"These cases already exist: {version.dataset} version {version.version}."
    rejected_note = f" {units.format_quantity(version.rejected, 'row')} rejected." if version.rejected else ""
    return f"Imported {version.cases:,} cases as {version.dataset} version {version.version}.{rejected_note}"
