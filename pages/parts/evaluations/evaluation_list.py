"""Every evaluation in one table; the newest is chosen until another row is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.errors import NotFound
from genaiops_core.evaluation import runs
from pages.parts.evaluations import evaluation_keys
from pages.parts.reads import evaluations as reads_evaluations
from pages.parts.shared import keys, tables, units


def add_linked_evaluation(
    url: str, evaluations: list[runs.Evaluation], application: str | None
) -> list[runs.Evaluation]:
    """The runs, and the one that the address names too where it is older than all of them.

    A link to what does not exist is said, so that nobody takes the newest run for the one that was meant.
    """
    evaluation_id = st.query_params.get(keys.EVALUATION)
    if evaluation_id is None or any(evaluation.id == evaluation_id for evaluation in evaluations):
        return evaluations
    try:
        linked = reads_evaluations.get_evaluation(url, evaluation_id)
    except NotFound as error:
        st.warning(f"{units.plain(error)} The newest one is shown.", icon=":material/link_off:")
        return evaluations
    return [*evaluations, linked] if application in (None, linked.application) else evaluations


def draw(evaluations: Sequence[runs.Evaluation]) -> runs.Evaluation:
    """Draw the runs, newest first; returns the one that was picked, or that the address names."""
    column = tables.column
    linked_id = st.query_params.get(keys.EVALUATION)
    default_row = next(
        (row_number for row_number, evaluation in enumerate(evaluations) if evaluation.id == linked_id), 0
    )
    selected_row = tables.pick(
        [
            {
                "at": evaluation.created_at,
                "verdict": [evaluation.verdict] if evaluation.verdict else [],
                "state": [evaluation.state],
                "dataset": f"{evaluation.dataset} v{evaluation.version}",
                "release": format_release(evaluation),
                "judge": evaluation.judge,
                "progress": round(evaluation.progress, 2),
                "undefined": evaluation.units_undefined,
                "cost": compute_cost_usd(evaluation),
                "by": evaluation.created_by,
            }
            for evaluation in evaluations
        ],
        {
            "at": column.DatetimeColumn("Launched", format="distance", width=125),
            "verdict": tables.states("Verdict"),
            "state": tables.states("State"),
            "dataset": column.TextColumn("Dataset"),
            "release": column.TextColumn("Release"),
            "judge": column.TextColumn("Judge", width=125),
            "progress": column.ProgressColumn("Scored", min_value=0, max_value=1, format="percent", width=95),
            "undefined": column.NumberColumn("No value", format="localized", width=75),
            "cost": column.NumberColumn("Cost, USD", format="%.4g", width=85),
            "by": column.TextColumn("By", width=80),
        },
        # A new run moves the rows: start again at the newest.
        key=f"{evaluation_keys.EVALUATION_TABLE}_{len(evaluations)}",
        alt="Evaluations, newest first; select one to read it",
        height=215 if len(evaluations) > 5 else "content",
        default=default_row,
    )
    selected = evaluations[selected_row if selected_row is not None else default_row]
    # A copied link shows a colleague the same run, and a newer one does not take its place.
    st.query_params[keys.EVALUATION] = selected.id
    return selected


def format_release(evaluation: runs.Evaluation) -> str:
    """`application/release`, the application alone where no release was named, or nothing."""
    return "/".join(part for part in (evaluation.application, evaluation.release) if part)


def compute_cost_usd(evaluation: runs.Evaluation) -> float | None:
    """What judging and answering cost; None as soon as one call of it has no known price."""
    if evaluation.unpriced_calls or evaluation.answers_unpriced:
        return None
    return evaluation.spent_nano_usd / 1e9
