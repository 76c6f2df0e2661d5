"""The dialog that makes a test case of a real question, with the answer as it should have been."""

from __future__ import annotations

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.people import reviews
from pages.parts import confirm, keys, reads
from pages.parts.frame import Screen


def ask(here: Screen, application: str, trace_id: str) -> None:
    """Open it for one request."""
    confirm.ask(
        "to_dataset",
        title="Add to a dataset",
        icon=":material/playlist_add:",
        button="Add",
        act=lambda reason: _add(here, application, trace_id, reason),
        fields=lambda: _fields(here),
        sentence="The question, the contexts and the answer of this request become a test case.",
        needs_reason=False,
    )


def _fields(here: Screen) -> None:
    names = [one.dataset for one in reads.list_datasets(here.url)]
    st.selectbox(
        "Dataset",
        names,
        index=None,
        key=keys.TO_DATASET_NAME,
        accept_new_options=True,
        placeholder="Choose one, or type a new name",
    )
    st.text_area(
        "Expected answer",
        key=keys.TO_DATASET_REFERENCE,
        height=120,
        placeholder="What it should have said; empty when that is not known",
    )


def _add(here: Screen, application: str, trace_id: str, reason: str) -> str:
    name = str(st.session_state.get(keys.TO_DATASET_NAME) or "").strip()
    if not name:
        raise BadInput("Choose a dataset, or type the name of a new one.")
    version = reviews.add_to_dataset(
        here.engine,
        actor=here.actor,
        application=application,
        trace_id=trace_id,
        dataset=name,
        reference=str(st.session_state.get(keys.TO_DATASET_REFERENCE) or "").strip() or None,
        reason=reason,
    )
    reads.changed("datasets")
    if not version.is_new:
        return f"It is in {name} already."
    return f"It is a test case of {name}, version {version.version}."
