"""The cases of a run, worst first, a page at a time; one of them beside the list with all its texts."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.case_scores import ONLY, CaseScores
from genaiops_core.evaluation.verdicts.scales import scale_of
from pages.parts.evaluations import case_detail
from pages.parts.reads import evaluations
from pages.parts.shared import keys, metric_names, tables
from pages.parts.shared.frame import Screen

PAGE = 50
_DATASET_ORDER = "Order of the dataset"


def draw(here: Screen, run: Evaluation) -> None:
    """Filters, a page of cases, and the case that is selected."""
    metrics = sorted(run.metrics)
    worst_by, only = _filters(here, run, metrics)
    key = f"{keys.CASES_PAGE}_{run.id}_{worst_by}_{only}"
    number = int(st.session_state.get(key) or 1)
    found = evaluations.case_page(
        here.url,
        run.id,
        run.units_done,
        worst_by,
        metric_names.is_high_worst(worst_by, run),
        only,
        PAGE,
        (number - 1) * PAGE,
    )
    if not found.total:
        st.caption("No case was scored." if only is None else f"No case is {only}.")
        return
    left, right = st.columns([8, 5])
    with left:
        picked = _table(run, metrics, found.cases, worst_by, only, number)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{found.total:,} cases", width="content")
            st.space("stretch")
            if (pages := -(-found.total // PAGE)) > 1:
                st.pagination(pages, key=key)
    chosen = found.cases[picked if picked is not None else 0]
    with right:
        case_detail.draw(run, evaluations.case_record(here.url, run.id, chosen.case_no, run.units_done))


def _filters(here: Screen, run: Evaluation, metrics: list[str]) -> tuple[str | None, str | None]:
    with st.container(horizontal=True, vertical_alignment="center"):
        worst_by = st.selectbox(
            "Worst first by",
            [*metrics, _DATASET_ORDER],
            index=metrics.index(worst) if (worst := _weakest(run)) in metrics else 0,
            format_func=lambda name: (
                name if name == _DATASET_ORDER else f"Worst first: {metric_names.title(name, run)}"
            ),
            key=f"{keys.CASES_WORST_BY}_{run.id}",
            label_visibility="collapsed",
            width=320,
        )
        only = st.segmented_control(
            "Only",
            ONLY,
            format_func=str.capitalize,
            key=f"{keys.CASES_ONLY}_{run.id}",
            label_visibility="collapsed",
        )
        st.space("stretch")
        st.download_button(
            "Cases, CSV",
            data=lambda: evaluations.cases_csv(here.url, run.id),
            file_name=f"cases-{run.id}.csv",
            mime="text/csv",
            icon=":material/download:",
            key="evaluation_csv",
            on_click="ignore",
        )
        st.download_button(
            "results.json",
            data=lambda: evaluations.results_json(here.url, run.id),
            file_name=f"results-{run.id}.json",
            mime="application/json",
            icon=":material/download:",
            key="evaluation_download",
            on_click="ignore",
        )
    return (None if worst_by == _DATASET_ORDER else worst_by), only


def _weakest(run: Evaluation) -> str | None:
    """The metric of a gate that went wrong, else the one whose mean is furthest from good."""
    found = run.results or {}
    for verdict in ("failed", "inconclusive"):
        for gate in found.get("gates") or []:
            if gate["verdict"] == verdict and gate.get("metric") in run.metrics:
                return str(gate["metric"])
    goodness = {
        name: scale_of(name, judge=run.judge).goodness(one["mean"])
        for name, one in (found.get("metrics") or {}).items()
        if one["mean"] is not None
    }
    return min(goodness, key=goodness.__getitem__) if goodness else None


def _table(
    run: Evaluation,
    metrics: list[str],
    cases: tuple[CaseScores, ...],
    worst_by: str | None,
    only: str | None,
    number: int,
) -> int | None:
    column = tables.column
    # What it is sorted by stands first, so that a narrow screen shows it.
    ordered = [name for name in (worst_by, *metrics) if name is not None]
    shown = list(dict.fromkeys(ordered))
    return tables.pick(
        [
            {"case": one.case_no, "input": one.case.input, **{name: one.mean(name) for name in shown}}
            for one in cases
        ],
        {
            "case": column.NumberColumn("Case", width=52),
            "input": column.TextColumn("Input", width=115),
            **{
                name: column.NumberColumn(
                    metric_names.heading(name),
                    format="%.3f",
                    width=_width(name),
                    help=metric_names.help_of(name, run),
                )
                for name in shown
            },
        },
        key=f"{keys.CASES_TABLE}_{run.id}_{worst_by}_{only}_{number}",
        alt="Scores of each case; select one to read its texts",
        height=460 if len(cases) > 12 else "content",
        default=0,
    )


def _width(name: str) -> int:
    """Wide enough for the heading, which is longer than any score."""
    return max(65, 6 * len(name) + 16)
