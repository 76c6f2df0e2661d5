"""Judges against people as a table: what was held against what, the coefficients, and both means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from genaiops_core.evaluation.human.agreement import JudgeAgreement
from genaiops_core.statistics.association import Association
from pages.parts.shared import tables, units

_WHY = {"default": "proposed", "chosen": "chosen", "same name": "same name"}


def draw(found: Sequence[JudgeAgreement], *, key: str, names_judge: bool) -> None:
    """A row a metric of a judge; what too few labels cannot say is left unknown, with the reason below."""
    column = tables.column
    columns: dict[str, Any] = {
        "metric": column.TextColumn("Metric", pinned=True),
        "judge": column.TextColumn("Judge"),
        "label": column.TextColumn("Held against", help="The label of people, and why it was taken"),
        "labelled": column.TextColumn("Labelled", width=92, help="Of the judged cases"),
        "raw": column.NumberColumn("Raw mean", format="%.3f", width=78, help="The judge's own"),
        "mean": column.TextColumn(
            "Corrected mean", help="What people would say of all judged cases, 95 % interval"
        ),
        "spearman": column.TextColumn("Spearman", help="Rank correlation of judge and people, 95 % interval"),
        "kappa": column.TextColumn(
            "Kappa", help="Agreement on good and bad beyond chance; the judge's good begins at the cut"
        ),
        "auroc": column.TextColumn(
            "AUROC", help="How often the judge scores a good case above a bad one; 0.5 is chance"
        ),
        "cut": column.NumberColumn(
            "Cut",
            format="%.2f",
            width=54,
            help="The judge's good begins here: the gate's threshold, else 0.5",
        ),
    }
    if not names_judge:
        del columns["judge"]
    tables.draw(
        [
            {
                "metric": one.metric,
                "judge": one.judge,
                "label": f"{one.label} ({_WHY[one.why]})",
                "labelled": f"{one.labelled:,} of {one.judged:,}",
                "raw": one.raw.mean if one.raw else None,
                "mean": _said(one.corrected.mean, one.corrected.low, one.corrected.high),
                "spearman": _coefficient(one.spearman),
                "kappa": None if one.kappa is None else _said(one.kappa.kappa, one.kappa.low, one.kappa.high),
                "auroc": _coefficient(one.auroc),
                "cut": one.cut,
            }
            for one in found
        ],
        columns,
        key=key,
        alt="Agreement of judges with people by metric",
    )
    for problem, who in _problems(found, names_judge=names_judge).items():
        st.caption(
            f":material/info: {units.escape_markdown(problem)} ({units.escape_markdown(', '.join(who))})"
        )


def _problems(found: Sequence[JudgeAgreement], *, names_judge: bool) -> dict[str, list[str]]:
    """Why something cannot be said -> of which metrics."""
    said: dict[str, list[str]] = {}
    for one in found:
        if problem := one.problem or one.corrected.problem:
            name = one.metric.replace("_", " ")
            said.setdefault(problem, []).append(f"{one.judge}: {name}" if names_judge else name)
    return said


def _coefficient(found: Association | None) -> str | None:
    return None if found is None else _said(found.value, found.low, found.high)


def _said(value: float | None, low: float | None, high: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:z.2f}" if low is None or high is None else f"{value:z.2f} ({low:z.2f} to {high:z.2f})"
