"""How far two reviewers agree, and where they differ most."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.human import reviews
from pages.parts.reads import reviews as reads_reviews
from pages.parts.shared import keys, tables, units
from pages.parts.shared.frame import Screen

_MOST = 50


def draw(screen: Screen, application: str | None) -> None:
    """Agreement by criterion beside the largest disagreements; only of what two people have rated."""
    titles = {one.name: one.title for one in reviews.METRICS}
    column = tables.column
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.subheader("Agreement of two reviewers", icon=":material/handshake:", anchor=False)
        agreed = reads_reviews.measure_agreement(screen.url, application)
        if agreed:
            tables.draw(
                [
                    {
                        "metric": titles.get(one.metric, one.metric),
                        "items": one.items,
                        "agreed": one.percent_agreement / 100,
                        "kappa": one.kappa,
                        "low": one.low,
                        "high": one.high,
                    }
                    for one in agreed
                ],
                {
                    "metric": column.TextColumn("Criterion"),
                    "items": column.NumberColumn("n", format="localized"),
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
            for method in sorted({one.method for one in agreed if one.method}):
                st.caption(units.escape_markdown(method))
        else:
            st.caption("No answer has been rated by two people yet.")
    with right:
        st.subheader("Where they differ", icon=":material/compare_arrows:", anchor=False)
        found = reads_reviews.list_disagreements(screen.url, application, _MOST)
        if not found:
            st.caption("Nothing that two people have rated differs.")
            return
        picked = tables.pick(
            [
                {
                    "metric": titles.get(one.metric, one.metric),
                    "difference": one.difference,
                    "first": f"{one.first_reviewer}: {one.first_value:g}",
                    "second": f"{one.second_reviewer}: {one.second_value:g}",
                    "comments": " / ".join(filter(None, one.comments)),
                    "application": one.application,
                }
                for one in found
            ],
            {
                "metric": column.TextColumn("Criterion"),
                "difference": column.NumberColumn("Difference", format="%.2f"),
                "first": column.TextColumn("One says"),
                "second": column.TextColumn("The other"),
                "comments": column.TextColumn("Comments", width="medium"),
                "application": column.TextColumn("Application"),
            },
            key="review_disagreements",
            alt="Answers that two reviewers rated differently, the largest difference first",
        )
        if picked is not None:
            st.page_link(
                "pages/traces.py",
                label="Steps of the selected one",
                icon=":material/timeline:",
                query_params={keys.TRACE_ID: found[picked].trace_id},
            )
