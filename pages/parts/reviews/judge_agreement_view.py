"""One evaluation against people: what its judge's scores are worth, and how to find out with a few more labels."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.human.agreement import MIN_LABELS, JudgeAgreement, calibration
from genaiops_core.evaluation.runs import Evaluation
from pages.parts.charts import agreement_charts
from pages.parts.reads import human
from pages.parts.reviews import agreement_table, label_import_view, label_panel, review_keys
from pages.parts.shared import confirm, frame, units
from pages.parts.shared.frame import Screen

DEFAULT, NONE = "(proposed)", "(none)"


def draw(screen: Screen, run: Evaluation) -> None:
    """Everything people say of the answers of a run, beside what its judge says."""
    confirm.draw_problem()
    counts = human.count_labels(screen.url, run.dataset)
    with frame.show_errors():
        found = human.measure_run_agreement(
            screen.url, run.id, run.units_done, tuple(sorted(_chosen(run).items()))
        )
        if found:
            _draw_found(found)
        elif counts:
            st.caption(
                f"None of the labels ({', '.join(units.escape_markdown(one.metric) for one in counts)}) is held against a "
                "metric of this run. Say below which one speaks of which."
            )
        else:
            st.caption(
                f"Nobody has labelled a case of {units.escape_markdown(run.dataset)} yet. With {MIN_LABELS} labels or more, the "
                "judge's scores can be held against people, and its mean corrected by what they say."
            )
    if counts:
        _draw_matches(run, [one.metric for one in counts])
    left, right = st.columns([3, 2], gap="medium")
    with left.container(border=True, height="stretch"), frame.show_errors():
        label_panel.draw(screen, run)
    with right.container(border=True, height="stretch"):
        label_import_view.draw(screen, run)


def _draw_found(found: Sequence[JudgeAgreement]) -> None:
    enough = [one for one in found if one.corrected.mean is not None]
    if enough:
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown("**What people would say of all judged cases**")
            agreement_charts.draw_means(enough, key="agreement_means")
            st.caption(units.escape_markdown(" ".join(sorted({one.note for one in found}))))
            st.caption(
                units.escape_markdown(
                    "Interval: " + "; ".join(sorted({one.corrected.method for one in enough}))
                )
            )
        with right:
            _draw_calibration(enough)
    agreement_table.draw(found, key=review_keys.AGREEMENT_TABLE, names_judge=False)


def _draw_calibration(found: Sequence[JudgeAgreement]) -> None:
    names = [one.metric for one in found]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Labels against the judge's scores**", width="content")
        st.space("stretch")
        picked = st.selectbox(
            "Metric", names, key="agreement_calibration", label_visibility="collapsed", width=220
        )
    one = found[names.index(picked)] if picked in names else found[0]
    agreement_charts.draw_calibration(one, calibration(one.pairs), key="agreement_calibration_chart")


def _draw_matches(run: Evaluation, labels: Sequence[str]) -> None:
    with st.expander("Which label speaks of which metric", icon=":material/join:"):
        st.caption(
            "Labels and metrics have names of their own; the proposal pairs those that ask nearly the same. "
            "Only you know whether they do."
        )
        for column, metric in zip(st.columns(4) * len(run.metrics), run.metrics, strict=False):
            column.selectbox(
                units.escape_markdown(metric),
                [DEFAULT, NONE, *labels],
                key=f"{review_keys.agreement_label(metric)}_{run.dataset}",
            )


def _chosen(run: Evaluation) -> dict[str, str]:
    """Metric -> label as the operator says, '' for none."""
    said = {
        metric: st.session_state.get(f"{review_keys.agreement_label(metric)}_{run.dataset}")
        for metric in run.metrics
    }
    return {
        metric: "" if label == NONE else str(label)
        for metric, label in said.items()
        if label not in (None, DEFAULT)
    }
