"""Evaluations: is a release good enough? Launch a run, watch it, read its verdict and its worst cases."""

import streamlit as st

from pages.parts.evaluations import (
    evaluation_actions,
    evaluation_keys,
    evaluation_list,
    evaluation_progress,
    evaluation_view,
)
from pages.parts.launch import launch
from pages.parts.reads import datasets, evaluations
from pages.parts.shared import filters, frame, keys, units

screen = frame.guard("evaluations")


def draw_runs() -> None:
    """The list, and the run that was picked: on its way or with its verdict."""
    if not found:
        frame.draw_empty_state(
            "No evaluation yet",
            "An evaluation scores the cases of a dataset and says passed, failed or inconclusive. Launch one here, or "
            "with `genaiops evaluate` in your pipeline.",
            icon="science",
            to="datasets",
        )
        return
    chosen = evaluation_list.draw(
        evaluation_list.add_linked_evaluation(screen.url, found, head.filters.application)
    )
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            evaluation_view.draw_head(chosen)
            st.space("stretch")
            evaluation_actions.draw(screen, chosen)
        if chosen.is_open or chosen.state == "paused":
            evaluation_progress.draw(screen, chosen.id, chosen.state)
        else:
            evaluation_view.draw_results(screen, chosen)


head = filters.draw_header(
    screen,
    by=(keys.APPLICATION,),
    window=False,
    action=None if launch.is_open() else "New evaluation",
    action_icon=":material/play_arrow:",
    action_key=evaluation_keys.EVALUATION_NEW,
)
found = evaluations.list_evaluations(screen.url, head.filters.application)
with head.facts:
    st.badge(units.format_quantity(len(found), "evaluation"), icon=":material/science:", color="gray")
    if running := sum(one.is_open for one in found):
        st.badge(f"{running} running", icon=":material/progress_activity:", color="blue")
if head.is_clicked:
    launch.open_form()
    st.rerun()
if launch.is_open() and not datasets.list_datasets(screen.url):
    st.warning("There is no dataset to evaluate on. Import one first.", icon=":material/dataset:")
    st.page_link("pages/datasets.py", label="Import a dataset", icon=":material/upload_file:")
elif launch.is_open():
    launch.draw(screen, head.filters.application)
else:
    draw_runs()
