"""The gates of an evaluation: threshold, measured value, verdict and the reason of the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.verdicts import gates
from pages.parts.shared import glossary, tables, units
from pages.parts.shared.frame import Screen

_ORDER = {"failed": 0, "error": 1, "inconclusive": 2, "warning": 3, "passed": 4}


def draw(_screen: Screen, evaluation: Evaluation) -> None:
    """Draw the stages and their gates, failed gates first."""
    results = evaluation.results or {}
    gate_results: Sequence[Mapping[str, Any]] = results.get("gates") or []
    if not gate_results:
        st.caption(
            "This evaluation has no gates, so there is nothing to pass or fail."
            if evaluation.state == "finished"
            else "The evaluation did not finish, so its gates were not evaluated and there is no verdict."
        )
        return
    with st.container(horizontal=True, gap="small"):
        for stage in results.get("stages") or []:
            score = f", score {stage['score']:.3f}" if stage.get("score") is not None else ""
            tables.draw_badge(
                str(stage["verdict"]),
                label=f"{units.escape_markdown(stage['name'])}: {units.escape_markdown(stage['verdict'])}{score}",
            )
    column = tables.column
    sorted_gates = sorted(gate_results, key=lambda gate: _ORDER.get(gate["verdict"], 0))
    row_number = tables.pick(
        [
            {
                "verdict": [gate["verdict"]],
                "stage": gate.get("stage"),
                "metric": gate.get("metric"),
                "threshold": gate.get("threshold"),
                "measured": gate.get("measured"),
                "unit": _find_unit(gate),
                "why": gate.get("why"),
            }
            for gate in sorted_gates
        ],
        {
            "verdict": tables.state_column("Verdict", help=glossary.GATE),
            "stage": column.TextColumn("Stage", width=135),
            "metric": column.TextColumn("Metric", width=135),
            "threshold": column.NumberColumn(
                "Threshold",
                format="%.4g",
                width=80,
                help="Minimum of a score, maximum of a cost or latency, allowed degradation against the baseline",
            ),
            "measured": column.NumberColumn("Measured", format="%.4g", width=80),
            "unit": column.TextColumn("Unit", width=90),
            "why": column.TextColumn("Why", width="large"),
        },
        key=f"evaluation_gates_{evaluation.id}",
        alt="Gates with verdicts and reasons, failed gates first; select a gate to read its full reason",
        default=0,
    )
    selected_gate = sorted_gates[row_number if row_number is not None else 0]
    # As text: names and reasons may come from rubrics and packages.
    st.text(f"{selected_gate.get('metric')}: {selected_gate.get('why')}")


def _find_unit(gate: Mapping[str, Any]) -> str:
    """Return the unit of the threshold and the measured value of a gate."""
    if gate.get("kind") == gates.REGRESSION:
        return "degradation"
    if gate.get("kind") == gates.LIMIT:
        return "ms" if str(gate.get("metric")).startswith("latency") else "USD"
    return "score"
