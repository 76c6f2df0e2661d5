"""The table of evaluations, newest first; the selected row is the evaluation that the page shows."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.errors import NotFound
from genaiops_core.evaluation import runs
from pages.parts.evaluations import evaluation_keys
from pages.parts.reads import evaluations as reads_evaluations
from pages.parts.shared import keys, tables, units
from pages.parts.shared.address import LinkedTable


def add_linked_evaluation(
    url: str, evaluations: list[runs.Evaluation], application: str | None
) -> list[runs.Evaluation]:
    """Append the evaluation that the URL names, where the list does not include it.

    An unknown identifier draws a warning, and no other evaluation takes its place.
    """
    evaluation_id = st.query_params.get(keys.EVALUATION)
    if evaluation_id is None or any(evaluation.id == evaluation_id for evaluation in evaluations):
        return evaluations
    try:
        linked = reads_evaluations.get_evaluation(url, evaluation_id)
    except NotFound as error:
        st.warning(
            f"{units.escape_markdown(error)} Select an evaluation in the list.", icon=":material/link_off:"
        )
        return evaluations
    return [*evaluations, linked] if application in (None, linked.application) else evaluations


def draw(evaluations: Sequence[runs.Evaluation]) -> runs.Evaluation | None:
    """Draw the table and return the selected evaluation: by default the one that the URL names, else the newest.

    None when the URL names an evaluation that does not exist and none is selected.
    """
    column = tables.column
    # A new evaluation moves the rows, so the selection starts at the newest again.
    table = LinkedTable(keys.EVALUATION, f"{evaluation_keys.EVALUATION_TABLE}_{len(evaluations)}")
    linked_id = st.query_params.get(keys.EVALUATION) or evaluations[0].id
    default_row = next(
        (row_number for row_number, evaluation in enumerate(evaluations) if evaluation.id == linked_id), None
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
            "verdict": tables.state_column(
                "Verdict",
                help="Passed, warning (passed, but close to a limit), failed or inconclusive: the result of all gates",
            ),
            "state": tables.state_column("State"),
            "dataset": column.TextColumn("Dataset"),
            "release": column.TextColumn("Release"),
            "judge": column.TextColumn("Judge", width=125),
            "progress": column.ProgressColumn("Scored", min_value=0, max_value=1, format="percent", width=95),
            "undefined": column.NumberColumn(
                "Not scored", format="localized", width=80, help="Scores that are undefined or failed"
            ),
            "cost": column.NumberColumn("Cost, USD", format="%.4g", width=85),
            "by": column.TextColumn("By", width=80),
        },
        key=table.key,
        alt="Evaluations, newest first; select one to read it",
        height=215 if len(evaluations) > 5 else "content",
        default=default_row,
    )
    row = selected_row if selected_row is not None else default_row
    if row is None:
        return None
    selected = evaluations[row]
    if selected.id != linked_id:
        # Only a choice of the user: a screen that writes its default needs two steps back.
        table.write(selected.id)
    return selected


def format_release(evaluation: runs.Evaluation) -> str:
    """Format `application/release`, the application alone without a release, or ''."""
    return "/".join(part for part in (evaluation.application, evaluation.release) if part)


def compute_cost_usd(evaluation: runs.Evaluation) -> float | None:
    """Return the cost of judging and answering in USD; None when any call has no known price."""
    if evaluation.unpriced_calls or evaluation.answers_unpriced:
        return None
    return evaluation.spent_nano_usd / units.NANO_PER_USD
