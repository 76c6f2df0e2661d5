"""Judge-human agreement as a table: matched labels, coefficients with intervals, raw and corrected mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.evaluation.human.agreement import JudgeAgreement
from genaiops_core.statistics.association import Association
from pages.parts.shared import tables, units

_MATCH_REASONS = {"default": "proposed", "chosen": "chosen", "same name": "same name"}


def draw(agreements: Sequence[JudgeAgreement], *, key: str, has_judge_column: bool) -> None:
    """Draw one row per metric and judge; a figure that needs more labels is unknown, with the reason below."""
    column = tables.column
    columns: dict[str, Any] = {
        "metric": column.TextColumn("Metric", pinned=True),
        "judge": column.TextColumn("Judge"),
        "label": column.TextColumn(
            "Human label", help="The label compared with the metric, and how it was matched"
        ),
        "labelled": column.TextColumn("Labelled", width=92, help="Labelled cases of all judged cases"),
        "raw": column.NumberColumn("Raw mean", format="%.3f", width=78, help="Mean of the judge's scores"),
        "mean": column.TextColumn(
            "Corrected mean",
            help="Mean of all judged cases, corrected by the human labels, with 95 % interval",
        ),
        "spearman": column.TextColumn(
            "Spearman", help="Rank correlation of judge and humans, with 95 % interval"
        ),
        "kappa": column.TextColumn(
            "Kappa",
            help="Agreement on good and bad beyond chance; a judge score at or above the cut counts as good",
        ),
        "auroc": column.TextColumn(
            "AUROC", help="Probability that the judge scores a good case above a bad one; 0.5 is chance"
        ),
        "cut": column.NumberColumn(
            "Cut",
            format="%.2f",
            width=54,
            help="Judge scores at or above the cut count as good: the gate's threshold, else 0.5",
        ),
    }
    if not has_judge_column:
        del columns["judge"]
    tables.draw(
        [
            {
                "metric": agreement.metric,
                "judge": agreement.judge,
                "label": f"{agreement.label} ({_MATCH_REASONS[agreement.why]})",
                "labelled": f"{agreement.labelled:,} of {agreement.judged:,}",
                "raw": agreement.raw.mean if agreement.raw else None,
                "mean": _format_estimate(
                    agreement.corrected.mean, agreement.corrected.low, agreement.corrected.high
                ),
                "spearman": _format_association(agreement.spearman),
                "kappa": None
                if agreement.kappa is None
                else _format_estimate(agreement.kappa.kappa, agreement.kappa.low, agreement.kappa.high),
                "auroc": _format_association(agreement.auroc),
                "cut": agreement.cut,
            }
            for agreement in agreements
        ],
        columns,
        key=key,
        alt="Judge-human agreement by metric",
    )
    for problem, metric_names in _group_problems(agreements, has_judge_names=has_judge_column).items():
        st.caption(
            f":material/info: {units.escape_markdown(problem)} ({units.escape_markdown(', '.join(metric_names))})"
        )


def _group_problems(agreements: Sequence[JudgeAgreement], *, has_judge_names: bool) -> dict[str, list[str]]:
    """Return the reason of each unknown figure -> the metrics it applies to."""
    metrics_by_problem: dict[str, list[str]] = {}
    for agreement in agreements:
        if problem := agreement.problem or agreement.corrected.problem:
            name = agreement.metric.replace("_", " ")
            metrics_by_problem.setdefault(problem, []).append(
                f"{agreement.judge}: {name}" if has_judge_names else name
            )
    return metrics_by_problem


def _format_association(association: Association | None) -> str | None:
    return (
        None
        if association is None
        else _format_estimate(association.value, association.low, association.high)
    )


def _format_estimate(value: float | None, low: float | None, high: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:z.2f}" if low is None or high is None else f"{value:z.2f} ({low:z.2f} to {high:z.2f})"
