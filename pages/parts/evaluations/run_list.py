"""Every evaluation in one table; the newest is chosen until another row is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.errors import NotFound
from genaiops_core.evaluation import runs
from pages.parts import reads
from pages.parts.shared import keys, tables, units


def with_asked_for(url: str, found: list[runs.Evaluation], application: str | None) -> list[runs.Evaluation]:
    """The runs, and the one that the address names too where it is older than all of them.

    A link to what does not exist is said, so that nobody takes the newest run for the one that was meant.
    """
    asked_for = st.query_params.get(keys.EVALUATION)
    if asked_for is None or any(one.id == asked_for for one in found):
        return found
    try:
        older = reads.get_evaluation(url, asked_for)
    except NotFound as error:
        st.warning(f"{units.plain(error)} The newest one is shown.", icon=":material/link_off:")
        return found
    return [*found, older] if application in (None, older.application) else found


def draw(found: Sequence[runs.Evaluation]) -> runs.Evaluation:
    """Draw the runs, newest first; returns the one that was picked, or that the address names."""
    column = tables.column
    asked_for = st.query_params.get(keys.EVALUATION)
    default = next((at for at, one in enumerate(found) if one.id == asked_for), 0)
    picked = tables.pick(
        [
            {
                "at": one.created_at,
                "verdict": [one.verdict] if one.verdict else [],
                "state": [one.state],
                "dataset": f"{one.dataset} v{one.version}",
                "release": release_name(one),
                "judge": one.judge,
                "progress": round(one.progress, 2),
                "undefined": one.units_undefined,
                "cost": cost_usd(one),
                "by": one.created_by,
            }
            for one in found
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
        key=f"{keys.EVALUATION_TABLE}_{len(found)}",
        alt="Evaluations, newest first; select one to read it",
        height=215 if len(found) > 5 else "content",
        default=default,
    )
    chosen = found[picked if picked is not None else default]
    # A copied link shows a colleague the same run, and a newer one does not take its place.
    st.query_params[keys.EVALUATION] = chosen.id
    return chosen


def release_name(run: runs.Evaluation) -> str:
    """`application/release`, the application alone where no release was named, or nothing."""
    return "/".join(part for part in (run.application, run.release) if part)


def cost_usd(run: runs.Evaluation) -> float | None:
    """What judging and answering cost; None as soon as one call of it has no known price."""
    if run.unpriced_calls or run.answers_unpriced:
        return None
    return run.spent_nano_usd / 1e9
