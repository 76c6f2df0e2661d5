"""Evaluations: is a release good enough? Launch a run, watch it, read its verdict and its worst cases."""

import streamlit as st

from pages.parts import reads
from pages.parts.evaluations import evaluation_view, run_actions, run_list, run_progress
from pages.parts.launch import launch
from pages.parts.shared import filters, frame, keys, units

here = frame.guard("evaluations")


def draw_runs() -> None:
    """The list, and the run that was picked: on its way or with its verdict."""
    if not found:
        frame.empty(
            "No evaluation yet",
            "An evaluation scores the cases of a dataset and says passed, failed or inconclusive. Launch one here, or "
            "with `genaiops evaluate` in your pipeline.",
            icon="science",
            to="datasets",
        )
        return
    chosen = run_list.draw(run_list.with_asked_for(here.url, found, head.filters.application))
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            evaluation_view.draw_head(chosen)
            st.space("stretch")
            run_actions.draw(here, chosen)
        if chosen.is_open or chosen.state == "paused":
            run_progress.draw(here, chosen.id, chosen.state)
        else:
            evaluation_view.draw_results(here, chosen)


head = filters.header(
    here,
    by=(keys.APPLICATION,),
    window=False,
    action=None if launch.is_open() else "New evaluation",
    action_icon=":material/play_arrow:",
    action_key=keys.EVALUATION_NEW,
)
found = reads.list_evaluations(here.url, head.filters.application)
with head.facts:
    st.badge(units.things(len(found), "evaluation"), icon=":material/science:", color="gray")
    if running := sum(one.is_open for one in found):
        st.badge(f"{running} running", icon=":material/progress_activity:", color="blue")
if head.clicked:
    launch.open_form()
    st.rerun()
if launch.is_open() and not reads.list_datasets(here.url):
    st.warning("There is no dataset to evaluate on. Import one first.", icon=":material/dataset:")
    st.page_link("pages/datasets.py", label="Import a dataset", icon=":material/upload_file:")
elif launch.is_open():
    launch.draw(here, head.filters.application)
else:
    draw_runs()
