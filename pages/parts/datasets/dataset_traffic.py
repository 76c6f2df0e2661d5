"""The dialog that creates test cases from the requests that match a search."""

from __future__ import annotations

import dataclasses

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import add_traces
from genaiops_core.evaluation.metrics import REGISTRY
from genaiops_core.telemetry.time_window import WINDOWS, Filters
from pages.parts.datasets import dataset_choice, dataset_keys
from pages.parts.reads import traffic
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen


def open_dialog(screen: Screen, dataset: str | None) -> None:
    """Open the dialog; `dataset` is the dataset on screen."""
    confirm.open_dialog(
        "dataset_traffic",
        title="Create test cases from matching requests",
        icon=":material/playlist_add:",
        button="Add",
        act=lambda reason: _add_cases(screen, reason),
        fields=lambda: _draw_fields(screen, dataset),
        sentence="Creates a case from question, contexts and answer of each request. Requests and questions that are "
        "already in the dataset are skipped and counted.",
        needs_reason=False,
        width="large",
    )


def _draw_fields(screen: Screen, dataset: str | None) -> None:
    options = traffic.list_filter_options(screen.url)
    first, second = st.columns(2)
    dataset_choice.draw_field(screen, dataset_keys.TRAFFIC_DATASET, selected=dataset, container=first)
    second.selectbox(
        "Application",
        options.applications,
        index=None,
        key=dataset_keys.TRAFFIC_APPLICATION,
        placeholder="All applications",
    )
    first.selectbox(
        "Release", options.releases, index=None, key=dataset_keys.TRAFFIC_RELEASE, placeholder="All releases"
    )
    second.segmented_control(
        "Window", list(WINDOWS), default="24h", required=True, key=dataset_keys.TRAFFIC_WINDOW
    )
    st.text_input(
        "Search",
        key=dataset_keys.TRAFFIC_QUERY,
        placeholder='Search syntax of Traces, e.g. latency>3s "refund policy"; empty = all requests',
    )
    first, second = st.columns(2)
    first.checkbox("Only failed requests", key=dataset_keys.TRAFFIC_ERRORS)
    second.checkbox("Only answers with a thumbs down", key=dataset_keys.TRAFFIC_DISLIKED)
    metric_column, threshold_column, limit_column = st.columns([2, 1, 1])
    metric_column.selectbox(
        "Low score of",
        list(REGISTRY),
        index=None,
        key=dataset_keys.TRAFFIC_METRIC,
        accept_new_options=True,
        placeholder="Any score",
    )
    threshold_column.number_input(
        "Below", min_value=0.0, max_value=1.0, value=None, step=0.05, key=dataset_keys.TRAFFIC_BELOW
    )
    limit_column.number_input(
        "Maximum",
        min_value=1,
        max_value=add_traces.MAX_TRACES,
        value=200,
        key=dataset_keys.TRAFFIC_LIMIT,
        help="Requests, newest first",
    )


def _add_cases(screen: Screen, reason: str) -> str:
    state = st.session_state
    name = dataset_choice.read_name(dataset_keys.TRAFFIC_DATASET)
    filters = Filters.last(
        str(state.get(dataset_keys.TRAFFIC_WINDOW) or "24h"),
        application=state.get(dataset_keys.TRAFFIC_APPLICATION) or None,
    )
    result = add_traces.add_matching_traces(
        screen.engine,
        actor=screen.actor,
        dataset=name,
        filters=dataclasses.replace(filters, release=state.get(dataset_keys.TRAFFIC_RELEASE) or None),
        query=add_traces.build_query(
            str(state.get(dataset_keys.TRAFFIC_QUERY) or ""),
            only_errors=bool(state.get(dataset_keys.TRAFFIC_ERRORS)),
            only_disliked=bool(state.get(dataset_keys.TRAFFIC_DISLIKED)),
            metric=str(state.get(dataset_keys.TRAFFIC_METRIC) or ""),
            below=state.get(dataset_keys.TRAFFIC_BELOW),
        ),
        limit=int(state.get(dataset_keys.TRAFFIC_LIMIT) or 200),
        reason=reason,
    )
    skipped = dataset_choice.format_skipped(result.skipped)
    if not result.added:
        requests = units.format_quantity(result.matched, "matching request")
        raise BadInput(f"No case was added from {requests}.{skipped}")
    dataset_choice.select_version(name, result.version)
    more = " More requests may match; raise the maximum to add them." if result.has_more else ""
    requests = units.format_quantity(result.matched, "request")
    return f"Added {result.added} of {requests} to {name}.{skipped}{more}"
