"""A run against another one: how far each metric moved, how sure that is, and which cases moved it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.runs.comparing import Compared
from genaiops_core.evaluation.verdicts.compare import BOOTSTRAP, MAX_DEGRADATION, METHODS, Difference
from pages.parts.charts import difference_chart, plots
from pages.parts.evaluations import compare_cases, run_list
from pages.parts.reads import comparison
from pages.parts.shared import frame, keys, tables, units
from pages.parts.shared.frame import Screen

_HOW = {BOOTSTRAP: "Bootstrap", "permutation": "Permutation"}


def draw(here: Screen, run: Evaluation) -> None:
    """Choose the baseline, then see the verdict, the differences and the cases behind them."""
    if run.state != "finished":
        st.caption("Only a run that finished is compared: what is missing of it would look like a loss.")
        return
    found = comparison.candidates(here.url, run.id)
    if not found:
        frame.empty(
            "No baseline yet",
            f"Runs are compared when the same judge ({units.plain(run.judge)}) scored the same dataset "
            f"({units.plain(run.dataset)}, any version). Evaluate the release in production on it, and every later run "
            "is compared with that one.",
            icon="compare_arrows",
        )
        return
    baseline, allowed, method = _choices(here, run, found)
    with frame.gently():
        compared = comparison.compared(here.url, baseline.id, run.id, allowed, method)
        _verdict(compared)
        _charts(compared, allowed)
        _table(compared)
        compare_cases.draw(here, compared)


def _choices(here: Screen, run: Evaluation, found: Sequence[Evaluation]) -> tuple[Evaluation, float, str]:
    stable = comparison.stable(here.url, run.application)
    by_id = {one.id: one for one in found}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox(
            "Baseline",
            list(by_id),
            index=list(by_id).index(_default(run, found, stable)),
            format_func=lambda id: _name(by_id[id], stable),
            key=f"{keys.COMPARE_BASELINE}_{run.id}",
            width=460,
        )
        allowed = st.number_input(
            "Allowed degradation",
            min_value=0.0,
            max_value=1.0,
            value=MAX_DEGRADATION,
            step=0.01,
            format="%.3f",
            key=f"{keys.COMPARE_ALLOWED}_{run.id}",
            width=170,
            help="Of a score's scale; relative for cost and latency, where 0.05 is 5 % more.",
        )
        method = st.segmented_control(
            "Interval by",
            METHODS,
            default=BOOTSTRAP,
            format_func=lambda name: _HOW.get(name, name),
            key=f"{keys.COMPARE_METHOD}_{run.id}",
            help="Bootstrap draws cases again and again. Permutation flips the signs of differences: exact for few "
            "cases too, if a case is as likely to fall as to rise about the mean.",
        )
    return by_id[picked] if picked in by_id else found[0], float(allowed), str(method or BOOTSTRAP)


def _default(run: Evaluation, found: Sequence[Evaluation], stable: str | None) -> str:
    """What it was launched against, else the newest run of production, else the newest there is."""
    asked = run.config.get("baseline")
    for one in found:
        if one.id == asked:
            return one.id
    older = [one for one in found if one.created_at < run.created_at] or list(found)
    of_production = [one for one in older if stable is not None and one.release == stable]
    return (of_production or older)[0].id


def _name(one: Evaluation, stable: str | None) -> str:
    release = run_list.release_name(one) or "no release"
    production = ", in production" if stable is not None and one.release == stable else ""
    return f"{release}{production} · v{one.version} · {one.created_at:%d %b %Y %H:%M}"


def _verdict(compared: Compared) -> None:
    found = compared.comparison
    pairs = found.pairs
    with st.container(horizontal=True, vertical_alignment="center"):
        tables.badge(found.verdict, icon=":material/gavel:")
        st.markdown(
            f"{units.things(len(pairs.common), 'case')} in both runs, {len(pairs.only_baseline):,} only in the "
            f"baseline, {len(pairs.only_current):,} only in this run.",
            width="content",
        )
        st.space("stretch")
        name = f"{compared.current.id}-against-{compared.baseline.id}"
        for label, make, ending, mime in (
            ("Cases, CSV", compared.as_csv, "csv", "text/csv"),
            ("comparison.json", compared.as_json, "json", "application/json"),
        ):
            st.download_button(
                label,
                data=make,
                file_name=f"comparison-{name}.{ending}",
                mime=mime,
                icon=":material/download:",
                key=keys.compare_export(ending),
                on_click="ignore",
            )


def _charts(compared: Compared, allowed: float) -> None:
    rows = [one for one in compared.comparison.differences if one.difference is not None]
    scores = [one for one in rows if not one.is_relative]
    relative = [one for one in rows if one.is_relative]
    places = st.columns([3, 2]) if scores and relative else [st.container()] * 2
    if scores:
        with places[0]:
            _chart(
                [_gain(one, compared) for one in scores],
                allowed=-allowed,
                unit="share of the metric's scale; to the left is worse",
                is_share=False,
                key=f"compare_scores_{compared.current.id}",
            )
    if relative:
        with places[1]:
            _chart(
                [_row(one, 1.0) for one in relative],
                allowed=allowed,
                unit="relative change; to the right is worse",
                is_share=True,
                key=f"compare_relative_{compared.current.id}",
            )


def _chart(
    rows: Sequence[difference_chart.Row], *, allowed: float, unit: str, is_share: bool, key: str
) -> None:
    form = "{:+.1%}" if is_share else "{:+.3f}"
    said = "; ".join(
        f"{row.name} {form.format(row.difference)}, {form.format(row.low)} to {form.format(row.high)}, {row.verdict}"
        for row in rows
    )
    plots.show(
        difference_chart.differences(rows, allowed=allowed, unit=unit, is_share=is_share),
        key=key,
        alt=f"Differences with intervals, {unit}: {said}. Allowed: {form.format(allowed)}",
    )


def _gain(one: Difference, compared: Compared) -> difference_chart.Row:
    """Scores as shares of their scales, turned so that less is worse for every metric."""
    scale = compared.scales.get(one.metric)
    width = scale.width if scale else 1.0
    return _row(one, (-1 if one.higher_is_better is False else 1) / width)


def _row(one: Difference, factor: float) -> difference_chart.Row:
    low, high = sorted((factor * (one.low or 0.0), factor * (one.high or 0.0)))
    return difference_chart.Row(
        name=compare_cases.metric_title(one.metric),
        difference=factor * (one.difference or 0.0),
        low=low,
        high=high,
        verdict=one.verdict,
    )


def _table(compared: Compared) -> None:
    column = tables.column
    found = compared.comparison
    tested = any(one.p_value is not None for one in found.differences)
    tables.show(
        [
            {
                "verdict": [one.verdict],
                "metric": compare_cases.metric_title(one.metric),
                "baseline": one.baseline_mean,
                "current": one.current_mean,
                "difference": _shown(one, one.difference),
                "interval": "" if one.low is None else f"{_shown(one, one.low)} to {_shown(one, one.high)}",
                "n": one.n,
                "p_value": one.p_value,
                "why": one.why,
            }
            for one in found.differences
        ],
        {
            "verdict": tables.states("Verdict"),
            "metric": column.TextColumn("Metric", width=190),
            "baseline": column.NumberColumn("Baseline", format="%.4g", width=80),
            "current": column.NumberColumn("This run", format="%.4g", width=80),
            "difference": column.TextColumn("Difference", width=90),
            "interval": column.TextColumn("Interval", width=140),
            "n": column.NumberColumn("Cases", format="localized", width=65),
            **({"p_value": column.NumberColumn("p (Holm)", format="%.4f", width=80)} if tested else {}),
            "why": column.TextColumn("Why", width="large"),
        },
        key=f"compare_table_{compared.current.id}",
        alt="Each metric in both runs, the difference with its interval, and the verdict",
    )
    named = "; ".join(sorted({one.method for one in found.differences if one.method}))
    methods = f", by {named}" if named else ""
    st.caption(
        units.plain(
            f"Intervals hold together at 95 %: each at {1 - found.alpha_each:.1%} (Bonferroni){methods}."
        )
    )


def _shown(one: Difference, value: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:+.1%}" if one.is_relative else f"{value:+.3f}"
