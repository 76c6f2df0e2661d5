"""Judge-human agreement of one evaluation: agreement, corrected means, and the tools to add labels."""

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

PROPOSED, NONE = "(proposed)", "(none)"


def draw(screen: Screen, evaluation: Evaluation) -> None:
    """Draw the agreement of the judge with human labels, the matching of labels to metrics, and the label tools."""
    confirm.draw_problem()
    label_counts = human.count_labels(screen.url, evaluation.dataset)
    with frame.show_errors():
        agreements = human.measure_run_agreement(
            screen.url, evaluation.id, evaluation.units_done, tuple(sorted(_read_matches(evaluation).items()))
        )
        if agreements:
            _draw_agreements(agreements)
        elif label_counts:
            names = ", ".join(units.escape_markdown(label_count.metric) for label_count in label_counts)
            st.caption(
                f"No label ({names}) matches a metric of this evaluation. Match labels and metrics below."
            )
        else:
            st.caption(
                f"No case of {units.escape_markdown(evaluation.dataset)} has a human label yet. With {MIN_LABELS} labels or "
                "more, the judge is compared with humans and its mean is corrected by their labels."
            )
    if label_counts:
        _draw_matches(evaluation, [label_count.metric for label_count in label_counts])
    panel_column, import_column = st.columns([3, 2], gap="medium")
    with panel_column.container(border=True, height="stretch"), frame.show_errors():
        label_panel.draw(screen, evaluation)
    with import_column.container(border=True, height="stretch"):
        label_import_view.draw(screen, evaluation)


def _draw_agreements(agreements: Sequence[JudgeAgreement]) -> None:
    estimated = [agreement for agreement in agreements if agreement.corrected.mean is not None]
    if estimated:
        means_column, calibration_column = st.columns(2, gap="medium")
        with means_column:
            st.markdown("**Mean corrected by human labels, all judged cases**")
            agreement_charts.draw_means(estimated, key="agreement_means")
            st.caption(units.escape_markdown(" ".join(sorted({agreement.note for agreement in agreements}))))
            st.caption(
                units.escape_markdown(
                    "Interval: " + "; ".join(sorted({agreement.corrected.method for agreement in estimated}))
                )
            )
        with calibration_column:
            _draw_calibration(estimated)
    agreement_table.draw(agreements, key=review_keys.AGREEMENT_TABLE, has_judge_column=False)


def _draw_calibration(agreements: Sequence[JudgeAgreement]) -> None:
    names = [agreement.metric for agreement in agreements]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Human labels by judge score**", width="content")
        st.space("stretch")
        metric = st.selectbox(
            "Metric", names, key="agreement_calibration", label_visibility="collapsed", width=220
        )
    agreement = agreements[names.index(metric)] if metric in names else agreements[0]
    agreement_charts.draw_calibration(
        agreement, calibration(agreement.pairs), key="agreement_calibration_chart"
    )


def _draw_matches(evaluation: Evaluation, labels: Sequence[str]) -> None:
    with st.expander("Match labels to metrics", icon=":material/join:"):
        st.caption(
            "Labels and metrics have different names. The proposal pairs those with nearly the same question; "
            "check each pair."
        )
        for container, metric in zip(
            st.columns(4) * len(evaluation.metrics), evaluation.metrics, strict=False
        ):
            container.selectbox(
                units.escape_markdown(metric),
                [PROPOSED, NONE, *labels],
                key=f"{review_keys.agreement_label(metric)}_{evaluation.dataset}",
            )


def _read_matches(evaluation: Evaluation) -> dict[str, str]:
    """Return metric -> label as chosen by the operator; '' for none. Metrics without a choice are absent."""
    selections = {
        metric: st.session_state.get(f"{review_keys.agreement_label(metric)}_{evaluation.dataset}")
        for metric in evaluation.metrics
    }
    return {
        metric: "" if label == NONE else str(label)
        for metric, label in selections.items()
        if label not in (None, PROPOSED)
    }
