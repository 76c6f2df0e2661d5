"""The third section of the form: metrics, how many cases lack the data for them, and the gates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from genaiops_core.evaluation.metrics import Metric
from genaiops_core.evaluation.verdicts import pipeline
from pages.parts.launch import launch_keys
from pages.parts.launch.launch_data import Cases
from pages.parts.metrics import metric_table
from pages.parts.shared import glossary, tables, units

_PIPELINE = "Pipeline gates"
_MINIMUMS = "Custom minimums"
_MONTHLY_COST = "monthly cost"


@dataclass(frozen=True, kw_only=True)
class MetricChoice:
    """The chosen metrics with their gates."""

    metrics: tuple[str, ...]
    minimums: dict[str, float] | None
    """Metric -> minimum; None applies the gates of the default pipeline."""
    problem: str
    """Why the evaluation cannot be launched; '' when it can."""
    pipeline_sample_size: int | None
    """Sample size of the pipeline, used when no sample size was chosen; None for minimums."""


def draw(
    judge_kind: str, available: Mapping[str, Metric], defaults: Sequence[str], cases: Cases
) -> MetricChoice:
    """Draw the choice of metrics, the missing data of the cases, and the gates.

    Args:
        judge_kind: kind of the judge, for example `bedrock`.
        available: metrics that the judge can measure, by name.
        defaults: metrics selected when no gate of the pipeline names an available metric.
        cases: the cases that will be scored.
    """
    default_pipeline = pipeline.parse_pipeline(pipeline.default_document())
    stages = default_pipeline.stages
    gated = [name for stage in stages for name in (*stage.metrics, *stage.compared_metrics)]
    gated_available = [name for name in dict.fromkeys(gated) if name in available]
    gate_source = st.segmented_control(
        "Gates",
        [_PIPELINE, _MINIMUMS],
        # A judge that measures no metric of the pipeline can never pass its gates.
        default=_PIPELINE if gated_available else _MINIMUMS,
        required=True,
        # The key names the judge where its default differs, so that another judge starts at its own.
        key=launch_keys.RUN_BY if not gated_available else f"{launch_keys.RUN_BY}_pipeline",
        help=glossary.GATE,
    )
    selected = st.multiselect(
        "Metrics",
        list(available),
        default=gated_available or list(defaults),
        format_func=lambda name: available[name].title,
        # The key names the judge, because another judge measures other metrics.
        key=f"{launch_keys.RUN_METRICS}_{judge_kind}_{len(available)}",
        placeholder="Choose metrics",
    )
    if selected:
        metric_table.draw(
            [available[name] for name in selected], coverage=cases.coverage, key="run_metric_table"
        )
    minimums, problem = None, ""
    if gate_source == _PIPELINE:
        _draw_gates(stages, available, selected, cases=cases)
    else:
        thresholds = {
            name: gate.threshold
            for stage in stages
            for name, gate in stage.metrics.items()
            if gate.threshold is not None
        }
        minimums = _draw_minimums([available[name] for name in selected], thresholds, cases) or None
        if minimums is None:
            problem = "Set a minimum for at least one metric."
            st.caption(f":orange[:material/info:] {problem}")
    return MetricChoice(
        metrics=tuple(selected),
        minimums=minimums,
        problem=problem,
        pipeline_sample_size=default_pipeline.sample_size if minimums is None else None,
    )


def _draw_minimums(
    metrics: Sequence[Metric], thresholds: Mapping[str, float], cases: Cases
) -> dict[str, float]:
    """Draw a minimum for each metric; it starts at the proposed one where any case has the data for the metric.

    Args:
        metrics: the selected metrics.
        thresholds: metric -> threshold of the default pipeline, the proposal where the metric has none of its own.
        cases: the cases that will be scored.
    """
    st.caption(
        "A metric passes when its whole 95 % interval is at or above the minimum, not only its mean. "
        "The proposed minimums come from the documented use of each metric; adapt them to your cases."
    )
    minimums: dict[str, float] = {}
    with st.grid(3, min_column_width=190, gap="small"):
        for metric in metrics:
            has_data = cases.coverage.count_lacking(metric.needs) < cases.coverage.cases
            proposal = thresholds.get(metric.name, metric.proposed_minimum) if has_data else None
            # A widget keeps its value when its default changes: other cases may have the data.
            key = launch_keys.run_minimum(metric.name) + ("" if has_data else "_without_data")
            # As state, because a field with a default of its own cannot be emptied.
            st.session_state.setdefault(key, proposal)
            value = st.number_input(
                metric.title,
                min_value=0.0,
                max_value=1.0,
                value=None,
                step=0.05,
                key=key,
                placeholder="no minimum",
            )
            if value is not None:
                minimums[metric.name] = float(value)
    return minimums


def _draw_gates(
    stages: Sequence[pipeline.Stage], available: Collection[str], selected: Sequence[str], *, cases: Cases
) -> None:
    """Draw the gates of the default pipeline, with those that this evaluation cannot decide."""
    rows = [row for stage in stages for row in _build_rows(stage, available, selected, cases)]
    undecidable = sum(row["state"] == ["inconclusive"] for row in rows)
    if undecidable:
        st.warning(
            f"{units.format_quantity(undecidable, 'gate')} of {len(rows)} cannot be decided, so the verdict can at best be "
            "inconclusive. Choose a judge that measures these metrics, or set minimums instead of the pipeline gates.",
            icon=":material/rule:",
        )
    column = tables.column
    with st.expander(
        f"{units.format_quantity(len(rows), 'gate')} of config/evaluation_pipeline.yaml",
        icon=":material/rule:",
    ):
        tables.draw(
            rows,
            {
                "stage": column.TextColumn("Stage", width="medium"),
                "metric": column.TextColumn("Gate", width="medium"),
                "threshold": column.TextColumn("Threshold", width="medium"),
                "state": tables.state_column("", width=100),
                "why": column.TextColumn("Why", width="large"),
            },
            key="run_gates",
            alt="Gates of the default pipeline",
        )


def _build_rows(
    stage: pipeline.Stage, available: Collection[str], selected: Sequence[str], cases: Cases
) -> list[dict[str, object]]:
    def build_row(metric: str, threshold: str, reason: str = "", state: str = "") -> dict[str, object]:
        return {
            "stage": stage.name,
            "metric": metric,
            "threshold": threshold,
            "state": [state] if state else [],
            "why": reason,
        }

    def build_metric_row(metric: str, threshold: str) -> dict[str, object]:
        if metric in selected or metric in ("cost", "latency"):
            return build_row(metric, threshold)
        reason = "not selected" if metric in available else "this judge cannot measure it"
        return build_row(metric, threshold, reason, "inconclusive")

    def build_limit_row(metric: str, threshold: str) -> dict[str, object]:
        # Generated answers have a cost and a latency; the monthly cost is known only from traffic.
        is_decidable = bool(cases.release) or (cases.is_generated and metric != _MONTHLY_COST)
        reason = "" if is_decidable else "needs a release with traffic"
        return build_row(metric, threshold, reason, "inconclusive" if reason else "")

    rows = [
        build_metric_row(name, f"at least {gate.threshold:g}")
        for name, gate in stage.metrics.items()
        if gate.threshold is not None
    ]
    if stage.threshold is not None:
        unmeasured = [name for name, gate in stage.metrics.items() if gate.weight and name not in selected]
        reason = f"needs {', '.join(unmeasured)}" if unmeasured else ""
        rows.append(
            build_row(
                "score of the stage",
                f"at least {stage.threshold:g}",
                reason,
                "inconclusive" if reason else "",
            )
        )
    rows += [
        build_metric_row(name, f"at most {stage.max_degradation:g} worse than {stage.compare_against}")
        for name in stage.compared_metrics
    ]
    limits = {"cost per query": stage.max_cost_per_query_usd, _MONTHLY_COST: stage.max_monthly_budget_usd}
    rows += [
        build_limit_row(name, f"at most {maximum:g} USD")
        for name, maximum in limits.items()
        if maximum is not None
    ]
    rows += [
        build_limit_row(f"latency {percentile}", f"at most {maximum:g} ms")
        for percentile, maximum in stage.max_latency_ms.items()
    ]
    return rows
