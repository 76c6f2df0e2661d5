"""Reviews: what do people think of real answers?"""

import streamlit as st

from pages.parts.reads import reviews
from pages.parts.reviews import production_agreement_view, review_tables, review_view
from pages.parts.shared import confirm, filters, frame, keys, units

screen = frame.guard("reviews")
head = filters.draw_header(screen, by=(keys.APPLICATION,), default_window="7d")
application = head.filters.application
QUEUE = 20

queue = reviews.list_queue(screen.url, screen.actor, application, QUEUE)
waiting = reviews.count_open_reviews(screen.url, screen.actor, application)
with head.facts:
    st.badge(
        f"{waiting:,} to read",
        icon=":material/inbox:",
        color="orange" if waiting else "green",
        help=f"What {units.escape_markdown(screen.actor)} has not rated or skipped",
    )
confirm.draw_problem()
review_view.draw_undo(screen)
if not queue:
    sampling = reviews.summarise_sampling(screen.url, head.filters)
    frame.draw_empty_state(
        "Nothing waits for you",
        "Answers come here when sampling chooses them: all that users disliked, the dear, the slow and the first of "
        "a new user, and a small share of everything else. "
        f"In this window {sampling.sampled:,} of {sampling.considered:,} requests were chosen.",
        icon="rate_review",
        to="quality",
    )
else:
    left, right = st.columns([3, 7], gap="medium")
    with left:
        item = review_view.draw_queue(queue, waiting)
    with right.container(border=True):
        review_view.draw_item(screen, item)
with st.container(border=True):
    review_tables.draw(screen, application)
    production_agreement_view.draw(screen, head.filters)
