"""A file with test cases: what would come of it, which column is which, then the import."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.cases import FIELDS
from pages.parts import confirm, dataset_view, frame, keys, reads, units
from pages.parts.frame import Screen

NONE = "(none)"


def draw_import() -> None:
    """Choose a file; what comes of it is shown before anything is stored."""
    st.subheader("Import", icon=":material/upload_file:", anchor=False)
    st.file_uploader(
        "File with test cases",
        type=["csv", "tsv", "json", "jsonl", "ndjson", "xlsx", "xls", "ods", "parquet"],
        key=_file_key(),
        help="CSV, TSV, JSON, JSON lines, XLSX, XLS, ODS or Parquet. Columns are recognised by their names and can be changed below.",
    )


def _file_key() -> str:
    return f"{keys.DATASET_FILE}_{len(st.session_state.get(keys.DATASET_IMPORTED, []))}"


def draw_preview(here: Screen) -> None:
    """Mapping, cases, problems, name; then import."""
    file = st.session_state.get(_file_key())
    if file is None:
        return
    with st.container(border=True), frame.gently():
        data = file.getvalue()
        guessed = reads.dataset_preview(data, file.name, ())
        mapping = _choose_columns(guessed, file.file_id)
        preview = reads.dataset_preview(data, file.name, tuple(sorted(mapping.items())))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(
                units.things(preview.accepted, "case"),
                icon=":material/check:",
                color="green" if preview.accepted else "gray",
            )
            if preview.rejected:
                st.badge(
                    f"{units.things(preview.rejected, 'row')} rejected", icon=":material/block:", color="red"
                )
            if preview.problems:
                st.badge(
                    units.things(len(preview.problems), "problem"), icon=":material/warning:", color="orange"
                )
        dataset_view.draw_cases(
            [(at + 1, case) for at, case in enumerate(preview.cases)], key="dataset_preview"
        )
        if preview.problems:
            dataset_view.draw_problems(preview.problems)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                "Name of the dataset",
                value=file.name.rsplit(".", 1)[0],
                key=f"{keys.DATASET_NAME}_{file.file_id}",
                width=320,
            )
            st.button(
                "Import dataset",
                icon=":material/upload:",
                type="primary",
                key=keys.DATASET_IMPORT,
                disabled=not preview.accepted,
                on_click=confirm.run,
                args=(
                    lambda: _import(here, data, file.name, mapping, f"{keys.DATASET_NAME}_{file.file_id}"),
                ),
            )
        confirm.problem()


def _choose_columns(guessed: datasets.Preview, file_id: str) -> dict[str, str]:
    """Field -> column, as recognised unless the operator says otherwise."""
    chosen = {}
    options = [NONE, *guessed.columns]
    for field, column in zip(FIELDS, st.columns(len(FIELDS)), strict=True):
        recognised = guessed.mapping.get(field, NONE)
        picked = column.selectbox(
            field.capitalize(),
            options,
            index=options.index(recognised) if recognised in options else 0,
            key=f"{keys.dataset_column(field)}_{file_id}",
            help="Needed: what is asked" if field == "input" else None,
        )
        chosen[field] = "" if picked in (None, NONE) else picked
    return chosen


def _import(here: Screen, data: bytes, filename: str, mapping: dict[str, str], name_key: str) -> str:
    """Store the file as the next version of the dataset."""
    made = datasets.import_dataset(
        here.engine,
        actor=here.actor,
        name=str(st.session_state.get(name_key) or ""),
        data=data,
        filename=filename,
        mapping=mapping,
    )
    reads.changed("datasets")
    # The next file gets a fresh uploader, and the table opens on what was just imported.
    st.session_state[keys.DATASET_IMPORTED] = [*st.session_state.get(keys.DATASET_IMPORTED, []), made.dataset]
    if not made.is_new:
        return f"The same cases are there already: {made.dataset} version {made.version}."
    return f"Imported {made.cases} cases as {made.dataset} version {made.version}."
