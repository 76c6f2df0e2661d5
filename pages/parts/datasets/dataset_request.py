"""The dialog that adds one request to a dataset as a test case, with the expected answer."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.human import reviews
from pages.parts.datasets import dataset_choice, dataset_keys
from pages.parts.reads import cache
from pages.parts.shared import confirm
from pages.parts.shared.frame import Screen


def open_dialog(screen: Screen, application: str, trace_id: str) -> None:
    """Open the dialog for one request."""
    confirm.open_dialog(
        "to_dataset",
        title="Add to a dataset",
        icon=":material/playlist_add:",
        button="Add",
        act=lambda reason: _add_case(screen, application, trace_id, reason),
        fields=lambda: _draw_fields(screen),
        sentence="Creates a test case from question, contexts and answer of this request.",
        needs_reason=False,
    )


def _draw_fields(screen: Screen) -> None:
    dataset_choice.draw_field(screen, dataset_keys.TO_DATASET_NAME)
    st.text_area(
        "Expected answer",
        key=dataset_keys.TO_DATASET_REFERENCE,
        height=120,
        placeholder="Correct answer; leave empty if unknown",
    )


def _add_case(screen: Screen, application: str, trace_id: str, reason: str) -> str:
    name = dataset_choice.read_name(dataset_keys.TO_DATASET_NAME)
    version = reviews.add_trace(
        screen.engine,
        actor=screen.actor,
        application=application,
        trace_id=trace_id,
        dataset=name,
        reference=str(st.session_state.get(dataset_keys.TO_DATASET_REFERENCE) or "").strip() or None,
        reason=reason,
    )
    cache.invalidate("datasets")
    if not version.is_new:
        return f"The request is already in {name}."
    return f"Added the request to {name}, version {version.version}."
