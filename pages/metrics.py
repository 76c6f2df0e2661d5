"""Metrics: the registry with requirements and cost, and LLM-judged rubrics."""

import streamlit as st

from pages.parts.metrics import metric_keys, metric_table, rubric_form, rubric_view
from pages.parts.reads import metrics
from pages.parts.shared import filters, frame, units

screen = frame.guard("metrics")

head = filters.draw_header(
    screen,
    action=None if rubric_form.is_open() else "New rubric",
    action_icon=":material/add:",
    action_key=metric_keys.RUBRIC_NEW,
)
rubrics = metrics.list_rubrics(screen.url)
all_metrics = metrics.list_metrics(screen.url)
with head.facts:
    st.badge(units.format_quantity(len(all_metrics), "metric"), icon=":material/rule:", color="gray")
    st.badge(units.format_quantity(len(rubrics), "rubric"), icon=":material/edit_note:", color="gray")
if head.is_clicked:
    rubric_form.open_form(None)
    st.rerun()
if rubric_form.is_open():
    rubric_form.draw(screen)
else:
    rubrics_tab, metrics_tab = st.tabs(
        ["Rubrics", "All metrics"], key=metric_keys.METRICS_TAB, on_change="rerun", bind="query-params"
    )
    # `on_change` makes `open` known to the server, so that only the open tab is read and drawn.
    if rubrics_tab.open:
        with rubrics_tab:
            rubric_view.draw(screen, rubrics)
    if metrics_tab.open:
        with metrics_tab:
            st.caption(
                "Offline proxies are cheap stand-ins that count common words: they detect a wrong context and do not "
                "measure faithfulness. Metrics with model calls cost what these calls cost."
            )
            metric_table.draw_registry(list(all_metrics.values()), key="metric_table")
