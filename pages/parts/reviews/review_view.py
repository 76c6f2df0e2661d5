"""Reading answers: the queue, one item at a time, its rating, and the keys that make it quick.

A reviewer sees what the other one said only when done; the core sees to that, not this screen.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.evaluation.human import reviews
from pages.parts.datasets import dataset_keys, dataset_request
from pages.parts.reads import cache
from pages.parts.reads import reviews as reads_reviews
from pages.parts.reviews import review_keys
from pages.parts.shared import confirm, keys, tables, units
from pages.parts.shared.frame import Screen
from pages.parts.traces import trace_content

_WORDS = {"good": "Good", "partly": "Partly", "bad": "Bad"}
_MOST_CONTEXTS = 10


def draw_queue(queue: Sequence[reviews.ReviewItem], waiting: int) -> reviews.ReviewItem:
    """What waits, in the order it should be read; the first unless another is chosen."""
    st.subheader("Queue", icon=":material/inbox:", anchor=False)
    column = tables.column
    picked = tables.pick(
        [
            {
                "reason": trace_content.reason(one.reason),
                "application": one.application,
                "when": units.format_age(one.start, now()),
                "reviews": one.reviews,
            }
            for one in queue
        ],
        {
            "reason": column.TextColumn("Why", width=160),
            "when": column.TextColumn("Asked", width=76),
            "reviews": column.NumberColumn("Read", width=50, help="How many others have rated it"),
            "application": column.TextColumn("Application"),
        },
        key=review_keys.REVIEW_TABLE,
        alt="Answers to read, the most urgent first; select one to read it now",
    )
    done = int(st.session_state.get(review_keys.REVIEW_DONE, 0))
    st.progress(
        done / (done + waiting) if done + waiting else 1.0,
        text=f"{done:,} read in this visit, {waiting:,} to go"
        + (f"; the first {len(queue)} are shown" if waiting > len(queue) else ""),
    )
    return queue[picked or 0]


def draw_item(screen: Screen, item: reviews.ReviewItem) -> None:
    """One answer with its question and contexts, and the rating of it."""
    page = reads_reviews.get_review_page(screen.url, screen.actor, item.application, item.trace_id)
    if page is None:
        st.caption("This answer is not here any more.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Answer", icon=":material/rate_review:", anchor=False, width="content")
        st.badge(trace_content.reason(item.reason), color="blue", icon=":material/colorize:")
        st.badge(units.escape_markdown(item.application), color="gray")
        if item.release:
            st.badge(units.escape_markdown(item.release), color="gray", icon=":material/deployed_code:")
        st.space("stretch")
        st.page_link(
            "pages/traces.py",
            label="Steps",
            icon=":material/timeline:",
            query_params={keys.TRACE_ID: item.trace_id},
        )
        if st.button("Add to dataset", icon=":material/playlist_add:", key=dataset_keys.TO_DATASET):
            dataset_request.open_dialog(screen, item.application, item.trace_id)
    if page.problem:
        st.caption(f":material/info: {units.escape_markdown(page.problem)}")
    trace_content.message("user", page.question or "(not told)")
    trace_content.message("assistant", page.answer or "(not told)")
    _contexts(page.contexts)
    _rate(screen, item)


def _contexts(contexts: Sequence[str] | None) -> None:
    if not contexts:
        st.caption("No context was told." if contexts is None else "The answer was given without contexts.")
        return
    with st.expander(f"{units.format_quantity(len(contexts), 'context')} given to the model", expanded=True):
        for at, one in enumerate(contexts[:_MOST_CONTEXTS]):
            st.caption(f"Context {at + 1}")
            st.code(one[: trace_content.MOST_CHARACTERS], language=None, wrap_lines=True)
        if len(contexts) > _MOST_CONTEXTS:
            st.caption(f"{len(contexts) - _MOST_CONTEXTS:,} more in the steps of the trace.")


def _rate(screen: Screen, item: reviews.ReviewItem) -> None:
    """A row a criterion; the keys 1, 2 and 3 rate the next one that is open."""
    st.markdown("**Your rating**")
    labels = list(reviews.LABELS)
    for criterion in reviews.METRICS:
        left, right = st.columns([3, 2], vertical_alignment="center")
        left.markdown(
            f"{units.escape_markdown(criterion.title)}  \n:gray[{units.escape_markdown(criterion.question)}]"
        )
        right.segmented_control(
            criterion.title,
            labels,
            key=review_keys.review_rating(criterion.name, item.trace_id),
            format_func=lambda one: _WORDS.get(one, one),
            label_visibility="collapsed",
        )
    st.text_area(
        "Comment",
        key=review_keys.review_comment(item.trace_id),
        height=80,
        placeholder="What is good or wrong; may stay empty",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for at, label in enumerate(labels):
            st.button(
                _WORDS.get(label, label),
                key=review_keys.review_label(label),
                shortcut=str(at + 1),
                type="tertiary",
                on_click=_rate_next,
                args=(item.trace_id, label),
                help="Rates the next criterion",
            )
        st.space("stretch")
        st.button(
            "Skip",
            key=review_keys.REVIEW_SKIP,
            icon=":material/skip_next:",
            shortcut="S",
            on_click=confirm.run_action,
            args=(lambda: _skip(screen, item),),
        )
        st.button(
            "Submit",
            key=review_keys.REVIEW_SUBMIT,
            icon=":material/check:",
            type="primary",
            shortcut="Mod+Enter",
            on_click=confirm.run_action,
            args=(lambda: _submit(screen, item),),
        )


def _rate_next(trace_id: str, label: str) -> None:
    for criterion in reviews.METRICS:
        key = review_keys.review_rating(criterion.name, trace_id)
        if not st.session_state.get(key):
            st.session_state[key] = label
            return


def _submit(screen: Screen, item: reviews.ReviewItem) -> str:
    ratings: dict[str, float | str] = {}
    for criterion in reviews.METRICS:
        label = st.session_state.get(review_keys.review_rating(criterion.name, item.trace_id))
        if label:
            ratings[criterion.name] = str(label)
    page = reviews.submit(
        screen.engine,
        actor=screen.actor,
        application=item.application,
        trace_id=item.trace_id,
        ratings=ratings,
        comment=str(st.session_state.get(review_keys.review_comment(item.trace_id)) or ""),
    )
    st.session_state[review_keys.REVIEW_DONE] = int(st.session_state.get(review_keys.REVIEW_DONE, 0)) + 1
    _next(None)
    others = units.format_quantity(len(page.others), "other review")
    return f"Your rating is kept. {others}." if page.others else "Your rating is kept."


def _skip(screen: Screen, item: reviews.ReviewItem) -> str:
    reviews.skip(
        screen.engine,
        actor=screen.actor,
        application=item.application,
        trace_id=item.trace_id,
        comment=str(st.session_state.get(review_keys.review_comment(item.trace_id)) or ""),
    )
    _next(item)
    return "Skipped; somebody else may read it."


def _next(skipped: reviews.ReviewItem | None) -> None:
    """The queue moves up: the first is on the screen again, whatever was selected."""
    st.session_state[review_keys.REVIEW_LAST] = skipped
    st.session_state.pop(review_keys.REVIEW_TABLE, None)
    cache.invalidate("reviews")


def draw_undo(screen: Screen) -> None:
    """The way back from the last skip."""
    item: reviews.ReviewItem | None = st.session_state.get(review_keys.REVIEW_LAST)
    if item is None:
        return

    def undo() -> str:
        reviews.undo_skip(
            screen.engine, actor=screen.actor, application=item.application, trace_id=item.trace_id
        )
        _next(None)
        return "It waits for you again."

    st.button(
        "Undo the last skip",
        key=review_keys.REVIEW_UNDO,
        icon=":material/undo:",
        type="tertiary",
        on_click=confirm.run_action,
        args=(undo,),
    )
