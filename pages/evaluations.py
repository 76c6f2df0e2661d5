"""Evaluations: launch an evaluation, watch its progress, read its verdict and its worst cases."""

import streamlit as st

from genaiops_core.evaluation.verdicts.verdict import WARNING
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
# Links copied before the tab got its present name open it too.
if st.query_params.get(evaluation_keys.EVALUATION_TAB) == "Against humans":
    st.session_state[evaluation_keys.EVALUATION_TAB] = "Judge-human agreement"


def draw_evaluations() -> None:
    """Draw the table, and the progress or the results of the selected evaluation."""
    if not evaluation_rows:
        frame.draw_empty_state(
            "No evaluation yet",
            "An evaluation scores the cases of a dataset and compares the metrics with thresholds; the verdict is passed, "
            "warning, failed or inconclusive. Launch an evaluation here, or with `genaiops evaluate` in your pipeline.",
            icon="science",
            to="datasets",
        )
        return
    selected = evaluation_list.draw(
        evaluation_list.add_linked_evaluation(screen.url, evaluation_rows, head.filters.application)
    )
    if selected is None:
        return
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            evaluation_view.draw_head(selected)
            st.space("stretch")
            if st.query_params.get(keys.EVALUATION) != selected.id:
                st.button(
                    "Link",
                    icon=":material/link:",
                    type="tertiary",
                    key=evaluation_keys.EVALUATION_LINK,
                    help="Write this evaluation into the address, which then opens it when newer ones exist",
                    on_click=st.query_params.update,
                    args=({keys.EVALUATION: selected.id},),
                )
            evaluation_actions.draw(screen, selected)
        if selected.is_open or selected.state == "paused":
            evaluation_progress.draw(screen, selected.id, selected.state)
        else:
            evaluation_view.draw_results(screen, selected)


head = filters.draw_header(
    screen,
    action=None if launch.is_open() else "New evaluation",
    action_icon=":material/play_arrow:",
    action_key=evaluation_keys.EVALUATION_NEW,
)
evaluation_rows = evaluations.list_evaluations(screen.url, head.filters.application)
with head.facts:
    st.badge(
        units.format_quantity(len(evaluation_rows), "evaluation"), icon=":material/science:", color="gray"
    )
    if running_count := sum(evaluation.is_open for evaluation in evaluation_rows):
        st.badge(f"{running_count} running", icon=":material/progress_activity:", color="blue")
    if warning_count := sum(evaluation.verdict == WARNING for evaluation in evaluation_rows):
        st.badge(
            f"{warning_count} with a warning",
            icon=":material/notifications:",
            color="orange",
            help="Passed, but close to a limit",
        )
# The button is drawn already, and the open form has none: another run draws the screen without it.
if head.is_clicked:
    launch.open_form()
    st.rerun()
if launch.is_open() and not datasets.list_datasets(screen.url):
    st.warning(
        "An evaluation needs a dataset, and there is none yet. Import one first.", icon=":material/dataset:"
    )
    st.page_link("pages/datasets.py", label="Import a dataset", icon=":material/upload_file:")
elif launch.is_open():
    launch.draw(screen, head.filters.application)
else:
    draw_evaluations()
