"""An evaluation compared with a baseline: differences with intervals, verdicts and the changed cases."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.comparison import RunComparison
from genaiops_core.evaluation.verdicts.compare import BOOTSTRAP, MAX_DEGRADATION, METHODS, Difference
from pages.parts.charts import difference_chart, plots
from pages.parts.evaluations import compare_cases, evaluation_keys, evaluation_list
from pages.parts.reads import evaluations
from pages.parts.shared import frame, tables, units
from pages.parts.shared.frame import Screen

_METHOD_TITLES = {BOOTSTRAP: "Bootstrap", "permutation": "Permutation"}


def draw(screen: Screen, evaluation: Evaluation) -> None:
    """Draw the choice of a baseline, the verdict, the differences and the cases behind them."""
    if evaluation.state != "finished":
        st.caption("Only a finished evaluation can be compared: missing cases would look like a degradation.")
        return
    candidates = evaluations.list_baselines(screen.url, evaluation.id)
    if not candidates:
        frame.draw_empty_state(
            "No baseline yet",
            f"A baseline is an earlier evaluation by the same judge ({units.escape_markdown(evaluation.judge)}) on the same "
            f"dataset ({units.escape_markdown(evaluation.dataset)}, any version). Evaluate the production release on it; later "
            "evaluations are compared with that result.",
            icon="compare_arrows",
        )
        return
    baseline, max_degradation, method = _draw_choices(screen, evaluation, candidates)
    with frame.show_errors():
        run_comparison = evaluations.compare_runs(
            screen.url, baseline.id, evaluation.id, max_degradation, method
        )
        _draw_verdict(run_comparison)
        _draw_charts(run_comparison, max_degradation)
        _draw_table(run_comparison)
        compare_cases.draw(screen, run_comparison)


def _draw_choices(
    screen: Screen, evaluation: Evaluation, candidates: Sequence[Evaluation]
) -> tuple[Evaluation, float, str]:
    stable_release = evaluations.find_stable_release(screen.url, evaluation.application)
    by_id = {candidate.id: candidate for candidate in candidates}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        baseline_id = st.selectbox(
            "Baseline",
            list(by_id),
            index=list(by_id).index(_find_default_baseline(evaluation, candidates, stable_release)),
            format_func=lambda id: _format_evaluation(by_id[id], stable_release),
            key=f"{evaluation_keys.COMPARE_BASELINE}_{evaluation.id}",
            width=460,
        )
        max_degradation = st.number_input(
            "Allowed degradation",
            min_value=0.0,
            max_value=1.0,
            value=MAX_DEGRADATION,
            step=0.01,
            format="%.3f",
            key=f"{evaluation_keys.COMPARE_ALLOWED}_{evaluation.id}",
            width=170,
            help="Largest degradation that still passes. Scores: share of the metric's scale. Cost and latency: relative, "
            "0.05 = 5 % more.",
        )
        method = st.segmented_control(
            "Interval method",
            METHODS,
            default=BOOTSTRAP,
            format_func=lambda name: _METHOD_TITLES.get(name, name),
            key=f"{evaluation_keys.COMPARE_METHOD}_{evaluation.id}",
            help="A 95 % interval is the range of differences that the cases support. Bootstrap resamples the cases. "
            "Permutation flips the signs of differences: exact for few cases too, provided that changes are "
            "symmetric around their mean.",
        )
    return (
        by_id[baseline_id] if baseline_id in by_id else candidates[0],
        float(max_degradation),
        str(method or BOOTSTRAP),
    )


def _find_default_baseline(
    evaluation: Evaluation, candidates: Sequence[Evaluation], stable_release: str | None
) -> str:
    """Return the id of the default baseline.

    The order of preference: the baseline named at launch, the newest earlier evaluation of the stable release, the
    newest earlier evaluation, the newest candidate.
    """
    launch_baseline = evaluation.config.get("baseline")
    for candidate in candidates:
        if candidate.id == launch_baseline:
            return candidate.id
    earlier = [candidate for candidate in candidates if candidate.created_at < evaluation.created_at]
    eligible = earlier or candidates
    stable_candidates = [
        candidate
        for candidate in eligible
        if stable_release is not None and candidate.release == stable_release
    ]
    return (stable_candidates or eligible)[0].id


def _format_evaluation(evaluation: Evaluation, stable_release: str | None) -> str:
    release = evaluation_list.format_release(evaluation) or "no release"
    is_stable = stable_release is not None and evaluation.release == stable_release
    production_note = ", in production" if is_stable else ""
    return f"{release}{production_note} · v{evaluation.version} · {evaluation.created_at:%d %b %Y %H:%M}"


def _draw_verdict(run_comparison: RunComparison) -> None:
    result = run_comparison.comparison
    pairs = result.pairs
    with st.container(horizontal=True, vertical_alignment="center"):
        tables.draw_badge(result.verdict, icon=":material/gavel:")
        st.markdown(
            f"{units.format_quantity(len(pairs.common), 'case')} in both evaluations, {len(pairs.only_baseline):,} only in the "
            f"baseline, {len(pairs.only_current):,} only in this evaluation.",
            width="content",
        )
        st.space("stretch")
        file_stem = f"{run_comparison.current.id}-against-{run_comparison.baseline.id}"
        for label, build_file, extension, mime in (
            ("Cases, CSV", run_comparison.as_csv, "csv", "text/csv"),
            ("comparison.json", run_comparison.as_json, "json", "application/json"),
        ):
            st.download_button(
                label,
                data=build_file,
                file_name=f"comparison-{file_stem}.{extension}",
                mime=mime,
                icon=":material/download:",
                key=evaluation_keys.compare_export(extension),
                on_click="ignore",
            )


def _draw_charts(run_comparison: RunComparison, max_degradation: float) -> None:
    differences = [
        difference
        for difference in run_comparison.comparison.differences
        if difference.difference is not None
    ]
    scores = [difference for difference in differences if not difference.is_relative]
    relative = [difference for difference in differences if difference.is_relative]
    # The same container twice: with one kind of metric only one chart is drawn.
    chart_columns = st.columns([3, 2]) if scores and relative else [st.container()] * 2
    if scores:
        with chart_columns[0]:
            _draw_chart(
                [_build_score_row(difference, run_comparison) for difference in scores],
                allowed=-max_degradation,
                unit="share of the metric's scale; left is worse",
                is_share=False,
                key=f"compare_scores_{run_comparison.current.id}",
            )
    if relative:
        with chart_columns[1]:
            _draw_chart(
                [_build_row(difference, 1.0) for difference in relative],
                allowed=max_degradation,
                unit="relative change; right is worse",
                is_share=True,
                key=f"compare_relative_{run_comparison.current.id}",
            )


def _draw_chart(
    rows: Sequence[difference_chart.Row], *, allowed: float, unit: str, is_share: bool, key: str
) -> None:
    style = "+.1%" if is_share else "+.3f"
    descriptions = "; ".join(
        f"{row.name} {row.difference:{style}}, {row.low:{style}} to {row.high:{style}}, {row.verdict}"
        for row in rows
    )
    plots.draw(
        difference_chart.build_difference_chart(rows, allowed=allowed, unit=unit, is_share=is_share),
        key=key,
        alt=f"Differences with intervals, {unit}: {descriptions}. Allowed: {allowed:{style}}",
    )


def _build_score_row(difference: Difference, run_comparison: RunComparison) -> difference_chart.Row:
    """Build the row of a score in shares of its scale; the sign is turned so that less is always worse."""
    scale = run_comparison.scales.get(difference.metric)
    width = scale.width if scale else 1.0
    return _build_row(difference, (-1 if difference.higher_is_better is False else 1) / width)


def _build_row(difference: Difference, factor: float) -> difference_chart.Row:
    low, high = sorted((factor * (difference.low or 0.0), factor * (difference.high or 0.0)))
    return difference_chart.Row(
        name=compare_cases.format_metric(difference.metric),
        difference=factor * (difference.difference or 0.0),
        low=low,
        high=high,
        verdict=difference.verdict,
    )


def _draw_table(run_comparison: RunComparison) -> None:
    column = tables.column
    interval_help = "Range of differences that the cases support at the stated confidence"
    result = run_comparison.comparison
    has_p_values = any(difference.p_value is not None for difference in result.differences)
    tables.draw(
        [
            {
                "verdict": [difference.verdict],
                "metric": compare_cases.format_metric(difference.metric),
                "baseline": difference.baseline_mean,
                "current": difference.current_mean,
                "difference": _format_difference(difference, difference.difference),
                "interval": _format_interval(difference),
                "n": difference.n,
                "p_value": difference.p_value,
                "why": difference.why,
            }
            for difference in result.differences
        ],
        {
            "verdict": tables.state_column("Verdict"),
            "metric": column.TextColumn("Metric", width=190),
            "baseline": column.NumberColumn("Baseline", format="%.4g", width=80),
            "current": column.NumberColumn("Current", format="%.4g", width=80),
            "difference": column.TextColumn("Difference", width=90),
            "interval": column.TextColumn("Interval", width=140, help=interval_help),
            "n": column.NumberColumn("Cases", format="localized", width=65),
            **({"p_value": column.NumberColumn("p (Holm)", format="%.4f", width=80)} if has_p_values else {}),
            "why": column.TextColumn("Why", width="large"),
        },
        key=f"compare_table_{run_comparison.current.id}",
        alt="Each metric in both evaluations, the difference with its interval, and the verdict",
    )
    method_names = "; ".join(
        sorted({difference.method for difference in result.differences if difference.method})
    )
    method_note = f", by {method_names}" if method_names else ""
    st.caption(
        units.escape_markdown(
            f"Joint confidence 95 %: each interval at {1 - result.alpha_each:.1%} (Bonferroni){method_note}."
        )
    )


def _format_interval(difference: Difference) -> str:
    if difference.low is None:
        return ""
    return f"{_format_difference(difference, difference.low)} to {_format_difference(difference, difference.high)}"


def _format_difference(difference: Difference, value: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:+.1%}" if difference.is_relative else f"{value:+.3f}"
