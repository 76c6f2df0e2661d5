"""Agreement of two reviewers by criterion, and their largest disagreements."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.human import reviews
from pages.parts.reads import reviews as reads_reviews
from pages.parts.shared import keys, tables, units
from pages.parts.shared.frame import Screen

_MAX_DISAGREEMENTS = 50
_CRITERIA = {criterion.name: criterion.title for criterion in reviews.METRICS}


def draw(screen: Screen, application: str | None) -> None:
    """Draw the agreement by criterion beside the largest disagreements of answers with two reviews."""
    agreement_column, disagreement_column = st.columns([2, 3], gap="medium")
    with agreement_column:
        _draw_agreement(screen, application)
    with disagreement_column:
        _draw_disagreements(screen, application)


def _draw_agreement(screen: Screen, application: str | None) -> None:
    st.subheader("Agreement of two reviewers", icon=":material/handshake:", anchor=False)
    agreements = reads_reviews.measure_agreement(screen.url, application)
    if not agreements:
        st.caption("No answer has two reviews yet.")
        return
    column = tables.column
    tables.draw(
        [
            {
                "metric": _CRITERIA.get(agreement.metric, agreement.metric),
                "items": agreement.items,
                "agreed": agreement.percent_agreement / 100,
                "kappa": agreement.kappa,
                "low": agreement.low,
                "high": agreement.high,
            }
            for agreement in agreements
        ],
        {
            "metric": column.TextColumn("Criterion"),
            "items": column.NumberColumn("n", format="localized", help="Answers with two reviews"),
            "agreed": column.NumberColumn("Agreed", format="percent"),
            "kappa": column.NumberColumn(
                "Kappa", format="%.2f", help="Agreement beyond chance: 0 is chance, 1 is perfect"
            ),
            "low": column.NumberColumn("95 % from", format="%.2f"),
            "high": column.NumberColumn("to", format="%.2f"),
        },
        key="review_agreement",
        alt="Agreement of two reviewers by criterion",
    )
    for method in sorted({agreement.method for agreement in agreements if agreement.method}):
        st.caption(units.escape_markdown(method))


def _draw_disagreements(screen: Screen, application: str | None) -> None:
    st.subheader("Disagreements", icon=":material/compare_arrows:", anchor=False)
    disagreements = reads_reviews.list_disagreements(screen.url, application, _MAX_DISAGREEMENTS)
    if not disagreements:
        st.caption("No answer has two different ratings.")
        return
    column = tables.column
    row_number = tables.pick(
        [
            {
                "metric": _CRITERIA.get(disagreement.metric, disagreement.metric),
                "difference": disagreement.difference,
                "first": f"{disagreement.first_reviewer}: {disagreement.first_value:g}",
                "second": f"{disagreement.second_reviewer}: {disagreement.second_value:g}",
                "comments": " / ".join(filter(None, disagreement.comments)),
                "application": disagreement.application,
            }
            for disagreement in disagreements
        ],
        {
            "metric": column.TextColumn("Criterion"),
            "difference": column.NumberColumn("Difference", format="%.2f"),
            "first": column.TextColumn("First reviewer"),
            "second": column.TextColumn("Second reviewer"),
            "comments": column.TextColumn("Comments", width="medium"),
            "application": column.TextColumn("Application"),
        },
        key="review_disagreements",
        alt="Answers that two reviewers rated differently, the largest difference first",
    )
    if row_number is not None:
        st.page_link(
            "pages/traces.py",
            label="Trace of the selected answer",
            icon=":material/timeline:",
            query_params={keys.TRACE_ID: disagreements[row_number].trace_id},
        )
