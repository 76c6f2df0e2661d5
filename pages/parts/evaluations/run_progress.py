"""A run that has not ended: how far it is, how long it will take, what it spends, and what it says so far."""

from __future__ import annotations

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import progress
from pages.parts import reads
from pages.parts.evaluations import run_actions
from pages.parts.reads import evaluations
from pages.parts.shared import frame, metric_names, tables, units
from pages.parts.shared.frame import Screen


@frame.live(run_every_s=1)
def draw(here: Screen, identifier: str, state: str) -> None:
    """Watch a run; the whole screen is drawn again only when its state changes.

    Args:
        here: what the guard returned.
        identifier: of the run.
        state: the one that the rest of the screen shows.
    """
    run = reads.get_evaluation(here.url, identifier)
    if run.state != state:
        reads.changed("evaluations")
        st.rerun()
    st.progress(run.progress, text=_how_far(run))
    if run.problem:
        st.warning(units.plain(run.problem), icon=":material/info:")
    if run.is_open and not reads.is_worker_alive(here.url):
        st.warning(
            "No worker is running, so nothing moves. Start one with `genaiops worker`.",
            icon=":material/bedtime:",
        )
    _figures(run)
    _failures(here, run)
    _means(here, run)


def _how_far(run: runs.Evaluation) -> str:
    parts = [f"{run.state.capitalize()}: {run.units_done:,} of {run.units:,} scores"]
    if run.answers:
        parts.append(f"{run.answers_done:,} of {run.answers:,} answers generated")
    if run.attempt > 1:
        parts.append(f"attempt {run.attempt}")
    return ", ".join(parts)


def _figures(run: runs.Evaluation) -> None:
    limit = run_actions.spend_limit(run)
    unpriced = run.unpriced_calls + run.answers_unpriced
    begun = run.resumed_at or run.started_at or run.created_at
    with st.grid(5, min_column_width=170, gap="small"):
        _card("Running for" if run.is_open else "Begun, ago", _clock((now() - begun).total_seconds()))
        _card("Remaining", _remaining(run) if run.is_open else "paused")
        _card(
            "Spent",
            units.usd(run.spent_nano_usd),
            f"{'of ' + units.usd(limit) if limit is not None else 'no limit'}"
            + (f", {units.things(unpriced, 'call')} without a price" if unpriced else ""),
        )
        _card(
            "Judge calls",
            units.count(run.judge_calls),
            f"{units.count(run.input_tokens)} tokens in, {units.count(run.output_tokens)} out",
        )
        _card("No value", units.count(run.units_undefined), f"{run.units_failed:,} of them failed")


def _card(label: str, value: str, below: str | None = None) -> None:
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True, height="stretch")


def _remaining(run: runs.Evaluation) -> str:
    left_s = progress.remaining_s(run, now())
    return "unknown yet" if left_s is None else f"about {_clock(left_s)}"


def _clock(seconds: float) -> str:
    """1:35, or 2:04:00 from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _failures(here: Screen, run: runs.Evaluation) -> None:
    if run.units_failed:
        found = evaluations.failures(here.url, run.id)
        for reason, count in found:
            st.caption(f":orange[:material/error:] {count:,} × {units.plain(reason)}")


def _means(here: Screen, run: runs.Evaluation) -> None:
    found = evaluations.so_far(here.url, run.id)
    if not found:
        return
    column = tables.column
    tables.show(
        [
            {
                "metric": metric_names.title(one.metric, run),
                "mean": one.mean,
                "n": one.n,
                "undefined": one.undefined - one.failed,
                "failed": one.failed,
            }
            for one in found
        ],
        {
            "metric": column.TextColumn("Metric"),
            "mean": column.ProgressColumn("Mean so far", min_value=0, max_value=1, format="%.3f"),
            "n": column.NumberColumn("Scored", format="localized"),
            "undefined": column.NumberColumn("Undefined", format="localized"),
            "failed": column.NumberColumn("Failed", format="localized"),
        },
        key=f"evaluation_so_far_{run.id}",
        alt="Means of the scores so far, which are partial",
    )
    st.caption("Partial: means of what has been scored so far. They are no verdict and may still move.")
