"""Datasets: the test cases, their import, and their creation from requests or documents."""

import streamlit as st

from genaiops_core.evaluation import datasets
from pages.parts.datasets import (
    dataset_documents,
    dataset_import,
    dataset_keys,
    dataset_traffic,
    dataset_view,
)
from pages.parts.reads import datasets as reads_datasets
from pages.parts.shared import filters, frame, tables, units

screen = frame.guard("datasets")


def draw_list(dataset_list: list[datasets.Dataset]) -> str | None:
    """Draw the table of datasets; returns the name of the selected dataset, None without any."""
    st.subheader("Datasets", icon=":material/dataset:", anchor=False)
    if not dataset_list:
        st.caption(
            "No dataset yet. Import a file with one test case per row: an input, and optionally an answer, contexts "
            "and a reference."
        )
        return None
    column = tables.column
    imported = st.session_state.get(dataset_keys.DATASET_IMPORTED, [])
    default_row = next(
        (
            row_number
            for row_number, dataset in enumerate(dataset_list)
            if imported and dataset.dataset == imported[-1]
        ),
        0,
    )
    selected_row = tables.pick(
        [
            {
                "dataset": dataset.dataset,
                "version": dataset.version,
                "cases": dataset.cases,
                "source": dataset.source,
                "at": dataset.created_at,
                "demo": ["demo"] if dataset.is_demo else [],
            }
            for dataset in dataset_list
        ],
        {
            "dataset": column.TextColumn("Dataset", pinned=True),
            "version": column.NumberColumn("Version", width=62),
            "cases": column.NumberColumn("Cases", format="localized", width=62),
            "source": column.TextColumn("Source"),
            "at": column.DatetimeColumn("Imported", format="distance"),
            "demo": tables.state_column("", width=62),
        },
        # A default selection applies only to a table without state, so each import makes a new one.
        key=f"{dataset_keys.DATASET_TABLE}_{len(imported)}",
        alt="Datasets with their newest version",
        height=210 if len(dataset_list) > 5 else "content",
        default=default_row,
    )
    return dataset_list[selected_row if selected_row is not None else default_row].dataset


head = filters.draw_header(
    screen,
    action="Add from traffic",
    action_icon=":material/playlist_add:",
    action_key=dataset_keys.DATASET_TRAFFIC,
    action_help="Create test cases from matching requests",
)
dataset_list = reads_datasets.list_datasets(screen.url)
with head.facts:
    st.badge(units.format_quantity(len(dataset_list), "dataset"), icon=":material/dataset:", color="gray")
    st.badge(
        units.format_quantity(sum(dataset.cases for dataset in dataset_list), "test case"),
        icon=":material/tag:",
        color="gray",
    )
list_column, import_column = st.columns([3, 2])
with list_column.container(border=True, height="stretch"):
    selected_name = draw_list(dataset_list)
with import_column.container(border=True, height="stretch"):
    dataset_import.draw_import()
    is_generate_clicked = st.button(
        "Generate from documents",
        icon=":material/edit_document:",
        key=dataset_keys.DATASET_DOCUMENTS,
        type="tertiary",
    )
dataset_import.draw_preview(screen)
if selected_name is not None:
    with st.container(border=True), frame.show_errors():
        dataset_view.draw_dataset(screen, selected_name)
# At the end of the script: a dialog opens above a screen that is drawn completely.
if head.is_clicked:
    dataset_traffic.open_dialog(screen, selected_name)
if is_generate_clicked:
    dataset_documents.open_dialog(screen, selected_name)
