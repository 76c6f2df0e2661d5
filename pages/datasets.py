"""Datasets: which test cases do we have, and how do new ones come in?"""

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


def draw_list(found: list[datasets.Dataset]) -> str | None:
    """Every dataset; returns the one that was picked."""
    st.subheader("Datasets", icon=":material/dataset:", anchor=False)
    if not found:
        st.caption(
            "None yet. Import a file with one test case a row: what is asked, and what of the rest is known."
        )
        return None
    column = tables.column
    imported = st.session_state.get(dataset_keys.DATASET_IMPORTED, [])
    default = next((at for at, one in enumerate(found) if imported and one.dataset == imported[-1]), 0)
    picked = tables.pick(
        [
            {
                "dataset": one.dataset,
                "version": one.version,
                "cases": one.cases,
                "source": one.source,
                "at": one.created_at,
                "demo": ["demo"] if one.is_demo else [],
            }
            for one in found
        ],
        {
            "dataset": column.TextColumn("Dataset", pinned=True),
            "version": column.NumberColumn("Version", width=70),
            "cases": column.NumberColumn("Cases", format="localized", width=80),
            "source": column.TextColumn("Source"),
            "at": column.DatetimeColumn("Imported", format="distance"),
            "demo": tables.state_column("", width=70),
        },
        key=f"{dataset_keys.DATASET_TABLE}_{len(imported)}",
        alt="Datasets with their newest version",
        height=210 if len(found) > 5 else "content",
        default=default,
    )
    return found[picked if picked is not None else default].dataset


head = filters.draw_header(
    screen,
    window=False,
    action="Add from traffic",
    action_icon=":material/playlist_add:",
    action_key=dataset_keys.DATASET_TRAFFIC,
    action_help="Real requests become test cases",
)
found = reads_datasets.list_datasets(screen.url)
with head.facts:
    st.badge(units.format_quantity(len(found), "dataset"), icon=":material/dataset:", color="gray")
    st.badge(
        units.format_quantity(sum(one.cases for one in found), "test case"),
        icon=":material/tag:",
        color="gray",
    )
left, right = st.columns([3, 2])
with left.container(border=True, height="stretch"):
    picked = draw_list(found)
with right.container(border=True, height="stretch"):
    dataset_import.draw_import()
    from_documents = st.button(
        "Write from documents",
        icon=":material/edit_document:",
        key=dataset_keys.DATASET_DOCUMENTS,
        type="tertiary",
    )
dataset_import.draw_preview(screen)
if picked is not None:
    with st.container(border=True), frame.show_errors():
        dataset_view.draw_dataset(screen, picked)
if head.is_clicked:
    dataset_traffic.open_dialog(screen, picked)
if from_documents:
    dataset_documents.open_dialog(screen, picked)
