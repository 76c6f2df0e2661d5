"""Metrics: what can be measured, what each needs and costs; and rubrics, which are metrics in one's own words."""

import streamlit as st

from pages.parts.metrics import metric_keys, metric_table, rubric_form, rubric_view
from pages.parts.reads import metrics
from pages.parts.shared import filters, frame, units

screen = frame.guard("metrics")

head = filters.draw_header(
    screen,
    window=False,
    action=None if rubric_form.is_open() else "New rubric",
    action_icon=":material/add:",
    action_key=metric_keys.RUBRIC_NEW,
)
rubrics = metrics.list_rubrics(screen.url)
known = metrics.list_metrics(screen.url)
with head.facts:
    st.badge(units.format_quantity(len(known), "metric"), icon=":material/rule:", color="gray")
    st.badge(units.format_quantity(len(rubrics), "rubric"), icon=":material/edit_note:", color="gray")
if head.is_clicked:
    rubric_form.open_form(None)
    st.rerun()
if rubric_form.is_open():
    rubric_form.draw(screen)
else:
    listed, registry = st.tabs(
        ["Rubrics", "All metrics"], key=metric_keys.METRICS_TAB, on_change="rerun", bind="query-params"
    )
    if listed.open:
        with listed:
            rubric_view.draw(screen, rubrics)
    if registry.open:
        with registry:
            st.caption(
                "Offline proxies count words in common: they tell a swapped context from the right one, and are no "
                "measure of faithfulness. What asks a model costs what its calls cost."
            )
            metric_table.choose(list(known.values()), key="metric_table")
