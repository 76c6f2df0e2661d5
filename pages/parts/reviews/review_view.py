"""The review of answers: the queue, one answer with its rating, and the keyboard shortcuts.

A reviewer sees other reviews only after submitting; the core enforces this, not the screen.
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

_LABEL_TITLES = {"good": "Good", "partly": "Partly", "bad": "Bad"}
_MAX_CONTEXTS = 10


def draw_queue(queue: Sequence[reviews.ReviewItem], open_count: int) -> reviews.ReviewItem:
    """Draw the queue, most urgent first, and return the selected item; the default is the first."""
    st.subheader("Queue", icon=":material/inbox:", anchor=False)
    column = tables.column
    row_number = tables.pick(
        [
            {
                "reason": trace_content.format_reason(item.reason),
                "application": item.application,
                "when": units.format_age(item.start, now()),
                "reviews": item.reviews,
            }
            for item in queue
        ],
        {
            "reason": column.TextColumn("Why", width=132),
            "when": column.TextColumn("Received", width=76),
            "reviews": column.NumberColumn(
                "Reviews", width=60, help="Number of other reviewers who rated it"
            ),
            "application": column.TextColumn("Application"),
        },
        key=review_keys.REVIEW_TABLE,
        alt="Answers to review, most urgent first; select an answer to review it",
    )
    reviewed_count = int(st.session_state.get(review_keys.REVIEW_DONE, 0))
    st.progress(
        reviewed_count / (reviewed_count + open_count) if reviewed_count + open_count else 1.0,
        text=f"{reviewed_count:,} reviewed in this session, {open_count:,} to review"
        + (f"; first {len(queue)} shown" if open_count > len(queue) else ""),
    )
    # The queue is not empty: the page draws an empty state instead.
    return queue[row_number or 0]


def draw_item(screen: Screen, item: reviews.ReviewItem) -> None:
    """Draw one answer with its question, contexts and rating."""
    page = reads_reviews.get_review_page(screen.url, screen.actor, item.application, item.trace_id)
    if page is None:
        st.caption("This answer no longer exists.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Answer", icon=":material/rate_review:", anchor=False, width="content")
        st.badge(trace_content.format_reason(item.reason), color="blue", icon=":material/colorize:")
        st.badge(units.escape_markdown(item.application), color="gray")
        if item.release:
            st.badge(units.escape_markdown(item.release), color="gray", icon=":material/deployed_code:")
        st.space("stretch")
        st.page_link(
            "pages/traces.py",
            label="Trace",
            icon=":material/timeline:",
            query_params={keys.TRACE_ID: item.trace_id},
        )
        if st.button("Add to dataset", icon=":material/playlist_add:", key=dataset_keys.TO_DATASET):
            dataset_request.open_dialog(screen, item.application, item.trace_id)
    if page.problem:
        st.caption(f":material/info: {units.escape_markdown(page.problem)}")
    trace_content.draw_message("user", page.question or "(not recorded)")
    trace_content.draw_message("assistant", page.answer or "(not recorded)")
    _draw_contexts(page.contexts)
    _draw_rating(screen, item)


def _draw_contexts(contexts: Sequence[str] | None) -> None:
    if not contexts:
        st.caption("No contexts recorded." if contexts is None else "The model received no contexts.")
        return
    with st.expander(f"{units.format_quantity(len(contexts), 'context')} of the model call", expanded=True):
        for position, context in enumerate(contexts[:_MAX_CONTEXTS]):
            st.caption(f"Context {position + 1}")
            st.code(context[: trace_content.MAX_CHARACTERS], language=None, wrap_lines=True)
        if len(contexts) > _MAX_CONTEXTS:
            st.caption(f"{len(contexts) - _MAX_CONTEXTS:,} more contexts in the trace.")


def _draw_rating(screen: Screen, item: reviews.ReviewItem) -> None:
    """Draw one row per criterion. The keys 1, 2 and 3 rate the next unrated criterion."""
    st.markdown("**Your rating**")
    labels = list(reviews.LABELS)
    for criterion in reviews.METRICS:
        question_column, rating_column = st.columns([3, 2], vertical_alignment="center")
        question_column.markdown(
            f"{units.escape_markdown(criterion.title)}  \n:gray[{units.escape_markdown(criterion.question)}]"
        )
        rating_column.segmented_control(
            criterion.title,
            labels,
            key=review_keys.review_rating(criterion.name, item.trace_id),
            format_func=lambda label: _LABEL_TITLES.get(label, label),
            label_visibility="collapsed",
        )
    st.text_area(
        "Comment",
        key=review_keys.review_comment(item.trace_id),
        height=80,
        placeholder="What is good or wrong (optional)",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for position, label in enumerate(labels):
            st.button(
                _LABEL_TITLES.get(label, label),
                key=review_keys.review_label(label),
                shortcut=str(position + 1),
                type="tertiary",
                on_click=_rate_next,
                args=(item.trace_id, label),
                help="Rates the next unrated criterion",
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
            # Possible only in a callback, before the control is drawn.
            st.session_state[key] = label
            return


def _submit(screen: Screen, item: reviews.ReviewItem) -> str:
    ratings: dict[str, float | str] = {}
    for criterion in reviews.METRICS:
        rating = st.session_state.get(review_keys.review_rating(criterion.name, item.trace_id))
        if rating:
            ratings[criterion.name] = str(rating)
    page = reviews.submit(
        screen.engine,
        actor=screen.actor,
        application=item.application,
        trace_id=item.trace_id,
        ratings=ratings,
        comment=str(st.session_state.get(review_keys.review_comment(item.trace_id)) or ""),
    )
    st.session_state[review_keys.REVIEW_DONE] = int(st.session_state.get(review_keys.REVIEW_DONE, 0)) + 1
    _show_next(None)
    others = units.format_quantity(len(page.others), "other review")
    return f"Saved your rating. {others}." if page.others else "Saved your rating."


def _skip(screen: Screen, item: reviews.ReviewItem) -> str:
    reviews.skip(
        screen.engine,
        actor=screen.actor,
        application=item.application,
        trace_id=item.trace_id,
        comment=str(st.session_state.get(review_keys.review_comment(item.trace_id)) or ""),
    )
    _show_next(item)
    return "Skipped; another reviewer can rate it."


def _show_next(skipped: reviews.ReviewItem | None) -> None:
    """Show the first item of the queue; `skipped` is the item that `draw_undo` offers to restore."""
    st.session_state[review_keys.REVIEW_LAST] = skipped
    # Without its state the table selects the first row again.
    st.session_state.pop(review_keys.REVIEW_TABLE, None)
    cache.invalidate("reviews")


def draw_undo(screen: Screen) -> None:
    """Draw the button that undoes the last skip."""
    item: reviews.ReviewItem | None = st.session_state.get(review_keys.REVIEW_LAST)
    if item is None:
        return

    def undo() -> str:
        reviews.undo_skip(
            screen.engine, actor=screen.actor, application=item.application, trace_id=item.trace_id
        )
        _show_next(None)
        return "The answer is back in your queue."

    st.button(
        "Undo the last skip",
        key=review_keys.REVIEW_UNDO,
        icon=":material/undo:",
        type="tertiary",
        on_click=confirm.run_action,
        args=(undo,),
    )
