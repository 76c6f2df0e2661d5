"""Reviews: human reviews of sampled answers, and the agreement between reviewers and with judges."""

import streamlit as st

from pages.parts.reads import reviews
from pages.parts.reviews import production_agreement_view, review_tables, review_view
from pages.parts.shared import confirm, filters, frame, units

screen = frame.guard("reviews")
head = filters.draw_header(screen)
application = head.filters.application
QUEUE_LENGTH = 20

queue = reviews.list_queue(screen.url, screen.actor, application, QUEUE_LENGTH)
open_count = reviews.count_open_reviews(screen.url, screen.actor, application)
with head.facts:
    st.badge(
        f"{open_count:,} to review",
        icon=":material/inbox:",
        color="orange" if open_count else "green",
        help=f"Answers that {units.escape_markdown(screen.actor)} has not rated or skipped",
    )
confirm.draw_problem()
review_view.draw_undo(screen)
if not queue:
    sampling = reviews.summarise_sampling(screen.url, head.filters)
    frame.draw_empty_state(
        "Nothing to review",
        "Sampling selects answers for review: all that users disliked, expensive and slow ones, the first of a new "
        "user, and a small share of all others (the sample rate). "
        f"In this window {sampling.sampled:,} of {sampling.considered:,} requests were sampled.",
        icon="rate_review",
        to="quality",
    )
else:
    queue_column, item_column = st.columns([3, 7], gap="medium")
    with queue_column:
        item = review_view.draw_queue(queue, open_count)
    with item_column.container(border=True):
        review_view.draw_item(screen, item)
with st.container(border=True):
    review_tables.draw(screen, application)
    production_agreement_view.draw(screen, head.filters)
