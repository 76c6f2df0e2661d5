"""The third part of a new run: what is measured, on how many cases that will fail to say anything, and what is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.verdicts import pipeline
from pages.parts.launch import launch_keys
from pages.parts.launch.launch_data import Cases
from pages.parts.metrics import metric_table
from pages.parts.shared import tables, units

_PIPELINE = "The pipeline's gates"
_MINIMUMS = "My own minimums"
_MONTHLY = "monthly cost"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was chosen."""

    metrics: tuple[str, ...]
    minimums: dict[str, float] | None
    """None leaves the decision to the default pipeline."""
    most_cases: int | None
    """What the pipeline asks for, where it decides and no sample size was given."""


def draw(kind: str, can: Mapping[str, Metric], defaults: Sequence[str], cases: Cases) -> Asked:
    """Metrics, what the cases lack for them, and the gates.

    Args:
        kind: of the judge.
        can: what it can measure, by name.
        defaults: what it measures unless gates ask for something.
        cases: that will be scored.
    """
    decided_by = st.segmented_control(
        "Decided by", [_PIPELINE, _MINIMUMS], default=_PIPELINE, required=True, key=launch_keys.RUN_BY
    )
    parsed = pipeline.parse(pipeline.default_document())
    stages = parsed.stages
    wanted = [name for stage in stages for name in (*stage.metrics, *stage.compared_metrics)]
    asked_for = [name for name in dict.fromkeys(wanted) if name in can]
    chosen = st.multiselect(
        "Metrics",
        list(can),
        default=asked_for or list(defaults),
        format_func=lambda name: can[name].title,
        # Another judge measures other things: start at its own.
        key=f"{launch_keys.RUN_METRICS}_{kind}_{len(can)}",
        placeholder="Choose what to measure",
    )
    if chosen:
        metric_table.draw([can[name] for name in chosen], coverage=cases.coverage, key="run_metric_table")
    minimums = None
    if decided_by == _PIPELINE:
        _gates(stages, can, chosen, cases=cases)
    else:
        minimums = _minimums({name: can[name].title for name in chosen}) or None
    return Asked(
        metrics=tuple(chosen),
        minimums=minimums,
        most_cases=parsed.sample_size if minimums is None else None,
    )


def _minimums(chosen: Mapping[str, str]) -> dict[str, float]:
    st.caption("Passed when the whole interval is at or above the minimum, not only the mean.")
    found: dict[str, float] = {}
    with st.grid(3, min_column_width=190, gap="small"):
        for name, title in chosen.items():
            value = st.number_input(
                title,
                min_value=0.0,
                max_value=1.0,
                value=None,
                step=0.05,
                key=launch_keys.run_minimum(name),
                placeholder="no minimum",
            )
            if value is not None:
                found[name] = float(value)
    if not found:
        st.caption(":orange[:material/info:] Without any minimum the pipeline's gates decide.")
    return found


def _gates(
    stages: Sequence[pipeline.Stage], can: Collection[str], chosen: Sequence[str], *, cases: Cases
) -> None:
    """What the default pipeline asks, and which of it this run will not be able to say."""
    rows = [row for stage in stages for row in _rows(stage, can, chosen, cases)]
    without = sum(row["state"] == ["inconclusive"] for row in rows)
    if without:
        st.warning(
            f"{units.things(without, 'gate')} of {len(rows)} cannot be decided by this run, so it can at best be "
            "inconclusive. Choose a judge that measures them, or give minimums of your own.",
            icon=":material/rule:",
        )
    column = tables.column
    with st.expander(
        f"{units.things(len(rows), 'gate')} of config/evaluation_pipeline.yaml", icon=":material/rule:"
    ):
        tables.show(
            rows,
            {
                "stage": column.TextColumn("Stage", width="medium"),
                "metric": column.TextColumn("Gate", width="medium"),
                "asked": column.TextColumn("Asked", width="medium"),
                "state": tables.states("", width=100),
                "why": column.TextColumn("Why", width="large"),
            },
            key="run_gates",
            alt="Gates of the default pipeline",
        )


def _rows(
    stage: pipeline.Stage, can: Collection[str], chosen: Sequence[str], cases: Cases
) -> list[dict[str, object]]:
    def row(metric: str, asked: str, why: str = "", state: str = "") -> dict[str, object]:
        return {
            "stage": stage.name,
            "metric": metric,
            "asked": asked,
            "state": [state] if state else [],
            "why": why,
        }

    def measured(metric: str, asked: str) -> dict[str, object]:
        if metric in chosen or metric in ("cost", "latency"):
            return row(metric, asked)
        why = "not chosen" if metric in can else "this judge cannot measure it"
        return row(metric, asked, why, "inconclusive")

    def measured_in_traffic(metric: str, asked: str) -> dict[str, object]:
        # Answers that a target gives have a cost and a latency of their own; a month's spend only traffic has.
        can_tell = bool(cases.release) or (cases.is_generated and metric != _MONTHLY)
        why = "" if can_tell else "no release is chosen whose traffic could tell"
        return row(metric, asked, why, "inconclusive" if why else "")

    rows = [measured(name, f"at least {wanted.threshold:g}") for name, wanted in stage.metrics.items()]
    rows += [
        measured(name, f"at most {stage.max_degradation:g} worse than {stage.compare_against}")
        for name in stage.compared_metrics
    ]
    limits = {"cost per query": stage.max_cost_per_query_usd, _MONTHLY: stage.max_monthly_budget_usd}
    rows += [
        measured_in_traffic(name, f"at most {limit:g} USD")
        for name, limit in limits.items()
        if limit is not None
    ]
    rows += [
        measured_in_traffic(f"latency {share}", f"at most {limit:g} ms")
        for share, limit in stage.max_latency_ms.items()
    ]
    return rows
