"""The dialog that makes a test case of a real question, with the answer as it should have been."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.human import reviews
from pages.parts.datasets import dataset_choice, dataset_keys
from pages.parts.reads import cache
from pages.parts.shared import confirm
from pages.parts.shared.frame import Screen


def ask(screen: Screen, application: str, trace_id: str) -> None:
    """Open it for one request."""
    confirm.ask(
        "to_dataset",
        title="Add to a dataset",
        icon=":material/playlist_add:",
        button="Add",
        act=lambda reason: _add(screen, application, trace_id, reason),
        fields=lambda: _fields(screen),
        sentence="The question, the contexts and the answer of this request become a test case.",
        needs_reason=False,
    )


def _fields(screen: Screen) -> None:
    dataset_choice.field(screen, dataset_keys.TO_DATASET_NAME)
    st.text_area(
        "Expected answer",
        key=dataset_keys.TO_DATASET_REFERENCE,
        height=120,
        placeholder="What it should have said; empty when that is not known",
    )


def _add(screen: Screen, application: str, trace_id: str, reason: str) -> str:
    name = dataset_choice.named(dataset_keys.TO_DATASET_NAME)
    version = reviews.add_to_dataset(
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
        return f"It is in {name} already."
    return f"It is a test case of {name}, version {version.version}."
