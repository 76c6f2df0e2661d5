"""The dialog that makes test cases of real requests: what a search finds becomes the next version of a dataset."""

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


def ask(screen: Screen, dataset: str | None) -> None:
    """Open it; `dataset` is the one that is looked at."""
    confirm.ask(
        "dataset_traffic",
        title="Cases from traffic",
        icon=":material/playlist_add:",
        button="Add",
        act=lambda reason: _add(screen, reason),
        fields=lambda: _fields(screen, dataset),
        sentence="Question, contexts and answer of each request become a case. A request that is a case already, and a "
        "question that another case asks, are left out and counted.",
        needs_reason=False,
        width="large",
    )


def _fields(screen: Screen, dataset: str | None) -> None:
    known = traffic.list_filter_options(screen.url)
    left, right = st.columns(2)
    dataset_choice.field(screen, dataset_keys.TRAFFIC_DATASET, chosen=dataset, place=left)
    right.selectbox(
        "Application",
        known.applications,
        index=None,
        key=dataset_keys.TRAFFIC_APPLICATION,
        placeholder="All applications",
    )
    left.selectbox(
        "Release", known.releases, index=None, key=dataset_keys.TRAFFIC_RELEASE, placeholder="All releases"
    )
    right.segmented_control(
        "Window", list(WINDOWS), default="24h", required=True, key=dataset_keys.TRAFFIC_WINDOW
    )
    st.text_input(
        "Search",
        key=dataset_keys.TRAFFIC_QUERY,
        placeholder='As on Traces: latency>3s "refund policy"; empty for all requests',
    )
    left, right = st.columns(2)
    left.checkbox("Only requests that failed", key=dataset_keys.TRAFFIC_ERRORS)
    right.checkbox("Only answers with a thumb down", key=dataset_keys.TRAFFIC_DISLIKED)
    metric, below, most = st.columns([2, 1, 1])
    metric.selectbox(
        "Scored low in",
        list(REGISTRY),
        index=None,
        key=dataset_keys.TRAFFIC_METRIC,
        accept_new_options=True,
        placeholder="Any score",
    )
    below.number_input(
        "Lower than", min_value=0.0, max_value=1.0, value=None, step=0.05, key=dataset_keys.TRAFFIC_BELOW
    )
    most.number_input(
        "At most",
        min_value=1,
        max_value=add_traces.MOST_TRACES,
        value=200,
        key=dataset_keys.TRAFFIC_LIMIT,
        help="Requests, newest first",
    )


def _add(screen: Screen, reason: str) -> str:
    state = st.session_state
    name = dataset_choice.named(dataset_keys.TRAFFIC_DATASET)
    filters = Filters.last(
        str(state.get(dataset_keys.TRAFFIC_WINDOW) or "24h"),
        application=state.get(dataset_keys.TRAFFIC_APPLICATION) or None,
    )
    done = add_traces.from_traces(
        screen.engine,
        actor=screen.actor,
        dataset=name,
        filters=dataclasses.replace(filters, release=state.get(dataset_keys.TRAFFIC_RELEASE) or None),
        query=add_traces.narrowed_query(
            str(state.get(dataset_keys.TRAFFIC_QUERY) or ""),
            only_errors=bool(state.get(dataset_keys.TRAFFIC_ERRORS)),
            disliked=bool(state.get(dataset_keys.TRAFFIC_DISLIKED)),
            metric=str(state.get(dataset_keys.TRAFFIC_METRIC) or ""),
            below=state.get(dataset_keys.TRAFFIC_BELOW),
        ),
        limit=int(state.get(dataset_keys.TRAFFIC_LIMIT) or 200),
        reason=reason,
    )
    skipped = "; ".join(f"{count} left out: {why}" for why, count in done.skipped.items())
    if not done.added:
        found = f"{units.things(done.found, 'request')} found"
        raise BadInput(f"Nothing was added: {found}{f', {skipped}' if skipped else ''}.")
    dataset_choice.show(name, done.version)
    more = " There may be more." if done.has_more else ""
    return f"{done.added} of {units.things(done.found, 'request')} added to {name}. {skipped}{more}".strip()
