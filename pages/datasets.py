"""Datasets: which test cases do we have, and how do new ones come in?"""

import streamlit as st

from genaiops_core.evaluation import datasets
from pages.parts import reads
from pages.parts.datasets import dataset_documents, dataset_import, dataset_traffic, dataset_view
from pages.parts.shared import filters, frame, keys, tables, units

here = frame.guard("datasets")


def draw_list(found: list[datasets.Dataset]) -> str | None:
    """Every dataset; returns the one that was picked."""
    st.subheader("Datasets", icon=":material/dataset:", anchor=False)
    if not found:
        st.caption(
            "None yet. Import a file with one test case a row: what is asked, and what of the rest is known."
        )
        return None
    column = tables.column
    imported = st.session_state.get(keys.DATASET_IMPORTED, [])
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
            "demo": tables.states("", width=70),
        },
        key=f"{keys.DATASET_TABLE}_{len(imported)}",
        alt="Datasets with their newest version",
        height=210 if len(found) > 5 else "content",
        default=default,
    )
    return found[picked if picked is not None else default].dataset


head = filters.header(
    here,
    window=False,
    action="Add from traffic",
    action_icon=":material/playlist_add:",
    action_key=keys.DATASET_TRAFFIC,
    action_help="Real requests become test cases",
)
found = reads.list_datasets(here.url)
with head.facts:
    st.badge(units.things(len(found), "dataset"), icon=":material/dataset:", color="gray")
    st.badge(units.things(sum(one.cases for one in found), "test case"), icon=":material/tag:", color="gray")
left, right = st.columns([3, 2])
with left.container(border=True, height="stretch"):
    picked = draw_list(found)
with right.container(border=True, height="stretch"):
    dataset_import.draw_import()
    from_documents = st.button(
        "Write from documents", icon=":material/edit_document:", key=keys.DATASET_DOCUMENTS, type="tertiary"
    )
dataset_import.draw_preview(here)
if picked is not None:
    with st.container(border=True), frame.gently():
        dataset_view.draw_dataset(here, picked)
if head.clicked:
    dataset_traffic.ask(here, picked)
if from_documents:
    dataset_documents.ask(here, picked)
