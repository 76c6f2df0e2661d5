"""The dialog that makes test cases of real requests: what a search finds becomes the next version of a dataset."""

from __future__ import annotations

import dataclasses

import streamlit as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import from_traffic
from genaiops_core.evaluation.metrics import REGISTRY
from genaiops_core.telemetry.time_window import WINDOWS, Filters
from pages.parts import reads
from pages.parts.datasets import dataset_choice
from pages.parts.shared import confirm, keys, units
from pages.parts.shared.frame import Screen


def ask(here: Screen, dataset: str | None) -> None:
    """Open it; `dataset` is the one that is looked at."""
    confirm.ask(
        "dataset_traffic",
        title="Cases from traffic",
        icon=":material/playlist_add:",
        button="Add",
        act=lambda reason: _add(here, reason),
        fields=lambda: _fields(here, dataset),
        sentence="Question, contexts and answer of each request become a case. A request that is a case already, and a "
        "question that another case asks, are left out and counted.",
        needs_reason=False,
        width="large",
    )


def _fields(here: Screen, dataset: str | None) -> None:
    known = reads.known(here.url)
    left, right = st.columns(2)
    dataset_choice.field(here, keys.TRAFFIC_DATASET, chosen=dataset, place=left)
    right.selectbox(
        "Application",
        known.applications,
        index=None,
        key=keys.TRAFFIC_APPLICATION,
        placeholder="All applications",
    )
    left.selectbox(
        "Release", known.releases, index=None, key=keys.TRAFFIC_RELEASE, placeholder="All releases"
    )
    right.segmented_control("Window", list(WINDOWS), default="24h", required=True, key=keys.TRAFFIC_WINDOW)
    st.text_input(
        "Search",
        key=keys.TRAFFIC_QUERY,
        placeholder='As on Traces: latency>3s "refund policy"; empty for all requests',
    )
    left, right = st.columns(2)
    left.checkbox("Only requests that failed", key=keys.TRAFFIC_ERRORS)
    right.checkbox("Only answers with a thumb down", key=keys.TRAFFIC_DISLIKED)
    metric, below, most = st.columns([2, 1, 1])
    metric.selectbox(
        "Scored low in",
        list(REGISTRY),
        index=None,
        key=keys.TRAFFIC_METRIC,
        accept_new_options=True,
        placeholder="Any score",
    )
    below.number_input(
        "Lower than", min_value=0.0, max_value=1.0, value=None, step=0.05, key=keys.TRAFFIC_BELOW
    )
    most.number_input(
        "At most",
        min_value=1,
        max_value=from_traffic.MOST_TRACES,
        value=200,
        key=keys.TRAFFIC_LIMIT,
        help="Requests, newest first",
    )


def _add(here: Screen, reason: str) -> str:
    state = st.session_state
    name = dataset_choice.named(keys.TRAFFIC_DATASET)
    filters = Filters.last(
        str(state.get(keys.TRAFFIC_WINDOW) or "24h"),
        application=state.get(keys.TRAFFIC_APPLICATION) or None,
    )
    done = from_traffic.from_traces(
        here.engine,
        actor=here.actor,
        dataset=name,
        filters=dataclasses.replace(filters, release=state.get(keys.TRAFFIC_RELEASE) or None),
        query=from_traffic.narrowed_query(
            str(state.get(keys.TRAFFIC_QUERY) or ""),
            only_errors=bool(state.get(keys.TRAFFIC_ERRORS)),
            disliked=bool(state.get(keys.TRAFFIC_DISLIKED)),
            metric=str(state.get(keys.TRAFFIC_METRIC) or ""),
            below=state.get(keys.TRAFFIC_BELOW),
        ),
        limit=int(state.get(keys.TRAFFIC_LIMIT) or 200),
        reason=reason,
    )
    skipped = "; ".join(f"{count} left out: {why}" for why, count in done.skipped.items())
    if not done.added:
        found = f"{units.things(done.found, 'request')} found"
        raise BadInput(f"Nothing was added: {found}{f', {skipped}' if skipped else ''}.")
    dataset_choice.show(name, done.version)
    more = " There may be more." if done.has_more else ""
    return f"{done.added} of {units.things(done.found, 'request')} added to {name}. {skipped}{more}".strip()
