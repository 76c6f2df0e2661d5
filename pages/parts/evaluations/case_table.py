"""The cases of an evaluation, worst first, with pages; the selected case is drawn beside the table."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.case_scores import SCORE_FILTERS, CaseScores
from genaiops_core.evaluation.verdicts.scales import find_scale
from pages.parts.evaluations import case_detail, evaluation_keys
from pages.parts.reads import evaluations
from pages.parts.shared import metric_names, tables, units
from pages.parts.shared.frame import Screen

PAGE = 50
_DATASET_ORDER = "Dataset order"


def draw(screen: Screen, evaluation: Evaluation) -> None:
    """Draw the filters, one page of cases and the selected case."""
    metrics = sorted(evaluation.metrics)
    worst_by, only = _draw_filters(screen, evaluation, metrics)
    key = f"{evaluation_keys.CASES_PAGE}_{evaluation.id}_{worst_by}_{only}"
    page_number = int(st.session_state.get(key) or 1)
    page = evaluations.read_case_page(
        screen.url,
        evaluation.id,
        evaluation.units_done,
        worst_by,
        metric_names.is_higher_worse(worst_by, evaluation),
        only,
        PAGE,
        (page_number - 1) * PAGE,
    )
    if not page.total:
        st.caption("No case has a score." if only is None else f"No case is {only}.")
        return
    table_column, detail_column = st.columns([8, 5])
    with table_column:
        row_number = _draw_table(evaluation, metrics, page.cases, worst_by, only, page_number)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(units.format_quantity(page.total, "case"), width="content")
            st.space("stretch")
            if (page_count := -(-page.total // PAGE)) > 1:
                st.pagination(page_count, key=key)
    selected_case = page.cases[row_number if row_number is not None else 0]
    with detail_column:
        case_detail.draw(
            evaluation,
            evaluations.get_case_record(
                screen.url, evaluation.id, selected_case.case_no, evaluation.units_done
            ),
        )


def _draw_filters(
    screen: Screen, evaluation: Evaluation, metrics: list[str]
) -> tuple[str | None, str | None]:
    with st.container(horizontal=True, vertical_alignment="center"):
        worst_by = st.selectbox(
            "Worst first by",
            [*metrics, _DATASET_ORDER],
            index=metrics.index(weakest) if (weakest := _find_weakest_metric(evaluation)) in metrics else 0,
            format_func=lambda name: (
                name
                if name == _DATASET_ORDER
                else f"Worst first: {metric_names.format_title(name, evaluation)}"
            ),
            key=f"{evaluation_keys.CASES_WORST_BY}_{evaluation.id}",
            label_visibility="collapsed",
            width=320,
        )
        outcome = st.segmented_control(
            "Only",
            SCORE_FILTERS,
            format_func=str.capitalize,
            key=f"{evaluation_keys.CASES_ONLY}_{evaluation.id}",
            label_visibility="collapsed",
        )
        st.space("stretch")
        st.download_button(
            "Cases, CSV",
            data=lambda: evaluations.export_cases(screen.url, evaluation.id),
            file_name=f"cases-{evaluation.id}.csv",
            mime="text/csv",
            icon=":material/download:",
            key="evaluation_csv",
            on_click="ignore",
        )
        st.download_button(
            "results.json",
            data=lambda: evaluations.export_results(screen.url, evaluation.id),
            file_name=f"results-{evaluation.id}.json",
            mime="application/json",
            icon=":material/download:",
            key="evaluation_download",
            on_click="ignore",
        )
    return (None if worst_by == _DATASET_ORDER else worst_by), outcome


def _find_weakest_metric(evaluation: Evaluation) -> str | None:
    """Return the metric of the first gate that did not pass, else the metric whose mean is furthest from good."""
    results = evaluation.results or {}
    for verdict in ("failed", "inconclusive"):
        for gate in results.get("gates") or []:
            if gate["verdict"] == verdict and gate.get("metric") in evaluation.metrics:
                return str(gate["metric"])
    goodness = {
        name: find_scale(name, judge=evaluation.judge).goodness(summary["mean"])
        for name, summary in (results.get("metrics") or {}).items()
        if summary["mean"] is not None
    }
    return min(goodness, key=goodness.__getitem__) if goodness else None


def _draw_table(
    evaluation: Evaluation,
    metrics: list[str],
    cases: tuple[CaseScores, ...],
    worst_by: str | None,
    outcome: str | None,
    page_number: int,
) -> int | None:
    column = tables.column
    # The sort column comes first, so that a narrow screen shows it.
    by_relevance = [name for name in (worst_by, *metrics) if name is not None]
    metric_columns = list(dict.fromkeys(by_relevance))
    return tables.pick(
        [
            {
                "case": case.case_no,
                "input": case.case.input,
                **{name: case.mean(name) for name in metric_columns},
            }
            for case in cases
        ],
        {
            "case": column.NumberColumn("Case", width=52),
            "input": column.TextColumn("Input", width=115),
            **{
                name: column.NumberColumn(
                    metric_names.format_heading(name),
                    format="%.3f",
                    width=_compute_width(name),
                    help=metric_names.find_description(name, evaluation),
                )
                for name in metric_columns
            },
        },
        key=f"{evaluation_keys.CASES_TABLE}_{evaluation.id}_{worst_by}_{outcome}_{page_number}",
        alt="Scores of each case; select a case to read its texts",
        height=460 if len(cases) > 12 else "content",
        default=0,
    )


def _compute_width(name: str) -> int:
    """Width in px for the heading, which is longer than any score."""
    return max(65, 6 * len(name) + 16)
